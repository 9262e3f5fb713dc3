"""Which node to promote, by which road, and what that takes.

The same question is asked by a first run and by one that finishes what a killed run began: the
answer comes from what is seen, never from what is remembered.
"""

from __future__ import annotations

from collections.abc import Callable

from ...model import (
    Blank,
    Control,
    Disk,
    Hung,
    Running,
    Sighting,
    Silent,
    Snapshot,
    Stopped,
    dialect,
)
from ...model.errors import BadParameters, NotSafe
from ...model.show import size, span
from ...model.snapshot import streams_to
from ...model.survey import ForNow, Survey
from .failover import plan_failover, promoted, refuse_promotion_without_room
from .for_now import RESTORE, why_not_back, without_archive
from .loss_estimate import NOBODY_LOOKED, LossEstimate
from .plan import Plan, confirmed_node
from .readers import readers
from .rebuild import history_of

OCCASIONS = ("switchover", "failover")

#: What is done when the old primary has not stopped in time; chosen before the gate, never asked
#: inside the window.
ON_DEADLINE = {
    "abort": "it is taken back",
    "wait": "it waits longer, then it is taken back",
    "cancel": (
        "walsenders of third parties that hold it are ended; if that is in vain, it is taken back"
    ),
}


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
        return _switchover(now, wanted, on_deadline, drain)
    if now.primaries:
        raise NotSafe(
            f"{now.primary.node} answers and is writable: a failover would make two primaries",
            "a primary that answers is moved with occasion=switchover",
        )
    return plan_failover(now, _target(now, ""), fenced_by, salvage, skip_delay, estimate)


def _switchover(now: Snapshot, wanted: str, on_deadline: str, drain: str) -> Plan:
    if not now.primaries:
        return _resume(now, wanted)
    primary = now.primary
    other = now.other(primary.node)
    if isinstance(other, Running):
        return _plain(now, primary, other, on_deadline, drain)
    if not wanted and _left_behind(other):
        return _return(now, primary)
    raise NotSafe(
        f"{other.node} cannot be promoted: {other}", f"run rebuild for {other.node} first"
    )


def _plain(now: Snapshot, primary: Running, standby: Running, on_deadline: str, drain: str) -> Plan:
    old, new = primary.node, standby.node
    drained = (
        f"Wait up to {drain} for long and idle transactions on {old}, then end the "
        "sessions of those left"
    )
    names = ", ".join(client.name for client in now.pair.clients)
    hold = f"hold the clients where a pooler can ({names}), " if names else ""
    lead = f", lead {names} there and write through their own roads" if names else ""
    late = f"after {span(now.pair.timeouts.shutdown)} {ON_DEADLINE[on_deadline]}"
    archives = " and ".join(without_archive(standby, primary))
    unarchived = (
        f"Set {RESTORE} to '' on {archives} for now: a promotion would wait for the archive"
    )
    return Plan(
        "promote",
        new,
        old,
        "switchover",
        steps=(
            *((drained,) if drain else ()),
            f"While clients work: give {new} a slot for {old}, prove that {old} can connect to "
            f"{new}, checkpoint both",
            *((unarchived,) if archives else ()),
            f"Arm {old}: whatever starts it next, it comes up as a standby",
            f"Outage begins: {hold}stop {old} (fast); {late}",
            f"Prove by {old}'s control file, by {new}'s replay and by {new}'s own WAL that {new} "
            f"has every byte; without proof {old} is started again as primary",
            f"Promote {new}{lead}. Outage ends",
            f"Checkpoint {new}, start {old} as its standby, drop the slot that {old} kept "
            f"for {new}",
        ),
        roles=f"{old} is primary, {new} is its standby, timeline {primary.timeline}",
        told=(*_gap(now), *_raised(now)),
    )


def _raised(now: Snapshot) -> tuple[str, ...]:
    """What the old primary gets while clients work, so that it can replay as a standby; a close
    look tells.
    """
    old, new = now.primary.node, now.standby.node
    start = now.start(old)
    lower = dialect.lower(
        start.settings if start else {}, now.standby.settings, dialect.CHANGES_PLACES
    )
    told = ", ".join(f"{name} = {value}" for name, value in lower.items())
    return (f"{old} gets what {new} has, for its next start: {told}",) if told else ()


