"""Where to begin reading: rows of a transaction that commits after the fork may lie before it.

RUNNING_XACTS, which each checkpoint writes and the background writer every 15 s, names the oldest
transaction that runs (or is prepared) and the id that comes next. So whatever ran at the last one
before the fork has begun after an earlier one to which that oldest id was still to come; often that
is the last one itself, because nothing ran.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....model import Lsn, Position
from ....model.positions import segment_name
from ....model.units import MB
from ....wire.doors import Door
from .reading import command
from .records import precedes
from .stretches import Stretch, earliest

# bytes before the fork: a few at first, then more while they are not enough
_BACK = (16 * MB, 128 * MB, 512 * MB)
_MARK = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+), .*RUNNING_XACTS nextXid (\d+) latestCompletedXid \d+ "
    r"oldestRunningXid (\d+)"
)
_MARKS = '"$@" 2>/dev/null | grep -F RUNNING_XACTS'


def beginning(door: Door, fork: Position, names: Sequence[str], segment: int) -> Lsn:
    """The last place before the fork that lies before every transaction which commits after it.

    The earliest one to be had, within reason, where that does not go back far enough. `names` are
    the WAL files there.
    """
    first = segment_name(fork, segment)
    if first not in names:
        return earliest(fork, names, segment, 0)
    start = Lsn(0)
    for back in _BACK:
        before = start
        start = earliest(fork, names, segment, back)
        if start == before:
            break
        at = Position(fork.timeline, start)
        stretch = Stretch(at, segment_name(at, segment), first, fork.lsn)
        argv = command(door, stretch, "-r", "Standby")
        answer = door.script(_MARKS, *argv, okay=(0, 1), within=door.patience)
        if (found := whole_from(answer.text)) is not None:
            return found
    return start


def whole_from(text: str) -> Lsn | None:
    """The last of these lines to which all was still to come that ran at the very last one.

    None if there is none.

    >>> line = ("lsn: 0/0{}, prev 0/0, desc: RUNNING_XACTS nextXid {} latestCompletedXid 1 "
    ... "oldestRunningXid {}")
    >>> whole_from("\\n".join([line.format(1, 750, 749), line.format(2, 755, 751),
    ... line.format(3, 760, 752)]))
    Lsn('0/00000001')
    """
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    oldest = int(marks[-1][3])
    for lsn, coming, _ in (mark.groups() for mark in reversed(marks)):
        if not precedes(oldest, int(coming)):
            return Lsn.parse(lsn)
    return None
