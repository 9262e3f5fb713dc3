"""A failover: the old primary is made unable to write, or somebody says that it is; then the other is promoted."""

from __future__ import annotations

from ..actions import servers, standby
from ..actions.servers import wait
from ..errors import Failure, HaError, NotAchieved, Refusal
from ..interrupts import uninterrupted
from ..model import Blank, Silent, Snapshot
from ..plans import Plan
from ..run import Run


def fail_over(run: Run, plan: Plan, now: Snapshot) -> None:
    """Fence the old primary, or take the word that it is fenced, and promote. Raises where it is neither."""
    major = now.standby.version // 10000
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="fence, promote", told=plan.told)
    attested = str(run.parameters["fenced_by"]).strip()
    if attested:
        run.journal.write("fenced by", node=plan.peer, words=attested)
    if not isinstance(now[plan.peer], Silent):
        _fence(run, plan, now, major, attested)
        _see_it_cut_off(run, plan)
    elif not attested:
        raise Refusal(f"{plan.peer} is silent, and nobody has said that it is off", "fenced_by, then run it again")
    with uninterrupted():
        servers.promote(run, plan.node, major)
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


def _see_it_cut_off(run: Run, plan: Plan) -> None:
    """With the old primary ended nothing may stream any more: else it was another server that was ended."""

    def cut_off() -> bool | None:
        receiver = run.doors[plan.node].sql.read("select 1 from pg_stat_wal_receiver where status = 'streaming'")
        return None if receiver else True

    with run.deed(plan.node, f"see that it receives nothing from {plan.peer} any more") as deed:
        deed.changed = False
        words = f"{plan.node} still receives WAL although {plan.peer} was ended"
        wait(cut_off, run.timeouts.replay, lambda: NotAchieved(words, "which server feeds it? look there"), 0.02)
