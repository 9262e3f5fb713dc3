"""Promotion: the outage window is one verb, so that nobody can hold the service down by reading."""

from __future__ import annotations

from .. import plans
from ..actions import servers, slots, standby
from ..actions.servers import wait
from ..checks import AFTER
from ..errors import Aborted, HaError, NotAchieved, Undecided
from ..facts import look, until
from ..interrupts import uninterrupted
from ..model import Control, Deeds, Hung, Running, Snapshot, Stopped
from ..plans import Plan
from ..run import Run
from ..show import span
from .consented import as_consented
from .fencing import fail_over
from .proofs import control_of, end_of, prove_all, prove_replayed


def plan_promotion(run: Run, now: Snapshot) -> Plan:
    """What this run would do, by its parameters, and what it needs. Raises a Refusal that says why not."""
    asked = [str(run.parameters[key]) for key in ("occasion", "confirm", "fenced_by")]
    return run.plan(now, lambda seen: plans.plan_promotion(seen, *asked))


def hand_over(run: Run, plan: Plan) -> Deeds:
    """Move the primary. May be run again after any interruption: it looks first and goes on from what it finds.

    Raises Aborted when the old primary was made primary again, Undecided when even a second look cannot tell.
    """
    run.permits(plan)
    already = len(run.deeds)
    target = look(run)[plan.node]
    if isinstance(target, Running) and target.writable:
        print(f"{plan.node} is already primary.")
    else:
        again, now = as_consented(run, plan)
        _ROADS[again.kind](run, plan, now)
    servers.checkpoint(run, plan.node, "the control file shows the new timeline")
    return run.deeds_since(already)


def follow(run: Run, plan: Plan) -> Deeds:
    """Bring the old primary back as a standby, and see it stream. After a failover that is rebuild's work."""
    run.permits(plan)
    already = len(run.deeds)
    old, new = plan.peer, plan.node
    if plan.kind == "failover":
        print(f"{old} is left as it is: it may hold the only copy of a commit. Next: the rebuild notebook.")
        return Deeds()
    now = look(run)
    major = now.primary.version // 10000
    slots.ensure_slot(run, new, old, reserve=True)
    if isinstance(seen := now[old], Hung) and not seen.starting:  # the window does not wait for the last process
        servers.wait_for_last_process(run, run.doors[old])
        now = look(run)
    if isinstance(now[old], Stopped):
        standby.define(run, old, major)
        standby.arm(run, old, major)
    servers.start(run, old)
    until(run, *AFTER, within=run.timeouts.attach)
    slots.drop_own_slot(run, old, new)
    return run.deeds_since(already)


def _switch_over(run: Run, plan: Plan, now: Snapshot) -> None:
    major, timeline = now.primary.version // 10000, now.standby.timeline
    _prepare(run, plan, major)
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="arm, stop, prove, promote")
    with run.journal.held():
        try:
            standby.arm(run, plan.peer, major)
            control = _stop(run, plan.peer)
            prove_replayed(run, plan, control.checkpoint, timeline)
        except (HaError, OSError, KeyboardInterrupt) as reason:
            with uninterrupted():  # asked twice to stop, it would leave clients without a primary
                _abort(run, plan, reason)
        with uninterrupted():
            servers.promote(run, plan.node, major)
    run.journal.write("outage ended", new=plan.node)


def _prepare(run: Run, plan: Plan, major: int) -> None:
    """Everything that can be done while clients still work."""
    slots.ensure_slot(run, plan.node, plan.peer, reserve=False)
    standby.define(run, plan.peer, major)
    standby.prove_connection(run, plan.peer)
    for _ in range(3):  # until one is short: what is dirty at the stop is written inside the outage
        if servers.checkpoint(run, plan.peer, "keep the shutdown checkpoint short") < run.pair.limits.checkpoint:
            break
    servers.checkpoint(run, plan.node, "restartpoint, keep the promotion short")


def _stop(run: Run, name: str) -> Control:
    """Stop the primary fast. Its control file suffices to go on; its last process need not have gone."""
    door = run.doors[name]
    within = run.timeouts.shutdown
    with run.deed(name, "stop the primary") as deed:
        door.script(servers.STOP_FAST, door.node.data_directory)
        control = wait(
            lambda: found if (found := control_of(run, name)).shut_down_as_primary else None,
            within,
            lambda: Undecided(f"{name} has not shut down after {span(within)}: {servers.processes(door)}"),
        )
        deed.say(f"stopped the primary: control file says shut down, checkpoint at {control.checkpoint}")
        return control


def _abort(run: Run, plan: Plan, reason: BaseException) -> None:
    """Take it back: legal only here, in the process that knows that it has not sent promote. Always raises."""
    old = plan.peer
    why = str(reason) or "it was interrupted"
    print(f"Taking it back: {why}", flush=True)
    run.journal.write("abort", because=why)
    try:
        seen = look(run)[old]
        if isinstance(seen, Running) and seen.in_recovery:
            raise NotAchieved(f"{old} runs as a standby by now", f"promote {old} takes it back")
        if not isinstance(seen, Running):
            servers.wait_for_last_process(run, run.doors[old])
        standby.disarm(run, old)
        servers.start(run, old)
        seen = look(run)[old]
    except HaError as worse:
        raise Undecided(
            f"the hand-over failed ({why}) and {old} could not be opened again: {worse}",
            f"{plan.node} was not promoted. Run this notebook again: it goes on from what it finds",
        ) from None
    if not (isinstance(seen, Running) and seen.writable):
        raise Undecided(f"the hand-over failed ({why}), and {old} is not primary again: {seen}", "look at its log")
    raise Aborted(
        f"the hand-over was taken back, {old} is primary again and nothing is lost. Why: {why}",
        "mend the cause and run this notebook again",
    )


def _resume(run: Run, plan: Plan, now: Snapshot) -> None:
    """Finish what a killed run began: nobody is writable, and a promotion may be pending on the standby."""
    old, new = plan.peer, plan.node
    servers.start(run, new)
    if isinstance(now[old], Hung):
        servers.wait_for_last_process(run, run.doors[old])
    elif isinstance(now[old], Running):
        servers.stop(run, old, "a restart discards a promotion that may be pending on it")
    now = look(run)
    end_of(now[old])  # refuses a node that was not stopped cleanly, before anything is written to it
    major = _major(now, new)
    standby.define(run, old, major)
    standby.arm(run, old, major)
    try:
        prove_all(run, plan, now)
    except (HaError, OSError) as reason:
        _take_back(run, plan, reason)
    with uninterrupted():
        servers.promote(run, new, major)


def _major(now: Snapshot, name: str) -> int:
    seen = now[name]
    assert isinstance(seen, Running), "a plan to promote is made only for a node that answers"
    return seen.version // 10000


def _take_back(run: Run, plan: Plan, reason: BaseException) -> None:
    """Open the old primary again, after a restart of the other node discards any promotion pending there."""
    servers.stop(run, plan.node, "a restart discards a promotion that may be pending")
    servers.start(run, plan.node)
    seen = look(run)[plan.node]
    if not (isinstance(seen, Running) and seen.in_recovery):
        raise Undecided(f"{plan.node} is not in recovery any more: {seen}", f"do not start {plan.peer}; run this again")
    with uninterrupted():
        _abort(run, plan, reason)


_ROADS = {"switchover": _switch_over, "resume": _resume, "failover": fail_over}
