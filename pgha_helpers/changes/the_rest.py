"""What a clean stop leaves behind, on servers that do not wait for their standby then."""

from __future__ import annotations

import time

from ..facts.replay import replayed
from ..judgement.plans import Plan
from ..model import Control, Lsn, Position, Running, dialect
from ..run.run import Run
from .deeds.replay import cut_off
from .deeds.wal_copy import bring_over

#: Bytes in which a shutdown checkpoint ends: more may lie in a segment that is not there.
_RECORD = 512
_SOON = 0.1  # seconds for what is under way


def bring_the_rest(run: Run, plan: Plan, end: Control, standby: Running) -> None:
    """Have the standby get what the stopped primary wrote last, from its disk.

    Before 9.1.10, 9.2.5 and 9.3 a clean stop waits for nobody: with a walreceiver that hung, 121 to
    190 rows were missing (3 of 4 stops of 9.0.0). Raises NotAchieved as the copying does.
    """
    if dialect.mended("stop_waits_for_flush", standby.version):
        return
    door, goal = run.doors[plan.node], end.checkpoint
    deadline = time.monotonic() + _SOON
    while (here := replayed(door)) <= goal.lsn:
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    if here > goal.lsn:
        return
    cut_off(run, standby, plan.peer)
    since = Position(standby.timeline, replayed(door))
    until = Lsn(goal.lsn + _RECORD)
    bring_over(run, plan.peer, plan.node, since, until, end.segment, {}, lambda: None)
