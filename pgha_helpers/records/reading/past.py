"""How long a pair's earlier changes took, and how far behind its standby was of late."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...model import Past, Spread
from .figures import Figures, figures_of

_CHANGES = 20  # of the newest promotions
LOOKS = 200  # records that are read at once; the next look reads more
_DAYS = 30


def past_of(records: Path, pair: str) -> Past:
    """What this folder of records tells of a pair, read in milliseconds: what was read before is
    kept. Raises nothing: what cannot be read tells nothing.
    """
    return past_by(figures_of(records, pair, LOOKS))


def past_by(runs: Sequence[Figures]) -> Past:
    """What these runs tell, which come the newest first."""
    done = [run for run in runs if run.notebook == "promote" and run.outcome == "done"]
    since = f"{datetime.fromtimestamp(time.time() - _DAYS * 86400, UTC):%Y-%m-%dT%H:%M:%S}"
    late = [run for run in runs if run.began >= since]
    planned = [run.outage_seconds for run in done if run.occasion == "switchover"]
    return Past(
        _spread(seconds or None for seconds in planned[:_CHANGES]),
        _spread(run.failover_seconds for run in done[:_CHANGES]),
        _spread(run.lag_bytes_max for run in late),
        _spread(run.lag_seconds_max for run in late),
        _DAYS,
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    return Spread.of(value for value in values if value is not None)
