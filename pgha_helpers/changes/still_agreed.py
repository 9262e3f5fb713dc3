"""Between the gate and the deed the world goes on: what is done must still be what was agreed."""

from __future__ import annotations

from dataclasses import replace

from ..facts import look
from ..judgement.plans import Plan
from ..model import Blank, Disk, Running, Sighting, Silent, Snapshot, Stopped
from ..model.errors import HaError, Refusal
from ..run.run import Run
from .gate import require

#: What a plan may have become when its deeds are run again: only what moves the same nodes the same
#: way, and no more.
MAY_BECOME = {
    "switchover": {"resume", "return"},
    "resume": {"return"},
    "reopen": {"return"},
    "clone": {"follow"},
    "rewind": {"follow"},
    "rsync": {"follow"},
    "rsync beside": {"follow"},
    "put back": {"follow", "rewind", "rsync", "rsync beside", "clone"},
    "give up": {"follow", "rewind", "rsync", "rsync beside", "clone"},
}


_FRESH = 5.0  # seconds
_JUST_NOW = 1.0  # seconds: a close look takes as long as that on a busy machine
_REBUILDS = ("follow", "rewind", "rsync", "rsync beside", "clone")


def seen_now(run: Run, plan: Plan) -> Snapshot:
    """What is seen now, as closely as the plan needs it.

    A failover takes the gate's own look, once, where it is seconds old: the clients are waiting.
    Only while the old primary's shell answers as it did then: one that has turned silent must be
    judged anew. A switchover looks anew, and takes what the gate's close look added, such as
    rehearsals, where that was just now and the servers are the same.
    """
    age = _FRESH if plan.kind == "failover" else _JUST_NOW
    seen = run.gate.take_look(age)
    if seen is not None and plan.kind == "failover" and _is_as_silent(run, plan.peer, seen):
        return seen
    if seen is not None and plan.kind == "switchover":
        # our lock binds no service manager: somebody may have restarted a server since the gate
        now = look(run)
        if _servers(now) == _servers(seen):
            return replace(now, survey=seen.survey, clients=seen.clients)
    # the cell is run long after its gate, or again, or on other servers: all is asked once more
    return look(run, closely=plan.kind == "switchover", around=plan.kind == "failover")


def _servers(now: Snapshot) -> list[tuple[object, ...]]:
    """Which servers run, and what they are."""
    found: list[tuple[object, ...]] = []
    for seen in now.running:
        which = seen.node, seen.system_id, seen.timeline
        found.append((*which, seen.started, seen.in_recovery, seen.settings))
    return found


def _is_as_silent(run: Run, name: str, seen: Snapshot) -> bool:
    """Whether a node's shell still answers, or had not answered then either."""
    if isinstance(seen[name], Silent):
        return True
    try:
        run.doors[name].shell.ping(run.timeouts.connect)
    except HaError:
        return False
    return True


def _as_at_gate(run: Run, plan: Plan, now: Snapshot) -> bool:
    """Whether a node on which nothing runs is still what the gate saw.

    That was seconds ago and under the same lock. Then what its WAL and the primary's told at the
    gate stands: to read them again takes as long as it did there.
    """
    seen = run.gate.take_look(_FRESH)
    if seen is None:
        return False
    disk, history = _at_rest(seen[plan.node]), _history(seen[plan.peer])
    if disk is None or history is None:
        return False
    return (disk, history) == (_at_rest(now[plan.node]), _history(now[plan.peer]))


def _at_rest(seen: Sighting) -> Disk | None:
    """What lies on a node's disk where nothing runs there; None where something may change it."""
    if not isinstance(seen, Stopped | Blank):
        return None
    return replace(seen.disk, clock_skew=0.0, free_bytes=0, wal_free=0, unread={})


def _history(seen: Sighting) -> tuple[str, int] | None:
    """The history that a primary writes on."""
    if not isinstance(seen, Running) or not seen.writable:
        return None
    return seen.system_id, seen.timeline


def as_consented(run: Run, plan: Plan, now: Snapshot | None = None) -> tuple[Plan, Snapshot]:
    """Look again, unless `now` was just seen, and plan again; gives both.

    Raises Refusal where that is not what was consented to any more.

    A failover may not have become anything else, nor anything else a failover: what was said to be
    lost, or to be fenced, would not be true. A consent to follow does not cover a clone that
    replaces a directory.
    """
    run.permits(plan)
    # past the gate a person may wait for hours, or run the cell again after it failed half-way
    if now is None:
        now = look(run, closely=plan.kind == "switchover", around=plan.kind == "failover")
    known = plan.kind in _REBUILDS and _as_at_gate(run, plan, now)
    # the gate's plan was made of the gate's look: this one is made of what is there now
    again = plan if known else run.gate.replan(now)
    if again.already:
        return again, now
    if not _is_covered(plan, again):
        raise Refusal(
            f"what is seen now is not what was consented to: {again}",
            "run the notebook again from the top",
        )
    # the last word before the first deed; by the gate's own look it was said there already
    require(run, again, now)
    return again, now


def _is_covered(agreed: Plan, again: Plan) -> bool:
    """Whether the consent to one plan covers what would be done now."""
    if (again.node, again.peer) != (agreed.node, agreed.peer):
        return False
    # to tidy up is what is done last
    may_be = {agreed.kind, "tidy", *MAY_BECOME.get(agreed.kind, ())}
    if again.kind not in may_be:
        return False
    if agreed.kind == "failover":
        return again == agreed
    if again.stands(agreed):
        return True
    return not again.beyond(agreed)
