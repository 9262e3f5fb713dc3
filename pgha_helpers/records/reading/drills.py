"""Drills of a pair: those that its sequences tell of, and the report of one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...model import Pair
from ...model.show import span, utc
from ..making.sequence import DRILLED, SequenceLine, sequences
from .rendering import render_page
from .report import REPORT
from .words import finite, minute

_BEFORE = 10  # drills that a report shows beside its own


@dataclass(frozen=True)
class PhaseShown:
    """A phase as the report shows it; every field is text."""

    title: str
    notebook: str
    outcome: str
    planned: str
    outage: str
    rows: str
    took: str
    record: str

    @property
    def link(self) -> str:
        """To the report of its record, beside this one."""
        return quote(f"{self.record}/{REPORT}")


def earlier_drills(records: Path, pair: str) -> list[SequenceLine]:
    """The drills of a pair that its sequences tell of, the newest first."""
    found: list[SequenceLine] = []
    for each in sequences(records, pair):
        with suppress(OSError):
            found += [line for line in each.lines(f'"{DRILLED}"') if line.what == DRILLED]
    return sorted(found, key=lambda line: str(line.told.get("at")), reverse=True)


def seconds_since_drill(records: Path, pair: str) -> float | None:
    """How long ago the last drill was that passed; None if there was none."""
    for line in earlier_drills(records, pair):
        with suppress(ValueError):
            at = datetime.fromisoformat(str(line.told.get("at")))
            if line.told.get("passed") is True:
                return time.time() - at.timestamp()
    return None


def drill_page(
    pair: Pair,
    passed: bool,
    faults: Sequence[str],
    phases: Sequence[PhaseShown],
    before: Sequence[Mapping[str, Any]],
) -> str:
    """The report of a drill, on one page that stands alone; `before` are the drills before it."""
    return render_page(
        "drill.html.j2",
        pair=pair.name,
        at=minute(utc(datetime.now(UTC).timestamp())),
        passed=passed,
        faults=faults,
        phases=phases,
        target=span(pair.rto) if pair.rto else "",
        before=[_earlier(told) for told in before[:_BEFORE]],
    )


def _earlier(told: Mapping[str, Any]) -> tuple[str, str, str]:
    outages = [span(seconds) for seconds in map(finite, told.get("outages") or ()) if seconds]
    return (
        minute(told.get("at")),
        "passed" if told.get("passed") is True else "not passed",
        " and ".join(outages),
    )
