"""The old primary comes back as a standby of the new one, and clients are led there.

On a synchronous pair they are led there after it.
"""

from __future__ import annotations

from .. import clients
from ..facts import look, until
from ..facts.queries import query
from ..judgement.checks import AFTER
from ..judgement.plans import Plan
from ..model import Hung, Stopped
from ..run.run import Run
from .deeds import servers, slots, standby, stopping
from .deeds.histories import bring_histories


def waits_for_standby(run: Run, name: str) -> bool:
    """Whether commits on this primary wait for a synchronous standby."""
    row = run.doors[name].sql.read(query("waits for a standby"))[0]
    return bool(row["so"])


def lead_clients(run: Run, plan: Plan, synchronous: bool) -> None:
    """Lead clients to the promoted node.

    Where commits wait for a standby, none returns before the old one streams.
    """
    try:
        if synchronous and not plan.lost:
            bring_back(run, plan.peer, plan.node)
    finally:  # clients that are held must not be left to their watchdog, which comes late
        clients.redirect(run, plan)


def bring_back(run: Run, old: str, new: str) -> None:
    """Start the old primary as a standby and see it stream.

    Raises NotAchieved or Undecided where it does not.
    """
    now = look(run)
    major = now.primary.major
    slots.ensure_slot(run, new, old, reserve=True)
    seen = now[old]
    # the window does not wait for the last process
    if isinstance(seen, Hung) and not seen.starting:
        stopping.wait_until_gone(run, old)
        now = look(run)
    if isinstance(now[old], Stopped):
        standby.define(run, old, major)
        standby.arm(run, old, major)
        bring_histories(run, old, new)
    log = servers.start(run, old)
    until(run, *AFTER, within=run.timeouts.attach, log=log)
    slots.drop_own_slot(run, old, new)
