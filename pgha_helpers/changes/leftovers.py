"""What is left over goes as far as the consent names it, last of all; directories are only told."""

from __future__ import annotations

from dataclasses import replace

from ..facts import look
from ..facts.for_now import read_all_for_now
from ..facts.leftovers import judge_kept
from ..facts.set_aside import read_all_set_aside
from ..facts.unarchived import read_unarchived, without_room
from ..judgement.plans import Plan
from ..judgement.plans.leftovers import Leftovers, names, told_of_slots, with_leftovers
from ..judgement.plans.rebuild import KEEP_THE_OLD
from ..judgement.plans.unarchived import Unarchived, told_of_unarchived
from ..model import SetAside, Snapshot
from ..model.errors import NotSafe
from ..model.show import size
from ..run.events import NEVER_ARCHIVED
from ..run.run import Run
from .deeds import slots
from .deeds.for_now import set_back


def leftovers(run: Run, now: Snapshot) -> Leftovers:
    """What there is on both nodes, and what this run's parameters ask for."""
    drop = names(str(run.parameters.get("drop_slots", "")))
    kept: tuple[SetAside, ...] = ()
    if run.gate.permit is None:  # past the gate nobody reads of them
        kept = judge_kept(run, now, read_all_set_aside(run))
    return Leftovers(kept, drop, read_all_for_now(run))


def tidied(run: Run, now: Snapshot, plan: Plan) -> Plan:
    """The plan with what is left over, and with what its node never archived.

    See plans.leftovers and plans.unarchived.
    """
    whole = with_leftovers(plan, now, leftovers(run, now))
    missed = Unarchived() if plan.already else read_unarchived(run, now, plan.node)
    if missed != Unarchived():
        run.journal.write(NEVER_ARCHIVED, node=plan.node, before=missed.before, after=missed.after)
    asks_for_room = run.gate.permit is None and plan.kind in ("follow", "rewind", "rsync")
    lacking = 0
    if asks_for_room:
        lacking = without_room(run, plan.node, missed.before)
    if lacking:
        raise NotSafe(
            f"there is no room on {plan.node} for a copy of what was never archived "
            f"({size(lacking)})",
            "archive that, or make room beside the data directory; method=clone keeps the whole "
            "directory",
        )
    told = told_of_unarchived(plan.node, missed, keeps=plan.kind not in KEEP_THE_OLD)
    return replace(whole, told=(*whole.told, *told))


def tidy(run: Run) -> None:
    """Drop the slots that the plan's consent names, and say what is left over."""
    for name in names(str(run.parameters.get("drop_slots", ""))):
        slots.drop_slot(run, name)
    set_back(run)
    for line in told_of_slots(look(run)):
        print(f"  {line}", flush=True)
