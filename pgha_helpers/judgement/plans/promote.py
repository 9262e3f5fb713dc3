"""Which node to promote, by which road, and what that takes.

The same question is asked by a first run and by one that finishes what a killed run began: the
answer comes from what is seen, never from what is remembered.
"""

from __future__ import annotations

from collections.abc import Callable

from ...model import Hung, Running, Snapshot
from ...model.errors import BadParameters, NotSafe
from ...model.snapshot import streams_to
from .failover import plan_failover, promoted
from .loss_estimate import NOBODY_LOOKED, LossEstimate
from .plan import Plan, confirmed_node
from .switchover import ON_DEADLINE, switchover
from .unfinished import armed_and_stopped, standby_to_promote, to_set_back, way_back

OCCASIONS = ("switchover", "failover")


def promotion_plan(
    now: Snapshot,
    occasion: str = "switchover",
    confirm: str = "",
    fenced_by: str = "",
    on_deadline: str = "abort",
    drain: str = "",
    salvage: str = "all",
    skip_delay: bool = False,
    estimate: Callable[[str], LossEstimate] = lambda old: NOBODY_LOOKED,
) -> Plan:
    """Plan a switchover or a failover. `drain` is a time such as 10s, or empty.

    For a failover `estimate` tells what the node of that name has written that the other one has
    not.

    Raises BadParameters for another occasion, NotSafe where neither may be tried, NotSeen with two
    primaries.
    """
    if occasion not in OCCASIONS:
        raise BadParameters(f"occasion is {occasion!r}", f"it may be {' or '.join(OCCASIONS)}")
    if on_deadline not in ON_DEADLINE:
        raise BadParameters(
            f"on_deadline is {on_deadline!r}", f"it may be {', '.join(ON_DEADLINE)}"
        )
    wanted = confirmed_node(confirm, "promote", now.pair.names)
    if now.primaries and now.primary.node == wanted:
        return _already_primary(now, now.primary, occasion)
    if occasion == "switchover":
        return switchover(now, wanted, on_deadline, drain)
    if now.primaries:
        raise NotSafe(
            f"{now.primary.node} answers and is writable: a failover would make two primaries",
            "a primary that answers is moved with occasion=switchover",
        )
    return plan_failover(now, standby_to_promote(now, ""), fenced_by, salvage, skip_delay, estimate)


def _already_primary(now: Snapshot, primary: Running, occasion: str) -> Plan:
    other = now.other(primary.node)
    if isinstance(other, Running) and streams_to(primary, other.node) and other.replay_paused:
        words = (
            f"{primary.node} is already primary, but {other.node} streams and its replay is paused"
        )
        raise NotSafe(words, f"run rebuild for {other.node}: it says why, and what to do")
    left_over = isinstance(other, Running) and (_has_own_slot(now, other) or to_set_back(now))
    if isinstance(other, Running) and streams_to(primary, other.node) and not left_over:
        done = f"already so: {primary.node} is primary, and {other.node} follows it"
        return Plan("promote", primary.node, other.node, "return", already=done)
    if (
        isinstance(other, Running)
        or armed_and_stopped(other)
        or (isinstance(other, Hung) and other.disk.standby_files)
    ):
        return way_back(now, primary)
    if occasion == "failover":
        return promoted(primary, other)
    raise NotSafe(
        f"{primary.node} is already primary, but it has no standby: {other.node} {other}",
        "run rebuild",
    )


def _has_own_slot(now: Snapshot, old: Running) -> bool:
    """Whether the old primary still keeps WAL for the new one."""
    new = now.pair.other(old.node)
    return any(slot.name == new.slot for slot in old.slots)
