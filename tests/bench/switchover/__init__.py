"""A planned switchover under load: the runbook, floors written by hand, and the peers that are
installed here.

Every contender has two servers of its own, PostgreSQL 15. All take turns, in another order each
round, and the same client writes to each: see `ledger`. Ratios are those of one run, over the fast
floor's.
"""

from .measure import measure
from .said import said

__all__ = ["measure", "said"]
