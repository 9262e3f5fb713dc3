"""Promotion: the outage window is one verb, so that nobody can hold the service down by reading."""

from __future__ import annotations

from .. import plans
from ..actions import servers, slots, standby
from ..actions.servers import POLL, wait
from ..checks import AFTER
from ..consent import require
from ..errors import Aborted, Failure, HaError, NotAchieved, Refusal, Undecided
from ..facts import look, until
from ..facts.disk import parse_control
from ..facts.wal import record_at
from ..model import Blank, Control, Deeds, Hung, Lsn, Position, Running, Silent, Snapshot, Stopped
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
    else:
        _ROADS[_still_meant(run, plan, now)](run, plan, now)
    servers.checkpoint(run, plan.node, "the control file shows the new timeline")
    return run.deeds_since(already)


def _still_meant(run: Run, plan: Plan, now: Snapshot) -> str:
    """The road to take from here. Raises Refusal where it is not what was consented to any more.

    A switchover may go on as a resume, because both move the same primary to the same node, proven. A failover may
    not become anything else, nor anything else a failover: what was said to be lost, or fenced, would not be true.
    """
    again = run.replan(now)
    if (again.node, again.peer) != (plan.node, plan.peer) or ("failover" in {again.kind, plan.kind} and again != plan):
        raise Refusal(f"what is seen now is not what was consented to: {again}", "run the notebook again from the top")
    require(run, again, now)
    return again.kind


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


def _switch_over(run: Run, plan: Plan, now: Snapshot) -> None:
    major, timeline = now.primary.version // 10000, now.standby.timeline
    _prepare(run, plan, major)
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="arm, stop, prove, promote")
    with run.journal.held():
        try:
            standby.arm(run, plan.peer, major)
            control = _stop(run, plan.peer)
            _prove(run, plan, control.checkpoint, timeline)
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
        door.script(servers.STOP_FAST, door.node.data_directory)
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
    control = parse_control([*told.complaint.splitlines(), *told.text.splitlines()])
    if isinstance(control, str):
        raise Refusal(f"{name}: {control}")
    return control


def _prove(run: Run, plan: Plan, goal: Position, timeline: int) -> None:
    """The standby, on `timeline`, has replayed past the old primary's shutdown checkpoint: nothing it wrote is missing.

    Raises NotAchieved where it has not, or is on another timeline: bare positions of two histories prove nothing.
    """
    door = run.doors[plan.node]
    with run.deed(plan.node, f"prove that it has replayed past {goal}") as deed:
        deed.changed = False
        _same_timeline(plan, goal, timeline)
        at = wait(
            lambda: reached if (reached := servers.replayed(door)) > goal.lsn else None,
            run.timeouts.replay,
            lambda: NotAchieved(
                f"{plan.node} has replayed to {(here := servers.replayed(door))}, {size(max(0, goal.lsn - here))} "
                f"short of the shutdown checkpoint of {plan.peer} at {goal}"
            ),
            pause=POLL,
        )
        deed.say(f"proved: replayed to {at}, past the shutdown checkpoint of {plan.peer} at {goal}")


def _same_timeline(plan: Plan, goal: Position, timeline: int) -> None:
    if goal.timeline != timeline:
        raise NotAchieved(f"{plan.peer} ended at {goal}, but {plan.node} is on timeline {timeline}: two histories")


def _abort(run: Run, plan: Plan, reason: BaseException) -> None:
    """Take it back: legal only here, in the process that knows that it has not sent promote. Always raises."""
    old = plan.peer
    print(f"Taking it back: {reason}", flush=True)
    run.journal.write("abort", because=str(reason))
    try:
        if not standby.writable(run.doors[old]):
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
    servers.start(run, new)
    if isinstance(now[old], Hung):
        servers.wait_for_last_process(run, run.doors[old])
    now = look(run)
    major = _major(now, new)
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
    other, target = now[plan.peer], now[plan.node]
    if isinstance(other, Stopped):
        last, goal = (
            other.control.checkpoint,
            Position(other.control.least_end.timeline, Lsn(other.control.least_end.lsn - 1)),
        )
    elif isinstance(other, Running) and other.in_recovery and other.disk and other.disk.control:
        last, goal = other.disk.control.checkpoint, Position(other.timeline, Lsn(other.position.lsn - 1))
    else:
        raise Failure(f"what the other node has is not known: {other}", "this is a failover: occasion=failover")
    assert isinstance(target, Running), "it was started above"
    _prove(run, plan, goal, target.timeline)
    _prove_same_history(run, plan, last)


def _prove_same_history(run: Run, plan: Plan, last: Position) -> None:
    """Both nodes' WAL tell the same record at the old primary's last checkpoint: one history, not two of one number."""
    with run.deed(plan.node, f"prove one history: the record at {last} on both nodes") as deed:
        deed.changed = False
        ours, theirs = (record_at(run.doors[name], last.timeline, last.lsn) for name in (plan.node, plan.peer))
        if not theirs or ours != theirs:
            raise NotAchieved(f"at {last} {plan.peer} has {theirs or 'nothing'}, {plan.node} has {ours or 'nothing'}")


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
    run.journal.write("outage begins", old=plan.peer, new=plan.node, intent="fence, promote", told=plan.told)
    attested = str(run.parameters["fenced_by"]).strip()
    if attested:
        run.journal.write("fenced by", node=plan.peer, words=attested)
    if not isinstance(now[plan.peer], Silent):
        _fence(run, plan, now, major, attested)
        _see_it_cut_off(run, plan)
    elif not attested:
        raise Refusal(f"{plan.peer} is silent, and nobody has said that it is off", "fenced_by, then run it again")
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


_ROADS = {"switchover": _switch_over, "resume": _resume, "failover": _fail_over}
