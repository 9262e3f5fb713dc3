"""What a copy in place must not meet.

The target's own control file, WAL and slots, moved aside and kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ....facts.rsync import NOTE
from ....model import DeedKind
from ....model.set_aside import STAMP
from ....run.run import Run
from ....wire.doors import Door


@cache
def _script() -> str:
    return Path(__file__).with_name("aside.sh").read_text("utf-8")


def move_aside(run: Run, name: str, target: str) -> None:
    """Move aside, and never delete, what would be replayed or let half a copy start.

    May be run again: what an earlier run has moved is left where it is. Where it fails, all is
    where it was.
    """
    stamp = f"aside-{datetime.now(UTC):{STAMP}}-{run.id}"
    words = f"move the WAL and the control file of {target} aside"
    with run.deed(name, words, DeedKind.MOVE_ASIDE) as deed:
        kept = move(run.doors[name], target, stamp)
        if kept:
            deed.say(f"moved WAL and control file aside, kept in {' and '.join(kept)}")
        else:
            deed.already("there was no WAL and no control file to move aside")


def move(door: Door, target: str, stamp: str) -> list[str]:
    """Do it, and give the directories that hold what was moved."""
    return door.script(_script(), target, stamp, NOTE, within=door.patience).lines
