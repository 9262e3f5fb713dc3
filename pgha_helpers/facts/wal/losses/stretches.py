"""Which files of a node's WAL hold what lies around a fork.

Pure, from the names of the files and from histories. A loser may have been promoted itself, since:
then what it has beyond the fork goes over from one timeline to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....judgement.plans.rebuild import history_of
from ....model import Lsn, Position
from ....model.positions import is_segment, last_byte_before, segment_name, segment_start


@dataclass(frozen=True)
class Stretch:
    """WAL of one timeline from `start` on; to `until`, or to its end.

    `first` and `last` are names of files.
    """

    start: Position
    first: str
    last: str
    until: Lsn | None = None


def timelines_after(
    fork: int, names: Sequence[str], histories: Mapping[int, str], own: int = 0
) -> list[tuple[int, Lsn | None]]:
    """The timelines that this node has gone through from `fork` on.

    Each comes with where it was left, None for the one that it is on. `names` are the files of its
    WAL, `histories` the texts of its history files, and `own` is the timeline that it is on where
    that is known: it may have more, from when it was a standby.

    >>> timelines_after(1, ["000000020000000000000003"],
    ... {2: "1\\t0/3000148\\tno recovery target specified\\n"})
    [(1, Lsn('0/03000148')), (2, None)]
    >>> timelines_after(1, ["000000020000000000000003"],
    ... {2: "1\\t0/3000148\\tstreamed, before it was opened by hand\\n"}, own=1)
    [(1, None)]
    >>> timelines_after(1, ["000000010000000000000003"],
    ... {2: "1\\t0/3000148\\tthe other node's, and not followed\\n"})
    [(1, None)]
    """
    present = {own} if own else {int(name[:8], 16) for name in names if is_segment(name)}
    for newest in sorted(present & histories.keys(), reverse=True):
        left = history_of(histories[newest])
        if newest > fork in left:
            found: list[tuple[int, Lsn | None]] = []
            found += [(timeline, at) for timeline, at in sorted(left.items()) if timeline >= fork]
            return [*found, (newest, None)]
    return [(fork, None)]


def _name(timeline: int, number: int, segment: int) -> str:
    return segment_name(Position(timeline, Lsn(number * segment)), segment)


def earliest(fork: Position, names: Sequence[str], segment: int, back: int) -> Lsn:
    """The begin of the file `back` bytes before the fork, or of the last before a gap.

    Always the begin of a file: in one that was switched away from, pg_waldump finds nothing after
    the middle.
    """
    have = set(names)
    number = int(fork.lsn) // segment
    while number > 0 and number * segment > int(fork.lsn) - back:
        before = int(last_byte_before(Lsn(number * segment), segment)) // segment
        pair = {_name(fork.timeline, each, segment) for each in (number, before)}
        if not pair <= have:
            break
        number = before
    return Lsn(number * segment)


def stretches(
    fork: Position,
    names: Sequence[str],
    histories: Mapping[int, str],
    segment: int,
    start: Lsn,
    own: int = 0,
) -> tuple[Stretch, ...]:
    """What to read, and in which order, from `start` on, which lies before the fork.

    `segment`: bytes of one. Where that file is not there any more, it begins with the first one
    after it; empty if there is none either.
    """
    have = [name for name in sorted(names) if is_segment(name)]
    found = []
    for timeline, left in timelines_after(fork.timeline, names, histories, own):
        at = Position(timeline, start)
        first = segment_name(at, segment)
        mine = [name for name in have if int(name[:8], 16) == timeline and name >= first]
        if left is not None:
            last = segment_name(Position(timeline, left), segment)
            mine = [name for name in mine if name <= last]
            start = left
        if mine:
            begin = max(at, segment_start(mine[0], segment))
            found.append(Stretch(begin, mine[0], mine[-1], left))
    return tuple(found)
