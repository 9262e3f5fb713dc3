"""pg_rewind itself: rehearsed, then done where nothing can start what it works on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from ....facts.connection import keys_of
from ....facts.files import real_path
from ....facts.processes import read_processes
from ....judgement.plans.rebuild import Rewinding
from ....model import DeedKind, dialect
from ....model.conninfo import source_conninfo
from ....model.errors import NotAchieved, Refusal
from ....model.major import Major
from ....model.node_config import NodeConfigs
from ....model.set_aside import STAMP
from ....model.show import size
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from ....wire.scripts import script_file
from ..flushing import flush
from ..progress import Progress

_TO_COPY = re.compile(r"need to copy (\d+) MB \(")
_MUCH = 300  # MB from which on it pays that the source compiles, see source_conninfo
CLONE = "the data directory was not overwritten. Mend the cause, or rebuild with method=clone"

_PUT_AWAY = script_file(__file__, "put_away.sh")


def rehearse(run: Run, name: str, where: str, asked: Rewinding, major: Major) -> int | None:
    """pg_rewind --dry-run on the directory at `where`, until it says how much it would copy.

    Gives that, None where it did not say.

    Raises NotAchieved in its own words; nothing was overwritten then.
    """
    door = run.doors[name]
    with run.deed(name, "rehearse pg_rewind", DeedKind.REHEARSE_REWIND) as deed:
        deed.changed = False
        refuse_a_running_server(door)
        said: list[str] = []
        script = Path(__file__).with_name("rehearse.sh").read_text("utf-8")
        argv = ["sh", "-c", script, "sh", *_pg_rewind(run, door, where, asked, major)]
        status = attend(door, argv, said.append, run.timeouts.clone)
        if status or any("no rewind required" in line for line in said):
            raise NotAchieved(f"pg_rewind on {name} says no: {_last(said)}", CLONE)
        to_copy = _TO_COPY.search("\n".join(said))
        copied = int(to_copy[1]) if to_copy else None
        told = "an unknown number of" if copied is None else copied
        deed.say(f"rehearsed pg_rewind: it would copy {told} MB")
        return copied


def rewind(
    run: Run,
    name: str,
    where: str,
    saved: str,
    asked: Rewinding,
    major: Major,
    copied: int | None,
    configs: NodeConfigs,
) -> None:
    """Rewind the directory that lies at `where`; `copied` MB were rehearsed.

    `configs` are each node's own. Raises NotAchieved where that fails: then the directory stays
    aside and is never started.
    """
    door = run.doors[name]
    data = real_path(door, door.node.data_directory)
    aside = f"{data}.rewinding-{run.id}"
    words = f"rewind it from {run.pair.other(name).name}"
    with run.deed(name, words, DeedKind.REWIND) as deed:
        refuse_a_running_server(door)
        with Progress(run, f"rewind of {name}") as progress:
            script = flush() + Path(__file__).with_name("rewind.sh").read_text("utf-8")
            more = (*configs.mine.rest(configs.theirs), *configs.mine.logs)
            own = (data, where, aside, saved, "\n".join(configs.foreign), "\n".join(more))
            program = _pg_rewind(run, door, aside, asked, major, copied)
            argv = ["sh", "-c", script, "sh", *own, *program]
            status = attend(door, argv, progress.hear, run.timeouts.clone)
        if status:
            raise NotAchieved(
                f"the rewind of {name} ended with status {status}: {_last(progress.said)}. It is "
                f"unusable, kept as {aside}, and must never be started; what it had is saved in "
                f"{saved}",
                "run this notebook again: the node will be cloned",
            )
        deed.say(
            f"rewound it from {run.pair.other(name).name} ({size(progress.samples[-1][1])}); "
            f"kept from before: {saved}"
        )


def _pg_rewind(
    run: Run,
    door: Door,
    data: str,
    asked: Rewinding,
    major: Major,
    copied: int | None = None,
) -> list[str]:
    much = (copied or 0) >= _MUCH
    source = source_conninfo(run.pair, door.node, major, much, keys_of(run, door.node.name))
    argv = [door.binary("pg_rewind"), "-D", data, "-P", f"--source-server={source}"]
    if dialect.has("rewind_no_sync", major):
        # everything is synced at once before the directory gets its name back
        argv.append("--no-sync")
    if dialect.has("restore_target_wal", major):
        argv.append("--no-ensure-shutdown")
        if asked.missing:
            argv.append("--restore-target-wal")
        if asked.missing and door.node.config_directory:
            argv.append(f"--config-file={door.node.config_directory}/postgresql.conf")
    return argv


def refuse_a_running_server(door: Door) -> None:
    if read_processes(door):
        raise Refusal(
            f"a server runs in the data directory of {door.node.name}", "run this notebook again"
        )


def _last(said: list[str]) -> str:
    return "; ".join(said[-3:]) or "it said nothing"


def put_away(run: Run, name: str) -> None:
    """Keep what a rewind has left half done under a name that is listed."""
    door = run.doors[name]
    words = "put away what a rewind has left half done"
    with run.deed(name, words, DeedKind.PUT_AWAY) as deed:
        argv = (real_path(door, door.node.data_directory), f"{datetime.now(UTC):{STAMP}}-{run.id}")
        if kept := door.script(_PUT_AWAY, *argv).text:
            deed.say(
                f"put away what a rewind has left half done: it is kept as {kept}, and must "
                "never be started"
            )
        else:
            deed.already("no rewind has left anything half done")
