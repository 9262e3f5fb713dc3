"""The trends of a pair as small charts: how long things take, how far the standby was behind, how
much there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ...model.show import plural, size, span
from .figures import Figures
from .small_charts import (
    BASE,
    Axis,
    Curve,
    Figure,
    Point,
    Tick,
    in_bytes,
    in_numbers,
    in_seconds,
    path,
    place,
)
from .trends import LAG_BYTES, PERIODS, SIZES, Kind, Period, buckets, lag_periods
from .words import minute, tone

_SHARES = ("median", "p95", "p99")  # of a period, each a line; also a class of the style sheet
_GAP = 5  # between two bars
_NAMED = 8  # bars: of more, every second one has a label


@dataclass(frozen=True)
class Spot:
    """A run in a chart: when it began (as `minute` writes it), its tone, by it is called, and its
    value.
    """

    began: str
    tone: str
    words: str
    value: float


def trend(
    title: str,
    spots: Sequence[Spot],
    scale: Callable[[Iterable[float]], Axis] = in_seconds,
    shown: Callable[[float], str] = span,
) -> Figure:
    """Values of these runs, the oldest on the left."""
    axis = scale(spot.value for spot in spots)
    at = [(place(n, len(spots)), axis.y(spot.value)) for n, spot in enumerate(spots)]
    marks = [
        Point(x, y, spot.tone, f"{spot.words}, {shown(spot.value)}")
        for (x, y), spot in zip(at, spots, strict=True)
    ]
    lines = [Curve(path(at), "trend")] if len(spots) > 1 else []
    ticks, label = _times([spot.began for spot in spots])
    return Figure(title, label, axis.unit, ticks, axis.down(), lines, marks)


def _times(began: Sequence[str]) -> tuple[list[Tick], str]:
    """The first and the last, by day, or within one by minute; and by that is."""
    first, last = began[0], began[-1]
    part, label = slice(0, 10), "day of the run"
    if first[:10] == last[:10]:
        part, label = slice(11, 16), f"UTC, {last[:10]}"
    if len(began) == 1:
        return [Tick(place(0, 1), first[part])], label
    left, right = place(0, len(began)), place(1, 2)
    return [Tick(left, first[part], "start"), Tick(right, last[part], "end")], label


def lag_charts(runs: Sequence[Figures]) -> Iterator[Figure]:
    """How far the standby was behind, of runs that come the oldest first."""
    for unit, scale, shown in (("bytes", in_bytes, size), ("seconds", in_seconds, span)):
        by, told = lag_periods(runs, unit)
        if told:
            yield _lag(f"Lag in {'bytes' if unit == 'bytes' else 'time'}", by, told, scale, shown)
    if found := LAG_BYTES.of(runs):
        yield _histogram("Runs by the worst lag that each saw", [value for _, value in found])


def _lag(
    title: str,
    by: str,
    told: Sequence[Period],
    scale: Callable[[Iterable[float]], Axis],
    shown: Callable[[float], str],
) -> Figure:
    axis = scale(period.spread.most for period in told)
    across = [place(n, len(told)) for n in range(len(told))]
    lines = []
    for share in _SHARES:
        values = (axis.y(getattr(period.spread, share)) for period in told)
        lines.append(Curve(path(zip(across, values, strict=True)), share))
    marks = []
    for x, period in zip(across, told, strict=True):
        of = plural(period.spread.count, "sample" if by == "run" else "run")
        shares = ", ".join(shown(getattr(period.spread, share)) for share in (*_SHARES, "most"))
        title_of = f"{period.name}, {of}: median, 95 and 99 of 100, most: {shares}"
        marks.append(Point(x, axis.y(period.spread.most), "calm", title_of))
    ticks, label = _times([period.name for period in told])
    if by == "hour":
        label = f"by hour, {label}"
    return Figure(f"{title}, by {by}", label, axis.unit, ticks, axis.down(), lines, marks)


def _histogram(title: str, values: Sequence[float]) -> Figure:
    found = buckets(values)
    axis = in_numbers(many for _, many in found)
    step = (place(1, 2) - place(0, 2)) / len(found)
    ticks, bars = [], []
    for n, (name, many) in enumerate(found):
        left = round(place(0, 2) + n * step + _GAP / 2, 1)
        right = round(left + step - _GAP, 1)
        if n % (1 + len(found) // _NAMED) == 0:
            ticks.append(Tick(round((left + right) / 2, 1), name))
        if many:
            y = min(axis.y(many), BASE - 1.0)
            bars.append(Curve(f"M{left} {BASE}V{y}H{right}V{BASE}z", "bar"))
    return Figure(title, "up to, in bytes", "runs", ticks, axis.down(), bars)


def size_charts(runs: Sequence[Figures]) -> Iterator[Figure]:
    """How much there is, of runs that come the oldest first."""
    for kind in SIZES[:2]:
        if found := kind.of(runs):
            yield _sizes(kind, found)
    if found := SIZES[2].of(runs):
        sums = accumulate(value for _, value in found)
        told = list(zip((run for run, _ in found), sums, strict=True))
        yield _sizes(Kind("all records together", SIZES[2].value, size), told)


def _sizes(kind: Kind, found: Sequence[tuple[Figures, float]]) -> Figure:
    step = max(1, -(-len(found) // PERIODS))
    kept = found[::-1][::step][::-1]  # the newest among them
    spots = []
    for run, value in kept:
        level = tone({"outcome": run.outcome, "changed": run.changed})
        began = minute(run.began)
        spots.append(Spot(began, level, f"{run.notebook} {run.run}, {began}", value))
    return trend(kind.title[:1].upper() + kind.title[1:], spots, in_bytes, size)
