"""Two writable nodes of one cluster: where they parted, and how much each has written since."""

from __future__ import annotations

from ...model import Lsn, Running, Snapshot
from ...model.show import size
from ..plans.rebuild import history_of, one_switch

#: Timelines in order, each with the position at which it was left; None for the one that goes on.
_Lineage = list[tuple[int, Lsn | None]]


def at_stake(now: Snapshot) -> str:
    """What is on one of two writable nodes only, in bytes of WAL; as an upper bound, or unknown,
    where it is so.
    """
    one, other = now.primaries
    fork, exact = _fork(now, one, other)
    if fork is None:
        told = ", ".join(f"{node.node} is at {node.position}" for node in (one, other))
        return f"where they parted cannot be told from here ({told}): rebuild compares their WAL"
    most = "" if exact else "at most "
    since = " and ".join(
        f"{node.node} {most}{size(max(0, node.written - fork))} of WAL" for node in (one, other)
    )
    if exact:
        where = f"they parted at {fork}"
    else:
        where = f"they parted at {fork} or later (their histories do not tell where)"
    return f"{where}; written since, and missing on the other: {since}"


def _fork(now: Snapshot, one: Running, other: Running) -> tuple[Lsn | None, bool]:
    """Where two histories part, and whether that is the very place or only the last that they
    surely share.

    A standby that lost its signal file opens on its primary's timeline and leaves no history: then
    what its slot on the primary still kept for it was the last that both had.
    """
    ours, theirs = _lineage(one), _lineage(other)
    if ours is None or theirs is None:
        return None, False
    shared = None
    for (timeline, left), (same, theirs_left) in zip(ours, theirs, strict=False):
        if timeline != same:
            return shared, True  # both left the timeline before at one place, for different ones
        alike = left == theirs_left
        if left is not None and theirs_left is not None:
            alike = one_switch(one.major, left, theirs_left)
        if not alike:
            return Lsn(min(lsn for lsn in (left, theirs_left) if lsn is not None)), True
        shared = left if left is not None else shared
    kept = [
        restart
        for restart in (_kept(now, one, other), _kept(now, other, one))
        if restart is not None
    ]
    known = [lsn for lsn in (shared, min(kept, default=None)) if lsn is not None]
    return (max(known) if known else None), False


def _lineage(node: Running) -> _Lineage | None:
    """Every timeline that this node has come by; None where its history cannot be read."""
    if node.timeline == 1:
        return [(1, None)]
    text = node.disk.histories.get(node.timeline) if node.disk else None
    return None if text is None else [*sorted(history_of(text).items()), (node.timeline, None)]


def _kept(now: Snapshot, keeper: Running, follower: Running) -> Lsn | None:
    """The last position that the one is known to have had from the other."""
    name = now.pair[follower.node].slot
    return next((slot.restart for slot in keeper.slots if slot.name == name), None)
