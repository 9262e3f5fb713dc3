"""The question a person has: could we fail over now, what would it cost, and what is in the way?"""

from __future__ import annotations

from ..errors import NotSeen
from ..model import Snapshot, Verdicts
from ..show import Table, size


def readiness(now: Snapshot, verdicts: Verdicts) -> Table:
    """A row for a planned switchover and one for a failover."""
    in_the_way = [v.reason for v in verdicts.against if v.level != "warning"]
    switchover = f"no: {'; '.join(in_the_way)}" if in_the_way else "yes, and nothing would be lost"
    return Table(("could we, now?", ""), [("a planned switchover", switchover), ("a failover", _failover(now))])


def _failover(now: Snapshot) -> str:
    try:
        standby = now.standby
    except NotSeen as silence:
        return f"no: {silence}"
    try:
        return f"yes: to {standby.node}, which is {size(now.lag())} behind; what is not replicated then may be lost"
    except (NotSeen, ValueError) as unknown:
        return f"to {standby.node}, at {standby.position}; how far behind is not known: {unknown}"
