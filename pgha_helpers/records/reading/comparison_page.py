"""The page of a comparison: the two lag curves over each other, and every difference in a table."""

from __future__ import annotations

from collections.abc import Sequence

from ...model.lag_file import Samples
from .compare import Comparison, Timing
from .rendering import render_page
from .small_charts import LEFT, Curve, Figure, in_bytes, in_seconds, path

_NOTABLE = 1.5  # times as long, or as short: less is the weather


def comparison_page(comparison: Comparison) -> str:
    """A page that stands alone: no script, nothing loaded."""
    lags = comparison.lags
    overlays = _overlay(lags, "bytes"), _overlay(lags, "seconds")
    return render_page(
        "compare.html.j2",
        a=comparison.a,
        b=comparison.b,
        runs=(("A", comparison.a), ("B", comparison.b)),
        parts=comparison.parts,
        timings=[_row(timing) for timing in comparison.deeds],
        totals=[_row(timing) for timing in comparison.totals],
        figures=[figure for figure in overlays if figure],
        lags=[
            ("Most bytes behind", *(each.most("bytes") or "none" for each in lags)),
            ("Longest delay", *(each.most("seconds") or "none" for each in lags)),
            ("Samples", *(len(each.at) for each in lags)),
        ],
        notes=comparison.notes,
    )


def _row(timing: Timing) -> tuple[Timing, str, str, str]:
    return timing, _clock(timing.a), _clock(timing.b), _notable(timing)


def _overlay(lags: Sequence[Samples], unit: str) -> Figure | None:
    """Both runs' lag over the time since their own first sample."""
    values = [value for each in lags for value in getattr(each, unit) if value is not None]
    if not values:
        return None
    title, up = {
        "bytes": ("Bytes behind", in_bytes(values)),
        "seconds": ("Delay of replay", in_seconds(values)),
    }[unit]
    across = in_seconds((max(at, 1.0) for each in lags for at in each.at), steps=6)
    lines = []
    for kind, each in zip(("run-a", "run-b"), lags, strict=True):
        for stretch in each.stretches(unit):
            spots = [(across.x(at), up.y(max(value, 0.0))) for at, value in stretch]
            lines.append(Curve(path(spots), kind))
    label = f"{across.unit} since each run's first sample"
    return Figure(title, label, up.unit, across.along(), up.down(), lines, left=LEFT)


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f} s"


def _notable(timing: Timing) -> str:
    """Which way a duration has changed notably; deeds of a few milliseconds never do."""
    if timing.ratio is None or max(timing.a or 0.0, timing.b or 0.0) < 0.02:
        return ""
    if timing.ratio >= _NOTABLE:
        return "longer"
    if timing.ratio <= 1 / _NOTABLE:
        return "shorter"
    return ""
