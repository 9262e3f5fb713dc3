"""Made-up losers: nodes that are to be rebuilt, and what is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pgha_helpers.judgement.plans import Evidence, Plan, rebuild_plan
from pgha_helpers.judgement.plans.copying import Copying, Part
from pgha_helpers.judgement.plans.rebuild import Rewinding, Weights
from pgha_helpers.model import Lsn, Position, Snapshot
from pgha_helpers.model.losses import Losses

from .pictures import (
    EARLIER,
    disk,
    primary,
    seen,
    stopped,
)

GB = 1024**3


SAME = Evidence("the record", "the record", EARLIER, same=True)


HISTORY = {2: "1\t0/4FFFFFF\tno recovery target specified\n"}


AFTER_FORK = primary("db1", timeline=2, senders=(), disk=disk(histories=HISTORY))


CRASHED = seen(stopped("db0", "in production"), AFTER_FORK)


def lost(count: int, *unread: str) -> Losses:
    """Transactions that only the loser has."""
    at = Position(1, EARLIER)
    return Losses("db0", at, EARLIER, at, 16 * 1024 * 1024, count, unread=unread)


REWINDING = Rewinding(checkpoint=EARLIER, redo=EARLIER)


#: A big database, and a loser that has twelve commits beyond the fork: made for a rewind.
DIVERGED = Evidence(
    "the record",
    "the record",
    Lsn.parse("0/5000100"),
    same=True,
    left=lost(12),
    rewinding=REWINDING,
    weights=Weights(database=100 * GB, source_wal=GB, diverged=GB // 10),
)


def planned(now: Snapshot = CRASHED, method: str = "", **changes: Any) -> Plan:
    """The plan for a loser that has diverged, but for these changes of the evidence."""
    return rebuild_plan(now, "", method, replace(DIVERGED, **changes))


def on_disk(free: int = 900 * GB, **changes: Any) -> Copying:
    """Where the copy of a big database would go; `changes` are those of its data directory."""
    part = Part("the data directory", "/data", 100 * GB, "/data", "1", free, there=99 * GB)
    return Copying("db0", 100 * GB, replace(part, **changes))


def rewinding(**changes: Any) -> dict[str, Rewinding]:
    return {"rewinding": replace(REWINDING, **changes)}


def impossible(plan: Plan) -> dict[str, str]:
    """Why not, by method."""
    return {option.method: option.why_not for option in plan.options if option.why_not}
