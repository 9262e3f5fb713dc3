"""Promotion, by whichever road: a switchover, a failover, or what a killed run has left to do."""

from __future__ import annotations

import contextlib
from typing import Any

from .. import clients
from ..facts.pictures import load_beside
from ..facts.wal.loss_estimate import estimate_loss
from ..judgement import plans
from ..judgement.checks.serving import both_nodes_sort_alike
from ..judgement.plans import Plan
from ..judgement.plans.back_again import YOUNG, asking_back
from ..judgement.plans.sorting import asking_sorted
from ..model import Deeds, Running, Snapshot, frontend
from ..model.errors import NotSeen
from ..run.events import OUTAGE_ENDED
from ..run.run import Run
from .bringing_back import bring_back, lead_clients, waits_for_standby
from .deeds import promoting, servers, standby
from .deeds.for_now import set_back
from .failover import fail_over, wait_for_nobody
from .outage import tell_outage
from .resuming import resume
from .still_agreed import as_consented, seen_now
from .switchover import switch_over

_ASKED = ("occasion", "confirm", "fenced_by", "on_deadline", "drain", "salvage", "skip_delay")


def plan_promotion(run: Run, now: Snapshot) -> Plan:
    """What this run would do, by its parameters, and what it needs.

    Raises a Refusal that says why not.
    """
    asked: dict[str, Any] = {key: run.parameters[key] for key in _ASKED}

    def planner(seen: Snapshot) -> Plan:
        if run.gate.permit:  # the outage counts now, and nobody reads the estimate any more
            plan = plans.promotion_plan(seen, **asked)
        else:
            plan = plans.promotion_plan(
                seen, **asked, estimate=lambda old: estimate_loss(run, seen, old)
            )
        # as old as it was when the run began: an hour that passes at the gate changes no words
        plan = asking_back(plan, seen, run.history.promoted, run.journal.began - YOUNG)
        return asking_sorted(plan, _sorts_otherwise(seen))

    return run.plan(now, planner)


def _sorts_otherwise(now: Snapshot) -> str | None:
    with contextlib.suppress(NotSeen, ValueError):  # what is not seen is refused by its check
        return both_nodes_sort_alike(now)
    return None


def hand_over(run: Run, plan: Plan) -> Deeds:
    """Move the primary.

    May be run again after any interruption: it looks first and goes on from what it finds. Raises
    Aborted when the old primary was made primary again, Undecided when even a second look cannot
    tell.
    """
    run.permits(plan)
    already = len(run.steps)
    seen, kind = seen_now(run, plan), plan.kind
    target = seen[plan.node]
    if isinstance(target, Running) and target.writable:
        _is_there(run, plan, seen)
        wait_for_nobody(run, plan)
    else:
        again, now = as_consented(run, plan, seen)
        ROADS[again.kind](run, plan, now)
        kind = again.kind
    if kind != "switchover":  # there they were led within the window
        lead_clients(run, plan, waits_for_standby(run, plan.node))
    if kind in ("resume", "reopen"):
        run.journal.write(OUTAGE_ENDED, new=plan.node)
    tell_outage(run)
    if frontend.shell():  # the outage is over, and what comes now waits for servers
        run.aside(load_beside)
    servers.checkpoint(run, plan.node, "the control file is to show the new timeline")
    promoting.prove_timeline(run, plan.node)
    standby.remove_triggers(run, plan.node)
    set_back(run, plan.node)  # the other one's, once it is there
    return run.steps_since(already)


def follow(run: Run, plan: Plan) -> Deeds:
    """Bring the old primary back as a standby, and see it stream.

    After a failover that is rebuild's work.
    """
    run.permits(plan)
    already = len(run.steps)
    old, new = plan.peer, plan.node
    if plan.lost:
        print(
            f"{old} is left as it is: it may hold the only copy of a commit. Next: the rebuild "
            "notebook."
        )
        return Deeds()
    bring_back(run, old, new)
    clients.lead_readers(run, plan)
    clients.left_behind(run, old)
    set_back(run)
    return run.steps_since(already)


def _reopen(run: Run, plan: Plan, now: Snapshot) -> None:
    servers.start(run, plan.node)


def _is_there(run: Run, plan: Plan, now: Snapshot) -> None:
    """A promotion that was pending came between two looks."""
    print(f"{plan.node} is already primary.")


ROADS = {
    "switchover": switch_over,
    "resume": resume,
    "reopen": _reopen,
    "failover": fail_over,
    "return": _is_there,
}
