"""What must be proven of the old primary's WAL before anybody promotes the other node."""

from __future__ import annotations

import time

from ..facts.replay import held_up
from ..facts.wal.by_bytes import is_shutdown_checkpoint, replayed_past
from ..facts.wal.record import last_byte, name_of, record_at
from ..judgement.plans import Plan
from ..model import Control, DeedKind, Lsn, Position, Running, Snapshot, Stopped
from ..model.errors import Failure, NotAchieved
from ..model.show import size
from ..model.sightings import to_be_seen
from ..run.run import Run

_SHUTDOWN = "CHECKPOINT_SHUTDOWN"
#: Seconds for which the standby itself waits, before it is asked again: as long as a statement
#: lasts, so long may a vacuum's record that is to be replayed have to wait for it, up to 18.
_TURN, _PAUSE = 0.1, 0.001


def prove(run: Run, plan: Plan, end: Control, timeline: int) -> None:
    """Three proofs that the standby has every byte of a primary that has shut down.

    `timeline` is the standby's. The old primary's control file says "shut down" (`end` is that
    file); the standby has *replayed* past the shutdown checkpoint that it names; and the standby's
    own WAL holds this very record. Bare positions of two histories prove nothing. Raises
    NotAchieved where there is no proof.
    """
    found = _prove_replayed(run, plan, end.checkpoint, timeline, end.segment)
    _prove_record(run, plan, end, found)


def confirm(run: Run, plan: Plan, end: Control) -> None:
    """For the record: what pg_waldump tells of the old primary's last record.

    Asked once clients work again. With an archive the promotion has renamed that segment
    (`.partial`): then it tells nothing. Raises NotAchieved where it tells something else than what
    was proved.
    """
    words = f"let pg_waldump tell the record at {end.checkpoint}"
    with run.deed(plan.node, words, DeedKind.TELL_RECORD) as deed:
        deed.changed = False
        told = record_at(run.doors[plan.node], end.checkpoint, end.segment)
        if told and _SHUTDOWN not in told:
            raise NotAchieved(f"pg_waldump tells: {told}", f"keep the disk of {plan.peer} as it is")
        if told:
            deed.say(f"pg_waldump tells the same of {end.checkpoint}: {name_of(told)}")
        else:
            deed.say("pg_waldump has it no more: the promotion has put its segment aside")


def _prove_replayed(run: Run, plan: Plan, goal: Position, timeline: int, segment: int) -> bytes:
    """See the standby replay past the goal.

    Gives the record that its own WAL has there, as far as that was read.
    """
    door = run.doors[plan.node]
    deadline = time.monotonic() + run.timeouts.replay
    words = f"prove that it has replayed past {goal}"
    with run.deed(plan.node, words, DeedKind.PROVE_REPLAY) as deed:
        deed.changed = False
        if goal.timeline != timeline:
            raise NotAchieved(
                f"{plan.peer} ended at {goal}, but {plan.node} is on timeline {timeline}: two "
                "histories"
            )
        while True:
            late = time.monotonic() > deadline
            at, found = replayed_past(door.sql, goal, segment, _TURN)
            if at > goal.lsn:
                break
            if late:
                short = size(max(0, goal.lsn - at))
                raise NotAchieved(
                    f"{plan.node} has replayed to {at}, {short} short of the shutdown checkpoint "
                    f"of {plan.peer} at {goal}{held_up(door)}"
                )
            time.sleep(_PAUSE)  # before 9.4 a server does not wait itself
        deed.say(f"proved: replayed to {at}, past the shutdown checkpoint of {plan.peer} at {goal}")
    return found


def _prove_record(run: Run, plan: Plan, end: Control, found: bytes) -> None:
    """See the shutdown checkpoint in the standby's own WAL.

    It is told by its bytes, which came with the answer before; where they do not tell, pg_waldump
    does.
    """
    at = end.checkpoint
    words = f"prove that its own WAL has the shutdown checkpoint at {at}"
    with run.deed(plan.node, words, DeedKind.PROVE_CHECKPOINT) as deed:
        deed.changed = False
        how = "by its bytes and their checksum"
        if not is_shutdown_checkpoint(found, at.lsn):
            how = "as pg_waldump tells it"
            told = record_at(run.doors[plan.node], at, end.segment)
            if _SHUTDOWN not in told:
                raise NotAchieved(
                    f"the WAL of {plan.node} has at {at}: {told or 'nothing'}; not {_SHUTDOWN}"
                )
        deed.say(f"proved: its own WAL has {_SHUTDOWN} of {plan.peer} at {at}, {how}")


def prove_all(run: Run, plan: Plan, now: Snapshot) -> None:
    """The target has everything that the stopped node wrote, and both tell one history.

    Raises where it has not. Of a node that was stopped in recovery the control file tells only the
    least that it has: its WAL itself is read.
    """
    other, target = now[plan.peer], now[plan.node]
    if not isinstance(target, Running):
        raise Failure(
            f"{plan.node} does not answer any more: {target}",
            f"{to_be_seen(target)}; then run this notebook again",
        )
    control = end_of(other)
    least, segment = control.least_end, control.segment
    goal = least.lsn - 1  # to have reached the least is enough, and the proof asks for more
    if control.shut_down_in_recovery:
        redo = Position(least.timeline, control.redo)
        last = last_byte(run.doors[plan.peer], redo, segment)
        goal = max(goal, last or 0)
    at = Position(least.timeline, Lsn(goal))
    _prove_replayed(run, plan, at, target.timeline, segment)
    _prove_same_history(run, plan, control)


def end_of(other: object) -> Control:
    """The control file of a node that was stopped cleanly.

    What any other one wrote last is not known. A crashed primary's last checkpoint says nothing
    about the commits after it. Raises Failure.
    """
    if isinstance(other, Stopped):
        control = other.control
        if control.shut_down_as_primary or control.shut_down_in_recovery:
            return control
    raise Failure(
        f"what the other node wrote last is not known: {other}",
        "this is a failover: occasion=failover",
    )


def _prove_same_history(run: Run, plan: Plan, end: Control) -> None:
    """Both nodes' WAL tell the same record at the old primary's last checkpoint.

    That is one history, not two of one number.
    """
    last = end.checkpoint
    words = f"prove one history: the record at {last} on both nodes"
    with run.deed(plan.node, words, DeedKind.PROVE_HISTORY) as deed:
        deed.changed = False
        ours = record_at(run.doors[plan.node], last, end.segment)
        theirs = record_at(run.doors[plan.peer], last, end.segment)
        if not theirs or ours != theirs:
            both = f"{plan.peer} has {theirs or 'nothing'}, {plan.node} has {ours or 'nothing'}"
            raise NotAchieved(f"at {last} {both}")
        deed.say(f"proved: one history, both nodes have at {last} the same {name_of(theirs)}")
