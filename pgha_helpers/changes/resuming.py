"""Going on after a hand-over that died: nobody is writable, and a promotion may be pending."""

from __future__ import annotations

import time

from ..facts import look
from ..facts.replay import replayed
from ..judgement.plans import Plan, took_over
from ..model import DeedKind, Hung, Running, Snapshot, Stopped, is_or_was_standby
from ..model.errors import HaError, Undecided
from ..run.events import GOES_ON, OUTAGE_GOES_ON
from ..run.interrupts import uninterrupted
from ..run.run import Run
from .deeds import promoting, servers, standby
from .proofs import end_of, prove_all
from .taking_back import take_back


def can_only_go_on(run: Run, plan: Plan, reason: BaseException) -> bool:
    """Whether a failed hand-over can only go on: the old primary is a standby now.

    Somebody started it again meanwhile. It must never be opened then, and need not be: as a standby
    it still feeds the other node.
    """
    if not isinstance(reason, HaError):
        return False
    now = look(run)
    if is_or_was_standby(now[plan.peer]) and isinstance(now[plan.node], Running):
        run.journal.write(GOES_ON, because=f"{plan.peer} was started again, and is a standby")
        print(
            f"{plan.peer} was started again by somebody; it came back read-only. Going on.",
            flush=True,
        )
        return True
    return False


def resume(run: Run, plan: Plan, now: Snapshot | None = None) -> None:
    """Finish what a killed run began: see the old primary stopped, prove, promote.

    Without proof open it again. The promotion that the killed run has sent may come at any moment,
    and is welcome: it was sent with proof.
    """
    old, new, began = plan.peer, plan.node, time.monotonic()
    seen = now or look(run)
    servers.start(run, new)
    _stop_old(run, old, new, seen)
    now = look(run)
    # refuses a node that was not stopped cleanly, before anything is written to it
    end_of(now[old])
    major = _running(now, new).major
    waits = bool(_running(now, new).settings.get("synchronous_standby_names"))
    run.journal.write(OUTAGE_GOES_ON, old=old, new=new, synchronous=waits)
    standby.define(run, old, major)
    standby.arm(run, old, major)
    try:
        prove_all(run, plan, now)
    except (HaError, OSError) as reason:
        if _was_promoted(run, plan):
            return
        _restart(run, new)  # it discards a promotion that may be pending
        if not _was_promoted(run, plan):
            with uninterrupted():
                take_back(run, plan, reason, began)
        return
    with uninterrupted():
        promoting.promote(run, new, major)


def _was_promoted(run: Run, plan: Plan) -> bool:
    """Whether the target is writable by now, with everything.

    Raises Undecided where it is, and has not everything.
    """
    now = look(run)
    target, end = now[plan.node], end_of(now[plan.peer])
    if isinstance(target, Running) and target.in_recovery:
        return False
    if isinstance(target, Running) and target.disk and took_over(target.disk, end):
        print(
            f"{plan.node} is primary by now: the promotion that was sent before has come.",
            flush=True,
        )
        return True
    raise Undecided(
        f"{plan.node} is not in recovery any more: {target}",
        f"do not start {plan.peer}; run this again",
    )


def _restart(run: Run, name: str) -> None:
    servers.stop(run, name, "a restart discards a promotion that may be pending")
    servers.start(run, name)


def _stop_old(run: Run, old: str, new: str, seen: Snapshot) -> None:
    """Stop the old primary; a standby that can feed the target first sends what it has.

    A promotion may be pending on it.
    """
    was = seen[old]
    if isinstance(was, Hung):
        servers.wait_for_last_process(run, run.doors[old])
        was = look(run)[old]
    ended_as_standby = (
        isinstance(was, Stopped) and was.control.shut_down_in_recovery and was.disk.standby_files
    )
    if ended_as_standby:  # what it has replayed, and not sent, is nowhere else
        servers.start(run, old)
    if ended_as_standby or isinstance(was, Running):
        _catch_up(run, old, new)
        servers.stop(
            run, old, "a restart discards a promotion that may be pending on it", proved=True
        )  # not the target


def _catch_up(run: Run, old: str, new: str) -> None:
    """Wait for the target to replay what the other one has.

    Whether it has everything is for the proof to say.
    """
    with run.deed(new, f"let it catch up with {old}", DeedKind.REPLAY) as deed:
        deed.changed = False
        deadline = time.monotonic() + run.timeouts.replay
        while time.monotonic() < deadline:
            if replayed(run.doors[new]) >= replayed(run.doors[old]):
                return
            time.sleep(0.02)
        deed.say(f"{new} does not catch up with {old}")


def _running(now: Snapshot, name: str) -> Running:
    seen = now[name]
    assert isinstance(seen, Running), "a plan to promote is made only for a node that answers"
    return seen
