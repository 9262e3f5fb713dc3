"""A planned move of the primary: its steps, and what the clients and the readers will feel."""

from __future__ import annotations

from ...model import Hung, Running, Snapshot, dialect
from ...model.errors import NotSafe
from ...model.show import size, span
from ...model.sightings import to_be_seen
from .for_now import RESTORE, without_archive
from .plan import Plan
from .readers import readers
from .unfinished import armed_and_stopped, resumption, way_back

#: What is done when the old primary has not stopped in time; chosen before the gate, never asked
#: inside the window.
ON_DEADLINE = {
    "abort": "it is aborted",
    "wait": "it waits longer, then it is aborted",
    "cancel": (
        "walsenders of third parties that hold it are ended; if that is in vain, it is aborted"
    ),
}


def switchover(now: Snapshot, wanted: str, on_deadline: str, drain: str) -> Plan:
    if not now.primaries:
        return resumption(now, wanted)
    primary = now.primary
    other = now.other(primary.node)
    if isinstance(other, Running):
        return _plain(now, primary, other, on_deadline, drain)
    if not wanted and armed_and_stopped(other):
        return way_back(now, primary)
    raise NotSafe(
        f"{other.node} cannot be promoted: {other}",
        to_be_seen(other) if isinstance(other, Hung) else f"run rebuild for {other.node} first",
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
            f"Arm {old}: give it a standby's definition, so that whatever starts it next makes no "
            "second primary",
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
