"""Where two histories part: told by .history files first, by WAL records and bytes always."""

from __future__ import annotations

from collections.abc import Collection

from ....model import Blank, Disk, Hung, Lsn, Position, Running, Snapshot, Stopped
from ....model.dialect import has
from ....model.foreign import lines_of, whole
from ....model.major import Major
from ....model.positions import SEGMENT
from ....model.sightings import disk_of
from .evidence import Evidence

Loser = Running | Stopped | Hung | Blank


def history_of(text: str) -> dict[int, Lsn]:
    """Parse a timeline history file: ancestor timeline to the position where it was left.

    Raises ValueError for a line of another form: a history of which a part is unknown proves
    nothing.

    >>> history_of("1\\t0/3000148\\tno recovery target specified\\n\\n2\\t0/5000000\\treason\\n")
    {1: Lsn('0/03000148'), 2: Lsn('0/05000000')}
    """
    rows = [line.split() for line in lines_of(text) if line.strip() and not line.startswith("#")]
    if odd := next((row for row in rows if len(row) < 2), None):
        raise ValueError(f"a line of a .history file is cut short: {odd[0]!r}")
    return {whole(row[0], "a timeline of a .history file"): Lsn.parse(row[1]) for row in rows}


def timeline_of(loser: Loser, evidence: Evidence) -> int:
    """The newest timeline of which the node has WAL; as far as is known, that of its control file.
    0: not known.

    One that was promoted and died before its first checkpoint has a newer history than its control
    file tells; so may a standby, which has written nothing of its own.
    """
    if isinstance(loser, Running):
        return evidence.timeline or loser.timeline
    control = loser.disk.control
    if control is None:
        return evidence.timeline
    opened = 0 if control.ended_in_recovery else own_timeline(loser.disk)
    return max(evidence.timeline, control.checkpoint.timeline, opened)


def own_timeline(disk: Disk, known: Collection[int] = ()) -> int:
    """The newest of the timelines that the node itself may be on; 0: not known.

    Those of its histories, and `known`. What a standby has received of a timeline stays there when
    it is opened by hand on the one before, whose checkpoint then lies beyond where it was left.
    """
    control = disk.control
    if control is None:
        return max(disk.histories, default=0)
    on = control.checkpoint.timeline
    mine = {on}
    for timeline in {*disk.histories, *known}:
        left = history_of(disk.histories.get(timeline, "")).get(on)
        if left is None or left > control.checkpoint.lsn:
            mine.add(timeline)
    return max(mine)


def fork_of(now: Snapshot, loser: Loser, timeline: int) -> Position | None:
    """Up to where this timeline's history is the primary's, too; None where they share nothing that
    is known.

    Not the numbers decide but the contents of both histories: two promotions may have made the same
    number twice.
    """
    ours = _lineage(now.primary, now.primary.timeline)
    its = _lineage(loser, timeline) or _part(ours, timeline)
    shared = None
    for (mine, left), (theirs, gone) in zip(ours.items(), its.items(), strict=False):
        if mine != theirs:
            break
        if left and gone and one_switch(now.primary.major, left, gone):
            left = gone = max(left, gone)
        ends = [end for end in (left, gone) if end is not None]
        shared = Position(mine, min(ends, default=now.primary.written))
        if left != gone:
            break
    return shared


def one_switch(major: Major, one: Lsn, other: Lsn) -> bool:
    """Whether both may be the place of one promotion. Histories before 9.3 name a segment, and
    where in it a node knows only as long as it has that WAL: a copy has not, nor who has restored
    it from an archive. Then the bytes of WAL alone tell two promotions apart.

    >>> before, unknown, other = map(Lsn.parse, ("0/5000078", "0/5000000", "0/6000078"))
    >>> [one_switch(Major.parse("9.2"), before, each) for each in (before, unknown, other)]
    [True, True, False]
    >>> one_switch(Major.parse("9.3"), before, unknown)
    False
    """
    if one == other:
        return True
    if has("history_positions", major):
        return False
    first, last = sorted((one, other))
    return first % SEGMENT == 0 and last < first + SEGMENT


def _lineage(node: Loser, timeline: int) -> dict[int, Lsn | None]:
    """Each timeline of a history with the position where it was left; None for the last. Empty
    where not known.
    """
    disk = disk_of(node)
    text = disk.histories.get(timeline, "") if disk else ""
    if timeline > 1 and not text:
        return {timeline: None} if isinstance(node, Running) and node.writable else {}
    return {**history_of(text), timeline: None} if timeline else {}


def _part(whole: dict[int, Lsn | None], timeline: int) -> dict[int, Lsn | None]:
    """The history up to a timeline of it, for a node that has no history file of its own."""
    if timeline not in whole:
        return {}
    return {past: end for past, end in whole.items() if past < timeline} | {timeline: None}


def why_not_follow(now: Snapshot, loser: Loser, evidence: Evidence) -> str | None:
    """Why this node cannot simply be started as a standby of the primary, or None if it can."""
    if isinstance(loser, Blank | Hung):
        return str(loser)
    timeline, primary = timeline_of(loser, evidence), now.primary.node
    fork = fork_of(now, loser, timeline)
    if fork is None:
        return f"it is on timeline {timeline}, which is not in the history of {primary}"
    if fork.timeline != timeline:
        return f"its timeline {timeline} is its own: it left the history of {primary} at {fork}"
    if evidence.last is None:
        return "the end of its WAL cannot be read"
    if evidence.last >= fork.lsn:
        return f"its WAL goes beyond the fork at {fork.lsn}, to {evidence.last}"
    return why_another(evidence, primary)


def why_another(evidence: Evidence, primary: str) -> str | None:
    """Why the node's WAL is not proven to be the primary's as far as both go, or None where it
    is.
    """
    since = f", from {evidence.parted} on" if evidence.parted else ""
    # what streams in over a history of its own begins with a whole segment (seen on 18)
    if not evidence.its:
        return "its own last checkpoint is not in its WAL: that was written over, or is gone"
    if evidence.agree is False:
        return f"its last checkpoint is another record in the WAL of {primary}{since}"
    if evidence.same is False:
        return (
            f"its WAL is not that of {primary}, byte for byte: another history on the same "
            f"timeline{since}"
        )
    if evidence.same is None:
        return (
            f"the WAL to be compared is not there any more, on it or on {primary}: unknown "
            "counts as another history"
        )
    return None
