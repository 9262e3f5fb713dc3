"""What is at stake while two nodes of one cluster take writes.

The transactions that only the one or the other has.
"""

from __future__ import annotations

from dataclasses import replace

from ...model import Snapshot
from ...model.errors import HaError
from ...model.losses import Losses
from ...model.show import Table
from ...model.units import Seconds
from ...run.run import Run
from .rebuilding import rebuild_evidence

_TABLES = 5  # that are named
_LONGEST = Seconds(60)


def rows_at_stake(run: Run, now: Snapshot) -> Table:
    """Per writable node what only it has.

    Transactions, rows by table, and when they were committed. Read from the WAL of both, for a
    minute each at most: the alarm must not wait for it. What cannot be read is said.
    """
    head = ("at stake on", "what only it has", "rows by table (+inserted ~updated -deleted)")
    ours, theirs = now.system_ids()
    if len(now.primaries) < 2 or ours != theirs:
        return Table(head, [("none", "no two nodes of one cluster are writable", "")])
    brief = replace(run, pair=replace(run.pair, timeouts=replace(run.timeouts, clone=_LONGEST)))
    return Table(
        head, [(name, *_stake(brief, now.giving_up(name), name)) for name in now.pair.names]
    )


def _stake(run: Run, now: Snapshot, name: str) -> tuple[str, str]:
    try:
        left = rebuild_evidence(run, now, name).left
    except HaError as silence:
        return f"unknown: {silence.what}; rebuild with node={name} lists it", ""
    if left is None:
        return "unknown: its WAL from before the two parted is not there any more", ""
    return "; ".join([left.sentence, *left.unread]), _by_table(left)


def _by_table(left: Losses) -> str:
    tables = [
        (rows.total, f"{left.name(r)} {rows}")
        for r, rows in left.totals.items()
        if left.kind(r) == "table"
    ]
    tables.sort(reverse=True)
    more = [f"and {len(tables) - _TABLES} more tables"] if len(tables) > _TABLES else []
    return "; ".join([*(words for _, words in tables[:_TABLES]), *more])
