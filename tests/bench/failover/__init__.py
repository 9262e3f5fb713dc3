"""A primary that is killed with -9 under load: the runbook, which salvages its disk, and a
promotion by hand at once.

Each has two servers of its own, PostgreSQL 15, asynchronous, and both take turns; the same client
writes to each. Nobody has to notice anything: the clock runs from the decision. Ratios are those of
one run.
"""

from .measure import measure

__all__ = ["measure"]
