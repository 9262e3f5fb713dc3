"""What a node has committed beyond a fork, counted."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Position
from ..wire.doors import Door
from .wal import segment_name

#: Both ends are named: told a position only, pg_waldump guesses the size of a segment from whichever file it meets.
_COMMITS = """
waldump=$1 wal=$2; shift 2
"$waldump" -p "$wal" -r Transaction "$@" 2>/dev/null | grep -c 'desc: COMMIT'
"""


@dataclass(frozen=True)
class Counted:
    """A number of transactions, and a sentence about it."""

    count: int
    sentence: str


def left_behind(door: Door, fork: Position, last: Position, segment: int) -> Counted | None:
    """The transactions of the WAL from the fork to the last record, prepared ones included; None if it is not there."""
    wal = f"{door.node.data_directory}/pg_wal"
    begin, end = segment_name(Position(last.timeline, fork.lsn), segment), segment_name(last, segment)
    argv = ("-t", str(last.timeline), "-s", str(fork.lsn), begin, end)
    answer = door.script(_COMMITS, door.binary("pg_waldump"), wal, *argv, okay=(0, 1), within=door.patience)
    if not answer.text.isdigit():
        return None
    count = int(answer.text)
    committed = f"{count} transaction{'' if count == 1 else 's'} that the primary lacks"
    return Counted(count, f"{door.node.name} has committed {committed}, after {fork}")
