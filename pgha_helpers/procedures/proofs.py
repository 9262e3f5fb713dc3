"""What must be proven of the old primary's WAL before anybody promotes the other node."""

from __future__ import annotations

from ..actions import servers
from ..actions.servers import POLL, wait
from ..errors import Failure, NotAchieved, Refusal
from ..facts.disk import parse_control
from ..facts.wal import record_at
from ..model import Control, Lsn, Position, Running, Snapshot, Stopped
from ..plans import Plan
from ..run import Run
from ..show import size


def control_of(run: Run, name: str) -> Control:
    """The control file alone: all that the outage window needs to know of the old primary."""
    door = run.doors[name]
    told = door.run(door.binary("pg_controldata"), "-D", door.node.data_directory)
    control = parse_control([*told.complaint.splitlines(), *told.text.splitlines()])
    if isinstance(control, str):
        raise Refusal(f"{name}: {control}")
    return control


def prove_replayed(run: Run, plan: Plan, goal: Position, timeline: int) -> None:
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


def prove_all(run: Run, plan: Plan, now: Snapshot) -> None:
    """The target has everything that the stopped node wrote, and both tell one history. Raises where it has not."""
    other, target = now[plan.peer], now[plan.node]
    if not isinstance(target, Running):
        raise Failure(f"{plan.node} does not answer any more: {target}", "run this notebook again")
    end = end_of(other).least_end
    prove_replayed(run, plan, Position(end.timeline, Lsn(end.lsn - 1)), target.timeline)
    _prove_same_history(run, plan, end_of(other).checkpoint)


def end_of(other: object) -> Control:
    """The control file of a node that was stopped cleanly; what any other one wrote last is not known.

    A crashed primary's last checkpoint says nothing about the commits after it. Raises Failure.
    """
    if isinstance(other, Stopped) and (other.control.shut_down_as_primary or other.control.shut_down_in_recovery):
        return other.control
    raise Failure(f"what the other node wrote last is not known: {other}", "this is a failover: occasion=failover")


def _prove_same_history(run: Run, plan: Plan, last: Position) -> None:
    """Both nodes' WAL tell the same record at the old primary's last checkpoint: one history, not two of one number."""
    with run.deed(plan.node, f"prove one history: the record at {last} on both nodes") as deed:
        deed.changed = False
        ours, theirs = (record_at(run.doors[name], last.timeline, last.lsn) for name in (plan.node, plan.peer))
        if not theirs or ours != theirs:
            raise NotAchieved(f"at {last} {plan.peer} has {theirs or 'nothing'}, {plan.node} has {ours or 'nothing'}")