def _gap(now: Snapshot) -> tuple[str, ...]:
    primary = now.primary
    lag = "on another timeline"
    if primary.timeline == now.standby.timeline:
        lag = f"{size(now.lag())} behind"
    clients = f"{primary.node} has written up to {primary.written}; {now.standby.node} is {lag}"
    if not (others := "; ".join(readers(now))):
        return (clients,)
    behind = f"behind on {primary.node} stay, until you point them at {now.standby.node}: {others}"
    return clients, behind


def _resume(now: Snapshot, wanted: str) -> Plan:
    """Nobody is writable: finish a hand-over that died after the stop."""
    if promoted := _promoted_and_dead(now):
        return _reopen(now, promoted)
    target = _target(now, wanted)
    refuse_promotion_without_room(now, target)
    other = now.other(target.node)
    _refuse_an_end_that_nobody_knows(other)
    return Plan(
        "promote",
        target.node,
        other.node,
        "resume",
        steps=(
            f"See {other.node} stopped, or in recovery, and keep its standby definition in place",
            f"Prove that {target.node} has replayed everything that {other.node} wrote; without "
            f"proof {target.node} is restarted and {other.node} is opened again",
            f"Promote {target.node}",
            f"Checkpoint {target.node}, start {other.node} as its standby",
        ),
        roles=f"nobody is primary; {target.node} is in recovery, {other.node} is not writable",
        told=(f"{other.node} {other}", f"{target.node} {target}"),
    )


def _refuse_an_end_that_nobody_knows(other: Sighting) -> None:
    """Only what was stopped cleanly has a last record that the other one can be asked for."""
    if isinstance(other, Silent):
        raise NotSafe(
            f"{other.node} {other}, and nobody knows what it last wrote",
            "this is a failover: occasion=failover, with fenced_by",
        )
    if isinstance(other, Hung) and other.refuses:
        raise NotSafe(
            f"{other.node} is alive and refuses us: {other.answer}",
            "mend that: it may be taking writes",
        )
    if isinstance(other, Hung) and other.starting:
        raise NotSafe(
            f"{other.node} is starting: {other.answer}", "wait until it is up, then run this again"
        )
    if isinstance(other, Hung) and _may_serve_others(other):
        raise NotSafe(
            f"{other.node} is not down, it does not answer us, and may be serving others: {other}",
            "mend the way to it; if it is lost, this is a failover: occasion=failover looks at "
            f"{other.node} from everywhere",
        )
    if isinstance(other, Blank) or (isinstance(other, Stopped) and not _stopped_cleanly(other)):
        raise NotSafe(
            f"{other.node} was not stopped cleanly: {other}",
            "this is a failover: occasion=failover",
        )


def _may_serve_others(old: Hung) -> bool:
    """Whether its silence may be only for us: no hand-over has armed it, and it has not begun to
    stop.
    """
    stopping = old.answer or (old.disk.control and old.disk.control.state != "in production")
    return not (stopping or old.disk.standby_files)


def _target(now: Snapshot, wanted: str) -> Running | Stopped:
    """The standby to promote: the one that was named, or the one that has more.

    One that was stopped as a standby, or died as one, is started first, but only where nothing else
    runs.
    """
    candidates = [s for s in now.standbys if not wanted or s.node == wanted]
    asleep = [s for s in now.sightings if isinstance(s, Stopped) and s.control.ended_in_recovery]
    asleep = [s for s in asleep if s.disk.standby_files and (not wanted or s.node == wanted)]
    if len(asleep) == 1 and not now.running:
        return asleep[0]
    if not candidates:
        raise NotSafe(
            f"there is no standby to promote: {'; '.join(f'{s.node} {s}' for s in now.sightings)}",
            "start the node that was the standby, then run this again",
        )
    return max(candidates, key=lambda s: (s.timeline, s.position.lsn))


