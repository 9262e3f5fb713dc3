"""Judging aloud, and the gate: typed consent names the node; without it a run is a rehearsal."""

from __future__ import annotations

import getpass
import time
import warnings
from collections.abc import Iterable

from ..facts import look
from ..facts.sampler import hurry
from ..judgement.checks import Check, before, judge
from ..judgement.plans import Plan
from ..judgement.plans.back_again import BACK_AGAIN
from ..judgement.plans.rebuild import stop_only
from ..judgement.plans.sorting import SORTED_OTHERWISE
from ..model import Snapshot, Verdicts, frontend
from ..model.errors import NotConfirmed, NotSafe
from ..model.show import present
from ..model.verdicts import Reason
from ..run.events import GATE_ANSWERED, GATE_PASSED, GATE_REOPENED, GATE_SHOWN, JUDGED, NOT_LOCKED
from ..run.gate import Required
from ..run.run import Run
from . import chain

REHEARSED = "This was a rehearsal: nothing was changed."


def judged(run: Run, checks: Iterable[Check], now: Snapshot) -> Verdicts:
    """Every check's verdict, written to the journal."""
    verdicts = judge(checks, now)
    run.seen.judged = now
    run.journal.write(JUDGED, worst=verdicts.worst, verdicts=[one.told for one in verdicts])
    return verdicts


def require(run: Run, plan: Plan, now: Snapshot) -> Verdicts:
    """Every check that this plan needs, at once.

    Raises NotSafe with every reason; nothing has changed then. A warning is told and does not
    refuse. A switchover needs a snapshot that was looked at closely. What was judged already, the
    same plan by the same look, is not judged again: a failover goes on from the gate's own look.
    """
    known = run.gate.judged_before(plan, now)
    if known is not None:
        return known
    named = SORTED_OTHERWISE in plan.extras
    drain = bool(run.parameters.get("drain"))
    checks = () if plan.already else before(plan.kind, drain, sorted_otherwise=named)
    verdicts = judged(run, checks, now)
    if refusing := verdicts.refusing:
        if frontend.shell():
            present(verdicts)
        told = ["the table above tells why"]
        if not frontend.somebody():
            told = [_line(reason) for reason in refusing]
        reasons = "\n  - ".join(told)
        raise NotSafe(f"{run.pair.name}: {plan.kind} is not safe now: {reasons}{run.meanwhile()}")
    run.gate.required = Required(plan, now, verdicts)
    return verdicts


def _line(reason: Reason) -> str:
    title = f"{reason.title}: " if reason.title else ""
    return title + reason.sentence


def gate(run: Run, plan: Plan) -> Plan:
    """The point of no return: only what is typed here lets deeds through.

    It takes the typed consent, takes the lock, and looks again. With the wrong words it asks again
    where somebody can answer, and raises NotConfirmed where nobody can. With no words, or nothing
    to do, the run ends well here (SystemExit, status 0).
    """
    run.gate.permit = None
    _become(run, run.pair.watcher)
    given = str(run.parameters.get("confirm", "")).strip()
    while not plan.already:
        run.journal.write(GATE_SHOWN, wanted=plan.consent, plan=plan)
        _agree(run, plan, given)
        again = _under_lock(run, plan)
        if again.stands(plan):
            run.gate.permit = again
            run.journal.write(GATE_PASSED, locked=run.lock.held)
            hurry(run)
            locked = ", ".join(run.lock.held) or "no node answers"
            print(f"Consent given: {plan.consent}. Locked: {locked}.", flush=True)
            return again
        _step_back(run)
        run.journal.write(GATE_REOPENED, because="what was shown has changed", plan=again)
        who = f" for {run.lock.waited_for}" if run.lock.waited_for else ""
        changed = f"what the gate showed has changed while it waited{who}"
        print(f"{changed[0].upper()}{changed[1:]}. Now it is:\n{again}", flush=True)
        if not (again.already or frontend.somebody()):
            raise NotConfirmed(changed, "run it again and read it anew")
        plan, given = again, ""
    _end(run, "already so", f"{plan.already}. Nothing was changed.")
    raise AssertionError("_end leaves the run")


def _agree(run: Run, plan: Plan, given: str) -> None:
    """Come back once the plan's exact words were given; a rehearsal ends here."""
    asked = time.monotonic()
    while not plan.covered_by(given):
        if given:
            run.journal.write(GATE_ANSWERED, answer=given, right=False)
            if not frontend.somebody():
                words = f"confirm is {given!r}, but this run needs {plan.consent!r}"
                if BACK_AGAIN in plan.extras:
                    words += f". {plan.told[0]}"
                at_once = f". {stop_only(plan.node)}" if plan.kind == "give up" else ""
                raise NotConfirmed(words, f"-p confirm={plan.consent!r}{at_once}")
            print(f"{given!r} is not {plan.consent!r}.", flush=True)
        given = _ask(plan)
        if not given:
            _end(run, "rehearsed", f"{REHEARSED} To do it, the consent is: {plan.consent}")
    run.gate.given = given
    seconds = time.monotonic() - asked
    run.journal.write(GATE_ANSWERED, answer=given, right=True, by=_who(run), seconds=seconds)


def _under_lock(run: Run, plan: Plan) -> Plan:
    """With the lock held, and with the rights that the change needs: plan anew from what is seen
    now, and require all of it again.
    """
    try:
        silent = run.lock.take(may_fail=plan.lost)
        _become(run, run.pair.user)
        if silent:
            run.journal.write(NOT_LOCKED, nodes=silent)
        # the cell's look is as old as whoever read and typed; from here on nobody else changes this
        now = look(run, closely=plan.kind == "switchover", around=plan.kind == "failover")
        # the cell's plan is what was agreed; this one is what would be done now
        again = run.gate.replan(now)
        if again.stands(plan):
            # the cell's verdicts were on the older look: what has gone bad since must refuse, too
            require(run, again, now)
            run.journal.reserve()
            chain.join(run, again, now)
            run.gate.saw(now)
        return again
    except BaseException:
        _step_back(run)
        raise


def _step_back(run: Run) -> None:
    """The gate is not passed: neither the lock nor the rights are needed any more."""
    run.lock.release()
    _become(run, run.pair.watcher)


def _become(run: Run, user: str) -> None:
    """From now on both nodes are asked by SQL as this role."""
    for door in run.doors.values():
        door.become(user)


def _ask(plan: Plan) -> str:
    """Ask whoever sits there; an empty answer where nobody does."""
    print(plan, flush=True)
    if not frontend.somebody():
        return ""
    return input(f"Type  {plan.consent}  to go on, or nothing to end the rehearsal: ").strip()


def _who(run: Run) -> str:
    named = run.parameters.get("operator")
    return str(named or getpass.getuser())


def _end(run: Run, outcome: str, words: str) -> None:
    """End the run well. SystemExit 0 is what papermill, too, takes for a clean end."""
    print(words, flush=True)
    run.end(outcome)
    warnings.filterwarnings("ignore", message="To exit: use")
    raise SystemExit(0)
