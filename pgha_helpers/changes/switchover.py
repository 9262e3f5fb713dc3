"""The planned switchover.

The outage window is one function, so that nobody can hold the service down by reading.
"""

from __future__ import annotations

import time

from .. import clients
from ..facts.starting import too_low
from ..judgement.plans import Plan
from ..model import Snapshot
from ..model.errors import HaError
from ..run.events import OUTAGE_BEGINS, OUTAGE_ENDED
from ..run.interrupts import uninterrupted
from ..run.parameters.quantities import read_span
from ..run.run import Run
from ..run.window import window
from .bringing_back import lead_clients
from .deeds import promoting, servers, sessions, slots, standby, stopping
from .failover import set_archives_aside
from .proofs import confirm, prove
from .rest_of_wal import bring_the_rest
from .resuming import can_only_go_on, resume
from .taking_back import take_back


def switch_over(run: Run, plan: Plan, now: Snapshot) -> None:
    """Stop the primary, prove that the standby has every byte, promote it.

    Raises Aborted when it was taken back. A primary that somebody started again in the window is a
    standby by then, because it was armed: then nobody is writable, and it goes on as a rerun would.
    """
    major, proved = now.primary.major, None
    _prepare(run, plan, now)
    waits = bool(now.standby.settings.get("synchronous_standby_names"))
    told = {
        "old": plan.peer,
        "new": plan.node,
        "intent": "arm, stop, prove, promote",
        "synchronous": waits,
    }
    run.journal.write(OUTAGE_BEGINS, **told)
    with window(run) as cost:
        began = time.monotonic()
        try:
            standby.arm(run, plan.peer, major)
            began = time.monotonic()
            clients.pause(run, plan)
            end = stopping.stop_primary(run, plan.peer, now.primary.senders, plan.node)
            bring_the_rest(run, plan, end, now)
            prove(run, plan, end, now.standby.timeline)
            proved = end
        except (HaError, OSError, KeyboardInterrupt) as reason:
            with uninterrupted():  # asked twice to stop, it would leave clients without a primary
                if not can_only_go_on(run, plan, reason):
                    take_back(run, plan, reason, began)
                resume(run, plan)
                lead_clients(run, plan, waits)
        else:
            with uninterrupted():
                promoting.promote(run, plan.node, major, meanwhile=lambda: clients.point(run, plan))
                lead_clients(run, plan, waits)
    run.journal.write(OUTAGE_ENDED, new=plan.node, processor=cost.processor, trips=cost.trips)
    if proved:
        confirm(run, plan, proved)


def _prepare(run: Run, plan: Plan, now: Snapshot) -> None:
    """Everything that can be done while clients still work."""
    old, new = plan.peer, plan.node
    if asked := str(run.parameters["drain"]):
        sessions.drain(run, old, read_span(asked))
    slots.ensure_slot(run, new, old, reserve=False)
    raised = too_low(run, old, now.standby, now.start(old))
    written = standby.define(run, old, now.primary.major, raised)
    servers.prove_start(run, old, wanted=written)
    standby.prove_connection(run, old)
    clients.prepare(run, plan)
    servers.checkpoint(run, old, "write what is dirty while clients work")
    servers.checkpoint(run, new, "restartpoint, keep the promotion short")
    for _ in range(3):  # until one is short: what is dirty at the stop is written inside the outage
        if (
            servers.checkpoint(run, old, "keep the shutdown checkpoint short")
            < run.pair.limits.checkpoint
        ):
            break
    # last: whatever fails now is taken back, and sets them back
    set_archives_aside(run, now.standby, now.primary)
