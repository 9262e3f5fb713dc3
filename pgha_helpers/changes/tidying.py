"""What is left over goes, as far as the consent names it: last of all, when the pair is whole."""

from __future__ import annotations

from dataclasses import replace

from ..facts import look
from ..facts.for_now import read_all_for_now
from ..facts.set_aside import read_all_kept
from ..facts.unarchived import read_unarchived, without_room
from ..facts.wal.only_copies import only_copies
from ..judgement.plans import Plan
from ..judgement.plans.leftovers import Leftovers, names, told_of_slots, with_leftovers
from ..judgement.plans.rebuild import KEEP_THE_OLD
from ..judgement.plans.unarchived import Unarchived, told_of_unarchived
from ..model import Snapshot
from ..model.errors import Failure, NotSafe
from ..model.show import size
from ..run.run import Run
from .deeds import marker, slots
from .deeds import set_aside as kept
from .deeds.for_now import set_back


def leftovers(run: Run, now: Snapshot) -> Leftovers:
    """What there is on both nodes, and what this run's parameters ask for."""
    drop, remove = (
        names(str(run.parameters.get(key, ""))) for key in ("drop_slots", "remove_kept")
    )
    kept, for_now = (
        read_all_kept(run, sized=run.permit is None),
        read_all_for_now(run),
    )  # past the gate nobody reads sizes
    found = Leftovers(kept, drop, remove, for_now=for_now)
    asked = found.to_remove if len(now.primaries) == 1 else ()
    return replace(found, only_copies=only_copies(run, now, asked))


def tidied(run: Run, now: Snapshot, plan: Plan) -> Plan:
    """The plan with what is left over, and with what its node never archived: see plans.leftovers
    and unarchived.
    """
    whole = with_leftovers(plan, now, leftovers(run, now))
    missed = Unarchived() if plan.already else read_unarchived(run, now, plan.node)
    if missed != Unarchived():
        run.journal.write(
            "never archived", node=plan.node, before=missed.before, after=missed.after
        )
    keeps = plan.kind in ("follow", "rewind", "rsync")
    if keeps and run.permit is None and (lacking := without_room(run, plan.node, missed.before)):
        raise NotSafe(
            f"there is no room on {plan.node} for a copy of what was never archived "
            f"({size(lacking)})",
            "archive that, or make room beside the data directory; method=clone keeps the whole "
            "directory",
        )
    told = told_of_unarchived(plan.node, missed, keeps=plan.kind not in KEEP_THE_OLD)
    return replace(whole, told=(*whole.told, *told))


def tidy(run: Run, plan: Plan) -> None:
    """Drop and remove what the plan's consent names, and say what is left over. Raises Failure
    where more would go.
    """
    found = leftovers(run, look(run))
    for name in found.drop_slots:
        slots.drop_slot(run, name)
    if found.to_remove:
        marker.send_marker(run, plan.peer, plan.node)
    for it in found.to_remove:
        if found.removal(it.name) not in plan.extras:
            raise Failure(
                f"{it.path} is not what was consented to any more",
                "run the notebook again from the top",
            )
        kept.remove(run, it, bool(found.only_copies.get(it.name)))
    set_back(run)
    for line in told_of_slots(look(run)):
        print(f"  {line}", flush=True)
