"""Between the gate and the deed the world goes on: what is done must still be what was consented to."""

from __future__ import annotations

from ..consent import require
from ..errors import Refusal
from ..facts import look
from ..model import Snapshot
from ..plans import Plan
from ..run import Run

#: What a plan may have become when its deeds are run again: only what moves the same nodes the same way, and no more.
_MAY_BECOME = {
    "switchover": {"resume", "return"},
    "resume": {"return"},
    "reopen": {"return"},
    "clone": {"follow"},
}


def as_consented(run: Run, plan: Plan) -> tuple[Plan, Snapshot]:
    """Look again and plan again; gives both. Raises Refusal where that is not what was consented to any more.

    A failover may not have become anything else, nor anything else a failover: what was said to be lost, or to be
    fenced, would not be true. A consent to follow does not cover a clone that replaces a directory.
    """
    run.permits(plan)
    now = look(run, closely=plan.kind == "switchover", around=plan.kind == "failover")
    again = run.replan(now)
    same_nodes = (again.node, again.peer) == (plan.node, plan.peer)
    same_kind = again.kind in (plan.kind, "tidy", *_MAY_BECOME.get(plan.kind, ()))  # to tidy up is what is done last
    more = set(again.extras) - set(plan.extras)
    if not again.already and (not same_nodes or not same_kind or more or (plan.kind == "failover" and again != plan)):
        raise Refusal(f"what is seen now is not what was consented to: {again}", "run the notebook again from the top")
    if not again.already:
        require(run, again, now)
    return again, now
