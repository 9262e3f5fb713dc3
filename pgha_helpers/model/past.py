"""What a pair's records tell of its earlier changes and of its lag, in figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """How values lie: how many they are, the least, the median, what 95 and what 99 of 100 do not
    exceed, and the most.
    """

    count: int
    least: float
    median: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """That of these values; None where there are none.

        >>> Spread.of([3, 1, 2, 10])
        Spread(count=4, least=1, median=2.5, p95=10, p99=10, most=10)
        """
        known = sorted(values)
        if not known:
            return None
        p95, p99 = (known[math.ceil(share * len(known)) - 1] for share in (0.95, 0.99))
        return cls(len(known), known[0], median(known), p95, p99, known[-1])


@dataclass(frozen=True)
class Past:
    """Seconds and bytes, each None where no record tells.

    `switchovers` are the outages of those that were done, `failovers` the time of those from the
    gate that was passed until the new primary took writes. The lag is the worst that each run saw
    which watched it, in the last `days`.
    """

    switchovers: Spread | None = None
    failovers: Spread | None = None
    lag_bytes: Spread | None = None
    lag_seconds: Spread | None = None
    days: int = 30
