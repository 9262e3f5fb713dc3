"""lag.csv: what a record keeps of the lag, written and read back.

Without pandas, because a page is drawn faster than that is imported.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .show import size, span

LAG_CSV = "lag.csv"


class LagRow(NamedTuple):
    """One sample: what the primary saw of its standby's lag, and what the standby saw of its own.

    `at` is in seconds since the epoch. A value is None where nobody told it. `primary` and
    `standby` name the nodes that were one then, with a space between two; a node that is in neither
    did not answer.
    """

    at: float
    primary_bytes: float | None = None
    standby_bytes: float | None = None
    primary_seconds: float | None = None
    standby_seconds: float | None = None
    primary: str = ""
    standby: str = ""


LAG_COLUMNS = LagRow._fields


@dataclass(frozen=True)
class Samples:
    """When it was sampled, in seconds since the first sample, and how far behind the standby was
    then.

    Of the two nodes' views the worse one counts; None where nobody answered.
    """

    at: tuple[float, ...] = ()
    bytes: tuple[float | None, ...] = ()
    seconds: tuple[float | None, ...] = ()

    def worst(self, unit: str) -> float | None:
        """The largest value of `bytes` or `seconds`; nothing if there is none."""
        known = [value for value in getattr(self, unit) if value is not None]
        return max(known, default=None)

    def most(self, unit: str) -> str:
        """The same, as a person reads it; empty if there is none.

        >>> Samples((0.0,), (5120.0,), (None,)).most("bytes")
        '5 kB'
        """
        worst = self.worst(unit)
        if worst is None:
            return ""
        return size(worst) if unit == "bytes" else span(worst)

    def stretches(self, unit: str) -> Iterator[list[tuple[float, float]]]:
        """Unbroken stretches of (time, value): between two samplings nobody looked, so no line is
        drawn there.
        """
        steps = [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]
        gap = max(5 * median(steps), 0.5) if steps else 0.0
        stretch: list[tuple[float, float]] = []
        before = -math.inf
        for at, value in zip(self.at, getattr(self, unit), strict=True):
            if stretch and (value is None or not 0 <= at - before <= gap):
                yield stretch
                stretch = []
            if value is not None:
                stretch.append((at, value))
            before = at
        if stretch:
            yield stretch


def csv_of(rows: Iterable[LagRow], head: bool) -> bytes:
    r"""These rows as the file holds them, below its head where that is not there yet.

    >>> csv_of([LagRow(1.5, 0.0, None, 0.25, None, "db0")], head=False)
    b'1.500000,0.000000,,0.250000,,db0,\n'
    """
    written = [",".join(map(_written, row)) for row in rows]
    lines = [",".join(LAG_COLUMNS), *written] if head else written
    return ("\n".join(lines) + "\n").encode()


def _written(value: float | str | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.6f}"


def lag_rows(folder: Path) -> list[LagRow]:
    """The rows of a record, the oldest first; none if it has no lag.csv, and without those whose
    time is no number.
    """
    try:
        with (folder / LAG_CSV).open(newline="", encoding="utf-8", errors="replace") as file:
            return [row for row in map(_row, csv.DictReader(file)) if row]
    except (OSError, csv.Error):
        return []


def _row(told: Mapping[str, str | None]) -> LagRow | None:
    at, *numbers = (_number(told.get(name)) for name in LAG_COLUMNS[:5])
    roles = (told.get(name) or "" for name in LAG_COLUMNS[5:])
    return None if at is None else LagRow(at, *numbers, *roles)  # type: ignore[arg-type]


def samples(folder: Path) -> Samples:
    """The samples of a record, by its rows."""
    rows = lag_rows(folder)
    return Samples(
        tuple(row.at - rows[0].at for row in rows),
        tuple(_worse(row.primary_bytes, row.standby_bytes) for row in rows),
        tuple(_worse(row.primary_seconds, row.standby_seconds) for row in rows),
    )


def _worse(*views: float | None) -> float | None:
    return max((value for value in views if value is not None), default=None)


def _number(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