def _promoted_and_dead(now: Snapshot) -> Stopped | None:
    """The node that was promoted and died before anybody heard of it.

    Its history says that it left the old timeline past the shutdown checkpoint of the other node,
    which is armed and was shut down as a primary: it has everything, and perhaps more.
    """
    for seen in now.sightings:
        other = now.other(seen.node)
        if not (isinstance(seen, Stopped) and isinstance(other, Stopped) and _left_behind(other)):
            continue
        if (
            not seen.disk.standby_files
            and other.control.shut_down_as_primary
            and took_over(seen.disk, other.control)
        ):
            return seen
    return None


def took_over(disk: Disk, end: Control) -> bool:
    """Whether the newest history on this disk left the other node's timeline past the checkpoint at
    which it ended.
    """
    newest = disk.histories[max(disk.histories)] if disk.histories else ""
    fork = history_of(newest).get(end.checkpoint.timeline)
    return fork is not None and fork > end.checkpoint.lsn


def _reopen(now: Snapshot, promoted: Stopped) -> Plan:
    other = now.other(promoted.node)
    refuse_promotion_without_room(now, promoted)
    return Plan(
        "promote",
        promoted.node,
        other.node,
        "reopen",
        steps=(
            f"Start {promoted.node}: it was promoted with everything that {other.node} wrote, "
            "and died then",
            f"Checkpoint {promoted.node}, start {other.node} as its standby",
        ),
        roles=f"nobody runs; {promoted.node} was promoted, {other.node} is to be its standby",
        told=(f"{other.node} {other}", f"{promoted.node} {promoted}"),
    )


def _stopped_cleanly(stopped: Stopped) -> bool:
    return stopped.control.shut_down_as_primary or stopped.control.shut_down_in_recovery


def _left_behind(other: object) -> bool:
    return isinstance(other, Stopped) and _stopped_cleanly(other) and bool(other.disk.standby_files)


def _return(now: Snapshot, primary: Running) -> Plan:
    """The promotion is done; only the way back of the old primary is missing, or its slot is to be
    dropped.
    """
    old = now.other(primary.node)
    return Plan(
        "promote",
        primary.node,
        old.node,
        "return",
        steps=(
            f"{primary.node} is already primary",
            f"Start {old.node} as its standby if it is not running, see it stream, drop the slot "
            "that it kept",
            *(
                f"Set {it.setting} on {it.node} back, as it was before run {it.run}"
                for it in _for_now(now)
            ),
        ),
        roles=(
            f"{primary.node} is primary on timeline {primary.timeline}, {old.node} is not yet back"
        ),
        told=(f"{old.node} {old}",),
    )


def _already_primary(now: Snapshot, primary: Running, occasion: str) -> Plan:
    other = now.other(primary.node)
    if isinstance(other, Running) and streams_to(primary, other.node) and other.replay_paused:
        words = (
            f"{primary.node} is already primary, but {other.node} streams and its replay is paused"
        )
        raise NotSafe(words, f"run rebuild for {other.node}: it says why, and what to do")
    left_over = isinstance(other, Running) and (_has_own_slot(now, other) or _for_now(now))
    if isinstance(other, Running) and streams_to(primary, other.node) and not left_over:
        done = f"already so: {primary.node} is primary, and {other.node} follows it"
        return Plan("promote", primary.node, other.node, "return", already=done)
    if (
        isinstance(other, Running)
        or _left_behind(other)
        or (isinstance(other, Hung) and other.disk.standby_files)
    ):
        return _return(now, primary)
    if occasion == "failover":
        return promoted(primary, other)
    raise NotSafe(
        f"{primary.node} is already primary, but it has no standby: {other.node} {other}",
        "run rebuild",
    )


def _for_now(now: Snapshot) -> list[ForNow]:
    """Settings that a run has changed for a while, and that may be set back; a close look tells."""
    seen = [found for found in now.survey.values() if isinstance(found, Survey) and found.host]
    return [
        it for found in seen if found.host for it in found.host.for_now if not why_not_back(it, now)
    ]


def _has_own_slot(now: Snapshot, old: Running) -> bool:
    """Whether the old primary still keeps WAL for the new one."""
    return any(slot.name == now.pair.other(old.node).slot for slot in old.slots)
