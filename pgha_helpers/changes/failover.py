"""A failover: the old primary is fenced, or somebody says so; then the other one is promoted."""

from __future__ import annotations

from ..judgement.plans import Plan
from ..judgement.plans.for_now import ASYNCHRONOUS, RESTORE, SYNCHRONOUS, without_archive
from ..model import Running, Snapshot
from ..model.errors import HaError
from ..run.events import OUTAGE_BEGINS, OUTAGE_ENDED
from ..run.interrupts import uninterrupted
from ..run.run import Run
from ..run.window import window
from .deeds import promoting, replay, standby
from .deeds.for_now import change_for_now
from .fence import define_afterwards, fence
from .salvage import salvage


def wait_for_nobody(run: Run, plan: Plan) -> None:
    """Let commits on the promoted node not wait for a missing standby, where consented."""
    if ASYNCHRONOUS in plan.extras:
        change_for_now(run, plan.node, SYNCHRONOUS, "")


def set_archives_aside(run: Run, *nodes: Running) -> tuple[str, ...]:
    """Let nothing wait for an archive that has nothing more: no promotion, no start.

    Gives whose it was.
    """
    names = without_archive(*nodes)
    for name in names:
        try:
            change_for_now(run, name, RESTORE, "")
        except HaError as trouble:
            # ALTER SYSTEM may be forbidden: then it takes longer, and that is all
            print(
                f"  {name}: {RESTORE} stays, and a promotion may wait for it: {trouble.what}",
                flush=True,
            )
    return names


def fail_over(run: Run, plan: Plan, now: Snapshot) -> None:
    """Fence the old primary, or take the word that it is fenced; save what its disk holds; promote.

    Raises where it is neither fenced nor attested, and where what can be read of it cannot all be
    saved.
    """
    target, skip = now.standby, bool(run.parameters["skip_delay"])
    major = target.major
    # else it may open before all is there that it shall open with
    if target.disk and target.disk.triggers:
        standby.remove_triggers(run, plan.node)
    run.journal.write(
        OUTAGE_BEGINS, old=plan.peer, new=plan.node, intent="fence, promote", told=plan.told
    )
    with window(run) as cost:
        fenced = fence(run, plan, now, major)
        if fenced.way == "ssh":
            replay.cut_off(run, target, plan.peer)
        replay.let_go(run, target, skip)
        wait_for_nobody(run, plan)
        whole = salvage(run, plan, now, fenced.fingerprint)
        replay.replay_what_it_has(run, target)
        if whole and set_archives_aside(run, target):  # else the archive may have more
            replay.wait_for_archive(run, plan.node)
        with uninterrupted():
            promoting.promote(run, plan.node, major)
    run.journal.write(OUTAGE_ENDED, new=plan.node, processor=cost.processor, trips=cost.trips)
    if fenced.way == "ssh":
        define_afterwards(run, plan, now, major)
