"""The steps of each method, in the words that the gate shows."""

from __future__ import annotations

from dataclasses import replace

from ....model import Blank, Running, Snapshot
from ....model.dialect import instead
from ....model.errors import NotSafe
from ..consent import Extra, ExtraKind
from ..plan import Plan, Step, StepKind
from .history import Loser


def _plan(now: Snapshot, loser: Loser, kind: str, steps: tuple[str, ...], roles: str) -> Plan:
    primary = now.primary.node
    if instead("slots", now.primary.major):
        first = f"See that {loser.node} can replicate from {primary}: tried"
    else:
        first = f"Give {primary} a slot for {loser.node}, which can replicate from it: tried"
    last = f"Start {loser.node} and see it stream"
    told = (f"{loser.node} {loser}",)
    return Plan(
        "rebuild", loser.node, primary, kind, steps=(first, *steps, last), roles=roles, told=told
    )


def follow_plan(now: Snapshot, loser: Loser) -> Plan:
    """It is started as it is."""
    stop = (f"Stop {loser.node}: it follows after a restart",) if isinstance(loser, Running) else ()
    roles = (
        f"{now.primary.node} is primary, {loser.node} has nothing that {now.primary.node} "
        "does not have"
    )
    triggers = " and ".join(loser.disk.triggers if loser.disk else ())
    steps = [f"Write the standby definition of {loser.node}", *stop]
    if triggers:
        steps.insert(
            0, f"Remove {triggers}, by which {loser.node} may promote itself at any moment"
        )
    return _plan(now, loser, "follow", tuple(steps), roles)


def rewind_plan(now: Snapshot, loser: Loser) -> Plan:
    """Its directory is overwritten by pg_rewind where it differs."""
    primary, node = now.primary.node, loser.node
    steps = (
        f"Checkpoint {primary}, and let {now.pair.replication_user} read its files over SQL",
        f"Stop what runs on {node}; save its control file, its configuration and its WAL from "
        "the fork on beside it",
        f"Recover {node} from its crash where it had one, under a name that nothing starts; "
        "rehearse pg_rewind. If that says no, it comes back as it had crashed",
        f"Rewind it from {primary} under such a name: {now.pair[node].data_directory} is "
        "overwritten where it differs; then put it back. If that fails it stays aside, is never "
        "started, and the next rebuild is a clone",
    )
    return _plan(now, loser, "rewind", steps, f"{primary} is primary, {node} left its history")


def rsync(now: Snapshot, loser: Loser) -> Plan:
    """Its directory is overwritten by rsync where its content differs."""
    primary, node = now.primary.node, loser.node
    steps = (
        f"Stop what runs on {node}; save its WAL from the fork on",
        f"Overwrite {now.pair[node].data_directory} where it differs from {primary}, by checksum; "
        "its WAL, its slots and its control file are moved aside and kept",
    )
    return _plan(now, loser, "rsync", steps, f"{primary} is primary, {node} left its history")


def rsync_beside(now: Snapshot, loser: Loser) -> Plan:
    """A fresh copy, for which what is alike is taken from the old directory, is moved in, and that
    one kept.
    """
    primary, node = now.primary.node, loser.node
    steps = (
        f"Stop what runs on {node}; copy {primary} by rsync into a fresh directory beside "
        f"{now.pair[node].data_directory}, which is only read",
        f"Rename the old data directory of {node} aside (nothing is deleted), move the copy in",
    )
    return _plan(
        now, loser, "rsync beside", steps, f"{primary} is primary, {node} is not a usable standby"
    )


def clone(now: Snapshot, loser: Loser) -> Plan:
    """A fresh copy is moved in, and the old directory kept."""
    primary, node = now.primary.node, loser.node
    steps = (
        Step(
            StepKind.BASEBACKUP,
            f"Copy {primary} with pg_basebackup into a fresh directory beside "
            f"{now.pair[node].data_directory}",
        ),
        f"Stop what runs on {node}; rename its old data directory aside (nothing is deleted), "
        "move the copy in",
    )
    return _plan(
        now, loser, "clone", steps, f"{primary} is primary, {node} is not a usable standby"
    )


PLAN_OF = {
    "follow": follow_plan,
    "rewind": rewind_plan,
    "rsync": rsync,
    "rsync beside": rsync_beside,
    "clone": clone,
}


def after_stop(now: Snapshot, loser: Running, plan: Plan) -> Plan:
    """The same, of a node that is still writable: it is stopped first, and what it has then is
    looked at again.
    """
    stop = (
        f"Stop {loser.node}, with a standby's definition in place: it takes writes beside "
        f"{plan.peer}, and may take more until then"
    )
    at_least = any(extra.at_least for extra in plan.extras)
    grown = (
        f"If it does, the run ends there, with {loser.node} stopped, and the next one names "
        "the number"
    )
    if at_least:
        grown = "The consent covers that, and all of it is listed and kept in the record"
    grown = f"{loser.node} may commit more until it is stopped. {grown}. {stop_only(loser.node)}"
    return replace(
        plan,
        kind="give up",
        steps=(stop, *plan.steps),
        extras=(Extra(ExtraKind.STOP, loser.node), *plan.extras),
        roles=f"two are writable: {plan.peer} stays primary, {loser.node} is given up",
        told=(*plan.told, grown),
    )


def stop_only(node: str) -> str:
    """The way that waits for nothing, in words."""
    return (
        f"To end it at once: -p method=stop -p confirm='rebuild {node}, stop {node}' only stops it"
    )


def only_stop(now: Snapshot, loser: Loser) -> Plan:
    """End a split brain, and nothing more."""
    if not (isinstance(loser, Running) and loser.writable):
        raise NotSafe(f"{loser.node} takes no writes: {loser}", "leave method empty")
    empty = Plan("rebuild", loser.node, now.primary.node, "", told=(f"{loser.node} {loser}",))
    return after_stop(now, loser, empty)


def put_back_plan(now: Snapshot, loser: Blank) -> Plan:
    """Its directory was set aside for a rewind that did not follow: it comes back, and all is asked
    anew.
    """
    back = (
        f"Move {loser.disk.unfinished} back, with a standby's definition: a run was cut short that "
        "recovered it, and nothing was overwritten"
    )
    then = "Look at it again, and go on with what this consent covers"
    told = (f"{loser.node} {loser}",)
    primary = now.primary.node
    return Plan("rebuild", loser.node, primary, "put back", steps=(back, then), told=told)
