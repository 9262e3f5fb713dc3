"""What must be proven of the old primary's WAL before anybody promotes the other node."""

from __future__ import annotations

import time
from concurrent.futures import Future
from threading import Event

from ..actions import servers
from ..actions.servers import POLL, wait
from ..errors import Failure, NotAchieved
from ..facts.wal import last_record, record_at, record_soon
from ..model import Control, Lsn, Position, Running, Snapshot, Stopped
from ..plans import Plan
from ..run import Run
from ..show import size

_SHUTDOWN = "CHECKPOINT_SHUTDOWN"


def prove(run: Run, plan: Plan, end: Control, timeline: int) -> None:
    """Three proofs that the standby has every byte of a primary that has shut down; `timeline` is the standby's.

    The old primary's control file says "shut down" (`end` is that file); the standby has *replayed* past the shutdown
    checkpoint that it names; and the standby's own WAL holds this very record. Bare positions of two histories prove
    nothing. Both questions are put to the standby at the same time, over connections that are open. Raises
    NotAchieved where there is no proof.
    """
    enough = Event()
    found = run.beside(lambda: _wait_for_record(run, plan.node, end, enough))
    try:
        _prove_replayed(run, plan, end.checkpoint, timeline)
        _prove_record(run, plan, end.checkpoint, found)
    finally:
        enough.set()


def _prove_replayed(run: Run, plan: Plan, goal: Position, timeline: int) -> None:
    door = run.doors[plan.node]
    with run.deed(plan.node, f"prove that it has replayed past {goal}") as deed:
        deed.changed = False
        if goal.timeline != timeline:
            raise NotAchieved(f"{plan.peer} ended at {goal}, but {plan.node} is on timeline {timeline}: two histories")
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


def _wait_for_record(run: Run, name: str, end: Control, enough: Event) -> str:
    """The shutdown checkpoint as this node's own WAL has it, which may be on its way; empty if it does not come."""
    deadline = time.monotonic() + run.timeouts.replay
    while not (found := record_soon(run.doors[name], end.checkpoint, end.segment)) and time.monotonic() < deadline:
        if enough.wait(POLL):
            break
    return found


def _prove_record(run: Run, plan: Plan, at: Position, found: Future[str]) -> None:
    with run.deed(plan.node, f"prove that its own WAL has the shutdown checkpoint at {at}") as deed:
        deed.changed = False
        told = found.result()
        if _SHUTDOWN not in told:
            raise NotAchieved(f"the WAL of {plan.node} has at {at}: {told or 'nothing'}; not {_SHUTDOWN}")
        deed.say(f"proved: its own WAL has {_SHUTDOWN} of {plan.peer} at {at}")


def prove_all(run: Run, plan: Plan, now: Snapshot) -> None:
    """The target has everything that the stopped node wrote, and both tell one history. Raises where it has not.

    Of a node that was stopped in recovery the control file tells only the least that it has: its WAL itself is read.
    """
    other, target = now[plan.peer], now[plan.node]
    if not isinstance(target, Running):
        raise Failure(f"{plan.node} does not answer any more: {target}", "run this notebook again")
    control = end_of(other)
    least, start = control.least_end, Lsn(0)
    if control.shut_down_in_recovery:
        start = last_record(run.doors[plan.peer], Position(least.timeline, control.redo), control.segment) or Lsn(0)
    _prove_replayed(run, plan, Position(least.timeline, Lsn(max(start, least.lsn - 1))), target.timeline)
    _prove_same_history(run, plan, control)


def end_of(other: object) -> Control:
    """The control file of a node that was stopped cleanly; what any other one wrote last is not known.

    A crashed primary's last checkpoint says nothing about the commits after it. Raises Failure.
    """
    if isinstance(other, Stopped) and (other.control.shut_down_as_primary or other.control.shut_down_in_recovery):
        return other.control
    raise Failure(f"what the other node wrote last is not known: {other}", "this is a failover: occasion=failover")


def _prove_same_history(run: Run, plan: Plan, end: Control) -> None:
    """Both nodes' WAL tell the same record at the old primary's last checkpoint: one history, not two of one number."""
    last, names = end.checkpoint, (plan.node, plan.peer)
    with run.deed(plan.node, f"prove one history: the record at {last} on both nodes") as deed:
        deed.changed = False
        ours, theirs = (record_at(run.doors[name], last, end.segment) for name in names)
        if not theirs or ours != theirs:
            raise NotAchieved(f"at {last} {plan.peer} has {theirs or 'nothing'}, {plan.node} has {ours or 'nothing'}")
        deed.say(f"proved: one history, both nodes have at {last}: {theirs}")
