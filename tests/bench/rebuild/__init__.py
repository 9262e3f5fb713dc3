"""A node that left the primary's history comes back: by each of the runbook's methods, and by hand
with bare programs.

One pair, PostgreSQL 15. Before each turn a failover by hand leaves the same kind of loser: killed
with -9, some commits of its own on it, and the other node some thousands of commits further. All
take turns on such losers; a turn is over when the new primary's sender streams to the node again.
Ratios are those of one run.
"""

from .measure import measure

__all__ = ["measure"]
