"""Abort: the old primary is made primary again.

Legal only before promote is sent, by whoever knows that it was not.
"""

from __future__ import annotations

import contextlib
import time
from typing import NoReturn

from .. import clients
from ..facts import look
from ..judgement.plans import Plan
from ..model import Running, Sighting
from ..model.errors import Aborted, Failure, HaError, NotAchieved, Undecided, Unreachable
from ..model.show import span
from ..model.sightings import refuses
from ..run.events import ABORT, OUTAGE_ENDED
from ..run.run import Run
from .deeds import servers, standby, stopping
from .deeds.for_now import set_back
from .outage import tell_outage

# seconds after which a server that refuses new sessions because it stops has ended the open ones
_ENDED = 0.5


def take_back(run: Run, plan: Plan, reason: BaseException, began: float) -> NoReturn:
    """Open the old primary again, whatever its shutdown waits for.

    `began` is when clients lost it (monotonic). A shell that is lost is tried again for as long as
    a shutdown may take. Raises Aborted when it is primary again, Undecided when that cannot be
    told.
    """
    old, why = plan.peer, str(reason) or "it was interrupted"
    print(f"Taking it back: {why}", flush=True)
    run.journal.write(ABORT, old=old, because=why)
    deadline = time.monotonic() + run.timeouts.shutdown
    while True:
        try:
            _open(run, old)
            break
        except HaError as worse:
            if not isinstance(worse.__cause__ or worse, Unreachable) or time.monotonic() > deadline:
                raise Undecided(
                    f"the hand-over failed ({why}) and {old} could not be opened again: {worse}",
                    f"{plan.node} was not promoted. Run this notebook again: it goes on from "
                    "what it finds",
                ) from None
            time.sleep(0.5)
    left = _let_clients_go_on(run, plan)
    run.journal.write(OUTAGE_ENDED, new=old)
    with contextlib.suppress(HaError):  # a rerun does it, and verify tells
        set_back(run)
    # it was never told to stop
    outage = tell_outage(run) or f"at most {span(time.monotonic() - began)}"
    raise Aborted(
        f"the hand-over was aborted: {old} is primary again and nothing is lost. Clients were "
        f"without a primary for {outage}. Why: {why}{left}",
        "mend the cause and run this notebook again",
    )


def _let_clients_go_on(run: Run, plan: Plan) -> str:
    """Every client back to the old primary; a sentence about those that could not be led there."""
    try:
        clients.take_clients_back(run, plan)
    except HaError as trouble:
        return f"\nBUT {trouble}"
    return ""


def _open(run: Run, old: str) -> None:
    """Make it primary again, or see that it never ceased to be.

    A stop that was asked for may come late. It is not obeyed once the node is disarmed, so a node
    that runs is disarmed first, and what is seen after that stands.
    """
    seen = _seen_anew(run, old)
    if isinstance(seen, Running):
        with contextlib.suppress(Failure):  # it has begun to stop, or what is wrong is told below
            standby.disarm(run, old)
        seen = _seen_anew(run, old)
    if not isinstance(seen, Running):
        stopping.end_shutdown(run, old)
    standby.disarm(run, old)
    servers.start(run, old)
    seen = _seen_anew(run, old)
    if not (isinstance(seen, Running) and seen.writable):
        raise NotAchieved(f"{old} is not primary again: {seen}", "look at its log")


def _seen_anew(run: Run, old: str) -> Sighting:
    """How it is seen now. Raises NotAchieved for one that runs as a standby.

    The postmaster itself is asked, by a new connection: an open session answers until somebody gets
    round to ending it. One that only has no room for another session is not stopping.
    """
    door = run.doors[old]
    with contextlib.closing(door.session(run.pair.database)) as another:
        try:
            another.connect()
        except Unreachable as silence:
            if refuses(silence.answer):
                time.sleep(_ENDED)  # in another language than English a stop reads like a refusal
            else:
                door.sql.close()
    seen = look(run)[old]
    if isinstance(seen, Running) and seen.in_recovery:
        raise NotAchieved(
            f"{old} runs as a standby by now", f"promote {old} makes it the primary again"
        )
    return seen
