"""A failover: the old primary is made unable to write, or somebody says that it is; then the other is promoted."""

from __future__ import annotations

from ..actions import replay, servers, standby
from ..errors import Failure, HaError, Refusal
from ..interrupts import uninterrupted
from ..model import Blank, Silent, Snapshot
from ..plans import Plan
from ..run import Run
from .salvage import salvage


def fail_over(run: Run, plan: Plan, now: Snapshot) -> None:
    """Fence the old primary, or take the word that it is fenced; save what its disk holds; promote.

    Raises where it is neither fenced nor attested, and where what can be read of it cannot all be saved.
    """
    target, skip = now.standby, bool(run.parameters["skip_delay"])
    major = target.version // 10000
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="fence, promote", told=plan.told)
    attested = str(run.parameters["fenced_by"]).strip()
    if attested:
        run.journal.write("fenced by", node=plan.peer, words=attested)
    if not isinstance(now[plan.peer], Silent):
        _fence(run, plan, now, major, attested)
        replay.cut_off(run, target, plan.peer)
    elif not attested:
        raise Refusal(f"{plan.peer} is silent, and nobody has said that it is off", "fenced_by, then run it again")
    replay.let_go(run, target, skip)
    salvage(run, plan, now)
    replay.replay_what_it_has(run, target)
    with uninterrupted():
        servers.promote(run, plan.node, major)
    replay.restore_delay(run, target, skip)
    run.journal.write("outage ended", new=plan.node)


def _fence(run: Run, plan: Plan, now: Snapshot, major: int, attested: str) -> None:
    """End every process of the old primary, after making sure that whatever starts it makes it a standby.

    A disk that cannot be written cannot be armed: then somebody's word that it stays off has to do.
    """
    if not isinstance(now[plan.peer], Blank):
        try:
            standby.define(run, plan.peer, major)
            standby.arm(run, plan.peer, major)
        except HaError as unarmed:
            if not attested:
                raise Failure(f"{plan.peer} cannot be fenced: {unarmed.what}", "fenced_by, then run it again") from None
            run.journal.write("not armed", node=plan.peer, because=unarmed.what)
    servers.end_every_process(run, plan.peer)
