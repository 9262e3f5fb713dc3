"""A primary killed with -9 under load, again and again: is an acknowledged row ever lost whose disk
can be read?
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from pgha_helpers.model.show import Table

from ..bench.failover.contender import Ours
from ..bench.failover.measure import one_round
from ..bench.pairs import pair_of
from ..bench.switchover.nodes import PROGRAMS, Nodes
from .trial import Outcome


def failovers(folder: Path, count: int) -> Outcome:
    """By the notebook's verbs, on the asynchronous pair; after each the killed node is rebuilt."""
    with pair_of(folder / "lab", PROGRAMS if PROGRAMS.is_dir() else None) as pair:
        ours, each = Ours(pair), []
        version = Nodes.of(pair).version
        for number in range(1, count + 1):
            each.append(one_round(ours, written_to=True))
            if number % 5 == 0:
                print(f"  {number} of {count}", flush=True)
    lost = [one.seen.lost for one in each]
    took = [one.told.seconds * 1000 for one in each]
    copied = [one.told.copying > 0 for one in each]
    rows = [
        ("failovers", f"{count}"),
        ("commits per second", f"{median(one.seen.rate for one in each):.0f}"),
        ("acknowledged rows lost", f"{sum(lost)}"),
        ("in which the disk held more than the standby had", f"{sum(copied)}"),
        ("from the gate to writable, ms: median", f"{median(took):.0f}"),
        ("least and greatest", f"{min(took):.0f} and {max(took):.0f}"),
    ]
    faults = [f"failover {n} lost {rows} rows" for n, rows in enumerate(lost, 1) if rows]
    heading = f"{count} failovers on PostgreSQL {version}: kill -9 under load, the disk can be read"
    return Outcome(heading, Table(("", ""), rows), faults)
