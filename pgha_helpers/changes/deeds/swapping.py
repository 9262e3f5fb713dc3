"""Moving a copy in: what was there is kept aside, and a swap that died is gone on with."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ...facts.disk import read_disk
from ...facts.files import real_path
from ...model import DeedKind
from ...model.errors import NotAchieved, Refusal
from ...model.set_aside import STAMP
from ...run.run import Run


@cache
def _script() -> str:
    return Path(__file__).with_name("swap.sh").read_text("utf-8")


def swap(run: Run, name: str, copy: str) -> tuple[str, ...]:
    """Rename the old data directory, tablespaces and WAL aside and move the copy in.

    Gives what is kept. `copy` is `DATA.clone-RUN`, or `DATA.swap-WHEN-RUN` where a swap was begun.
    What is renamed aside is called `X.aside-YYYYMMDDTHHMMSSZ-RUN`, where RUN is the run that made
    the copy; its links lead to what belongs to it, so it could be started. Raises Refusal while a
    process has the old directory open.
    """
    door = run.doors[name]
    target = real_path(door, run.pair[name].data_directory)
    words = copy.split("-")
    begun = words[-2] if ".swap-" in copy else f"{datetime.now(UTC):{STAMP}}"
    with run.deed(name, f"move the copy into {target}", DeedKind.MOVE_IN) as deed:
        if read_disk(door).processes:
            raise Refusal(
                f"{target} on {name} is still open by PostgreSQL",
                "run this notebook again: it stops it first",
            )
        # syncing may have to wait for other programs' writes
        answer = door.script(_script(), target, words[-1], begun, within=door.patience)
        kept = tuple(answer.lines)
        if not read_disk(door).control:
            raise NotAchieved(
                f"{target} on {name} does not hold the copy", f"look at {target} and {copy}"
            )
        told = f"; the old directory is kept as {' with '.join(kept)}" if kept else ""
        deed.say(f"moved the copy into {target}{told}")
    return kept
