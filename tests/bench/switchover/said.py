"""What the figures come to, in a sentence: written into README by the benchmark, and never by
hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from .auto_failover import AutoFailover
from .floor import Floor
from .measure import OVER_OURS
from .ours import OursAsTyped
from .patroni import Patroni
from .repmgr import Repmgr

_PEERS = (Repmgr.name, Patroni.name, AutoFailover.name)


def said(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """How long clients were without a primary, and how much longer by others, each at its best:
    medians of one run.
    """
    ratio, outage = head.index(OVER_OURS), head.index("outage, ms")
    told = {row[0]: row for row in rows}
    ours = told[OursAsTyped.name][outage].split()[0]
    floor = 1 / float(told[Floor.name][ratio])
    peers = ", ".join(f"{name} {_best(rows, name, ratio)}" for name in _PEERS)
    return (
        f"In the last figures `{OursAsTyped.name}` left clients without a primary for {ours} ms, "
        f"{floor:.2f} times as long as a switchover by local signals that asks and proves nothing. "
        f"Others, each with its own quickest settings: {peers}."
    )


def _best(rows: Sequence[Sequence[str]], name: str, ratio: int) -> str:
    """The smallest ratio of a peer's rows, in words."""
    found = [float(row[ratio]) for row in rows if row[0].startswith(name) and row[ratio]]
    if not found:
        return "was not measured"
    if min(found) >= 3:
        return f"{min(found):.0f} times as long"
    return f"{min(found):.1f} times as long"
