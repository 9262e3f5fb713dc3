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
    first, second = now.system_ids()
    if len(now.primaries) < 2 or first != second:
        return Table(head, [("none", "no two nodes of one cluster are writable", "")])
    brief = replace(run.timeouts, clone=_LONGEST)
    run = replace(run, pair=replace(run.pair, timeouts=brief))
    rows = []
    for name in now.pair.names:
        what, by_table = _only_on(run, now.giving_up(name), name)
        rows.append((name, what, by_table))
    return Table(head, rows)


def _only_on(run: Run, now: Snapshot, name: str) -> tuple[str, str]:
    try:
        left = rebuild_evidence(run, now, name).left
    except HaError as silence:
        return f"unknown: {silence.what}; rebuild with node={name} lists it", ""
    if left is None:
        return "unknown: its WAL from before the two parted is not there any more", ""
    return "; ".join([left.sentence, *left.unread]), _by_table(left)


def _by_table(left: Losses) -> str:
    tables = []
    for relation, rows in left.totals.items():
        if left.kind(relation) == "table":
            tables.append((rows.total, f"{left.name(relation)} {rows}"))
    tables.sort(reverse=True)
    words = [each for _, each in tables[:_TABLES]]
    if len(tables) > _TABLES:
        words.append(f"and {len(tables) - _TABLES} more tables")
    return "; ".join(words)
