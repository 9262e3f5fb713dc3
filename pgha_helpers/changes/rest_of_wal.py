"""What a clean stop leaves behind, on servers that do not wait for their standby then."""

from __future__ import annotations

import time

from ..facts.replay import replayed
from ..judgement.plans import Plan
from ..model import Control, Lsn, Position, Snapshot, dialect
from ..model.positions import there
from ..run.run import Run
from .deeds.replay import cut_off
from .deeds.wal_copy import bring_over

#: Bytes in which a shutdown checkpoint ends: more may lie in a segment that is not there.
_RECORD = 512
_SOON = 0.1  # seconds for what is under way
#: Milliseconds after which a stop of 19 leaves a standby behind, which a connection string may say,
#: too; -1: never.
_PATIENCE = "wal_sender_shutdown_timeout"


def bring_the_rest(run: Run, plan: Plan, end: Control, now: Snapshot) -> None:
    """Have the standby get what the stopped primary wrote last, from its disk.

    Before 9.1.10, 9.2.5 and 9.3 a clean stop waits for nobody: with a walreceiver that hung, 121 to
    190 rows were missing (3 of 4 stops of 9.0.0). So it is where 19 was told to. Raises NotAchieved
    as the copying does.
    """
    standby = now.standby
    told = now.primary.settings.get(_PATIENCE, "-1") != "-1"
    told = told or _PATIENCE in standby.settings.get("primary_conninfo", "")
    if dialect.mended("stop_waits_for_flush", standby.version) and not told:
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
    until = there(Lsn(goal.lsn + _RECORD), end.segment)
    bring_over(run, plan.peer, plan.node, since, until, end.segment, {}, lambda: None)
