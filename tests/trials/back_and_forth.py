"""Switchovers back and forth on one pair, by the notebook's verbs: is a row ever lost, is one ever
refused wrongly?
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from pgha_helpers.model.errors import HaError
from pgha_helpers.model.show import Table

from ..bench.ledger import Ledger, Seen
from ..bench.pairs import pair_of
from ..bench.switchover.nodes import PROGRAMS
from ..bench.switchover.ours import Ours
from .picture import draw_outages
from .trial import Outcome

_BETWEEN = 0.3  # seconds of writing between two switchovers


@dataclass(frozen=True)
class Switched:
    """One switchover: the new primary, its window in wall time, seconds of its proofs, and why it
    was refused.
    """

    to: str
    began: float
    ended: float
    proof: float = 0.0
    refused: str = ""


@dataclass(frozen=True)
class Series:
    """Switchovers in order, and what a client saw of them all, if one wrote."""

    each: list[Switched] = field(default_factory=list)
    seen: Seen | None = None

    @property
    def faults(self) -> list[str]:
        """What must not have happened."""
        refused = [
            f"switchover {n} was refused: {one.refused}"
            for n, one in enumerate(self.each, 1)
            if one.refused
        ]
        lost = self.seen.lost if self.seen else 0
        return [*refused, *([f"{lost} acknowledged rows are lost"] if lost else [])]


def switchovers(folder: Path, count: int) -> Outcome:
    """Under load: what a client lost, and how long it could not write, drawn."""
    with _pair(folder) as ours:
        version = ours.nodes.version
        series = _series(ours, count, loaded=True)
    assert series.seen
    gaps = [gap for gap, one in zip(series.seen.gaps, series.each, strict=True) if not one.refused]
    rows = [
        ("switchovers", f"{count}"),
        ("refused, with nothing in the way", f"{sum(bool(one.refused) for one in series.each)}"),
        ("acknowledged rows lost", f"{series.seen.lost}"),
        ("commits per second", f"{series.seen.rate:.0f}"),
        ("outage, ms: median", _ms(median(gaps)) if gaps else ""),
        (
            "outage, ms: 95 of 100 are below",
            _ms(quantiles(gaps, n=20, method="inclusive")[-1]) if len(gaps) > 1 else "",
        ),
        (
            "outage, ms: least and greatest",
            f"{_ms(min(gaps))} and {_ms(max(gaps))}" if gaps else "",
        ),
        ("attempts of the four clients that failed, in all", f"{series.seen.failed}"),
    ]
    picture = draw_outages(
        [(one.to, gap) for one, gap in zip(series.each, series.seen.gaps, strict=True)]
    )
    heading = f"{count} switchovers back and forth on PostgreSQL {version}, while a client writes"
    return Outcome(heading, Table(("", ""), rows), series.faults, picture)


def proofs(folder: Path, count: int) -> Outcome:
    """On an idle and on a loaded pair: does a proof ever fail where nothing is missing?"""
    with _pair(folder) as ours:
        version = ours.nodes.version
        found = {
            kind: _series(ours, count, loaded)
            for kind, loaded in (("idle", False), ("loaded", True))
        }
    rows = [_row(kind, series) for kind, series in found.items()]
    faults = [f"{kind}: {fault}" for kind, series in found.items() for fault in series.faults]
    head = (
        "pair",
        "switchovers",
        "refused, with nothing in the way",
        "rows lost",
        "proofs, ms",
        "commits/s",
    )
    heading = (
        f"The proofs on PostgreSQL {version}, {count} times on an idle pair and {count} "
        "times under load"
    )
    return Outcome(heading, Table(head, rows), faults)


@contextlib.contextmanager
def _pair(folder: Path) -> Iterator[Ours]:
    with pair_of(folder / "lab", PROGRAMS if PROGRAMS.is_dir() else None) as pair:
        yield Ours(pair)


def _series(ours: Ours, count: int, loaded: bool) -> Series:
    series = Series()
    with contextlib.ExitStack() as opened:
        ledger = opened.enter_context(Ledger(ours.dsn)) if loaded else None
        for number in range(1, count + 1):
            series.each.append(_switch(ours))
            time.sleep(_BETWEEN if loaded else 0)
            if number % 10 == 0:
                print(f"  {number} of {count}", flush=True)
        if not ledger:
            return series
        return Series(
            series.each, ledger.read(*((one.began, one.ended + _BETWEEN) for one in series.each))
        )


def _switch(ours: Ours) -> Switched:
    """One switchover. A refusal is a fault that is told; after it somebody must be primary all the
    same.
    """
    old, new = ours.nodes.roles()
    began, primary, proof, refused = time.time(), new, 0.0, ""
    try:
        proof = ours.switch(old, new).parts["proof"]
    except HaError as error:
        primary, refused = old, error.what
    ours.nodes.wait_until_healthy(primary)
    return Switched(new, began, time.time(), proof, refused)


def _row(kind: str, series: Series) -> Sequence[str]:
    took = [one.proof for one in series.each if not one.refused] or [0.0]
    return (
        kind,
        f"{len(series.each)}",
        f"{sum(bool(one.refused) for one in series.each)}",
        f"{series.seen.lost}" if series.seen else "",
        f"{_ms(median(took))} [{_ms(min(took))}-{_ms(max(took))}]",
        f"{series.seen.rate:.0f}" if series.seen else "0",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
