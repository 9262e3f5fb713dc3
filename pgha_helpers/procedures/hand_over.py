"""Promotion: the outage window is one verb, so that nobody can hold the service down by reading."""

from __future__ import annotations

from .. import plans
from ..actions import servers, slots, standby
from ..actions.servers import POLL, wait
from ..checks import AFTER
from ..errors import Aborted, Failure, HaError, NotAchieved, Refusal, Undecided
from ..facts import look, until
from ..facts.disk import parse_control
from ..model import Blank, Control, Deeds, Hung, Lsn, Running, Silent, Snapshot, Stopped
from ..plans import Plan
from ..run import Run
from ..show import size, span


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
    now = look(run)
    target = now[plan.node]
    if isinstance(target, Running) and target.writable:
        print(f"{plan.node} is already primary.")
    elif plan.kind == "failover":
        _fail_over(run, plan, now)
    elif isinstance(old := now[plan.peer], Running) and old.writable:
        _switch_over(run, plan, old)
    else:
        _resume(run, plan, now)
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
    if isinstance(now[old], Stopped):
        standby.define(run, old, major)
        standby.arm(run, old, major)
    servers.start(run, old)
    until(run, *AFTER, within=run.timeouts.attach)
    slots.drop_own_slot(run, old, new)
    return run.deeds_since(already)


def _switch_over(run: Run, plan: Plan, old: Running) -> None:
    major = old.version // 10000
    _prepare(run, plan, major)
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="arm, stop, prove, promote")
    with run.journal.held():
        standby.arm(run, plan.peer, major)
        try:
            control = _stop(run, plan.peer)
            _prove(run, plan, control)
        except (HaError, OSError) as reason:
            _abort(run, plan, reason)
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
        door.script(servers.STOP_FAST, door.node.data_directory, okay=(0, 1))
        control = wait(
            lambda: found if (found := control_of(run, name)).shut_down_as_primary else None,
            within,
            lambda: Undecided(f"{name} has not shut down after {span(within)}: {servers.processes(door)}"),
        )
        deed.say(f"stopped the primary: control file says shut down, checkpoint at {control.checkpoint}")
        return control


def control_of(run: Run, name: str) -> Control:
    """The control file alone: all that the outage window needs to know of the old primary."""
    door = run.doors[name]
    told = door.run(door.binary("pg_controldata"), "-D", door.node.data_directory)
    control = parse_control(told.text.splitlines())
    if isinstance(control, str):
        raise Refusal(f"{name}: {control}")
    return control


def _prove(run: Run, plan: Plan, control: Control) -> None:
    """The standby has replayed past the old primary's shutdown checkpoint, so nothing it wrote is missing."""
    door, goal = run.doors[plan.node], control.checkpoint.lsn
    with run.deed(plan.node, f"prove that it has replayed past {goal}") as deed:
        at = wait(
            lambda: reached if (reached := servers.replayed(door)) > goal else None,
            run.timeouts.replay,
            lambda: NotAchieved(
                f"{plan.node} has replayed to {(here := servers.replayed(door))}, {_missing(goal, here)} short of "
                f"the shutdown checkpoint of {plan.peer} at {goal}"
            ),
            pause=POLL,
        )
        deed.changed = False
        deed.say(f"proved: replayed to {at}, past the shutdown checkpoint of {plan.peer} at {goal}")


def _missing(goal: Lsn, here: Lsn) -> str:
    return size(max(0, goal - here))


def _abort(run: Run, plan: Plan, reason: BaseException) -> None:
    """Take it back: legal only here, in the process that knows that it has not sent promote. Always raises."""
    old = plan.peer
    print(f"Taking it back: {reason}", flush=True)
    run.journal.write("abort", because=str(reason))
    try:
        servers.wait_for_last_process(run, run.doors[old])
        standby.disarm(run, old)
        servers.start(run, old)
        seen = look(run)[old]
    except HaError as worse:
        raise Undecided(
            f"the hand-over failed ({reason}) and {old} could not be opened again: {worse}",
            f"{plan.node} was not promoted. Run this notebook again: it goes on from what it finds",
        ) from None
    if not (isinstance(seen, Running) and seen.writable):
        raise Undecided(f"the hand-over failed ({reason}), and {old} is not primary again: {seen}", "look at its log")
    raise Aborted(
        f"the hand-over was taken back, {old} is primary again and nothing is lost. Why: {reason}",
        "mend the cause and run this notebook again",
    )


def _resume(run: Run, plan: Plan, now: Snapshot) -> None:
    """Finish what a killed run began: nobody is writable, and a promotion may be pending on the standby."""
    old, new = plan.peer, plan.node
    major = _major(now, new)
    if isinstance(now[old], Hung):
        servers.wait_for_last_process(run, run.doors[old])
        now = look(run)
    if isinstance(now[old], Stopped):
        standby.define(run, old, major)
        standby.arm(run, old, major)
    try:
        _prove_all(run, plan, now)
    except (HaError, OSError) as reason:
        _take_back(run, plan, reason)
    servers.promote(run, new, major)


def _major(now: Snapshot, name: str) -> int:
    seen = now[name]
    assert isinstance(seen, Running), "a plan to promote is made only for a node that answers"
    return seen.version // 10000


def _prove_all(run: Run, plan: Plan, now: Snapshot) -> None:
    """The target has everything that the other node wrote, whatever became of the other node since."""
    other = now[plan.peer]
    if isinstance(other, Stopped) and other.control.shut_down_as_primary:
        _prove(run, plan, other.control)
        return
    door = run.doors[plan.node]
    goal = other.position.lsn if isinstance(other, Running) else _end_in_recovery(other)
    with run.deed(plan.node, f"prove that it has replayed all that {plan.peer} has, to {goal}") as deed:
        deed.changed = False
        at = servers.replayed(door)
        if at < goal:
            raise NotAchieved(f"{plan.node} has replayed to {at}, {plan.peer} has {_missing(goal, at)} more")


def _end_in_recovery(other: object) -> Lsn:
    if not isinstance(other, Stopped) or other.control.state != "shut down in recovery":
        raise Failure(f"what the other node has is not known: {other}", "this is a failover: occasion=failover")
    return Lsn(max(other.control.minimum_recovery, other.control.checkpoint.lsn + 1))


def _take_back(run: Run, plan: Plan, reason: BaseException) -> None:
    """Open the old primary again, after a restart of the other node discards any promotion pending there."""
    servers.stop(run, plan.node, "a restart discards a promotion that may be pending")
    servers.start(run, plan.node)
    seen = look(run)[plan.node]
    if not (isinstance(seen, Running) and seen.in_recovery):
        raise Undecided(f"{plan.node} is not in recovery any more: {seen}", f"do not start {plan.peer}; run this again")
    _abort(run, plan, reason)


def _fail_over(run: Run, plan: Plan, now: Snapshot) -> None:
    major = _major(now, plan.node)
    old = now[plan.peer]
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="fence, promote", told=plan.told)
    if isinstance(old, Silent):
        run.journal.write("fenced by", node=plan.peer, words=run.parameters["fenced_by"])
    else:
        if not isinstance(old, Blank):
            standby.define(run, plan.peer, major)
            standby.arm(run, plan.peer, major)
        servers.end_every_process(run, plan.peer)
    servers.promote(run, plan.node, major)
    run.journal.write("outage ended", new=plan.node)
