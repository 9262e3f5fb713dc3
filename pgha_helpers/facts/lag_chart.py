"""How lag is drawn: in bytes and in seconds, who was what meanwhile, and the deeds below.

Lines differ by width and dash as well as by colour, and a line that hides under the other one is
wider than it, so that the chart can be read in grey and at zero. The outage is a band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..model import Deed, DeedKind
from ..model.lag_file import LagRow
from ..model.show import span, utc, written_size, written_span
from ..run.events import OUTAGE
from ..run.run import Run
from .pictures import BAR, BLUE, INK, NARROW, ORANGE, QUIET, RED, WIDE, dress, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_VIEWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        *("primary", "as the primary sees it"),
        {"color": BLUE, "linewidth": 3.2, "solid_capstyle": "round", "marker": "o", "ms": 3.2},
    ),
    (
        *("standby", "as the standby sees itself"),
        {"color": ORANGE, "linewidth": 1.3, "linestyle": "--", "marker": ".", "ms": 3.5},
    ),
)
_SIZES = (("B", 1.0), ("kB", 1024.0), ("MB", 1024.0**2), ("GB", 1024.0**3), ("TB", 1024.0**4))
_SPANS = (("ms", 0.001), ("s", 1.0), ("min", 60.0), ("h", 3600.0))
Look = dict[str, Any]
_ROLES = {"primary": BLUE, "standby": ORANGE}
_AROUND = 3.0  # seconds that are shown before the first deed and after the last one
_SHORT = 48  # letters of a title that leaves room for a legend beside it
_MARKED = 150  # samples: more marks than that would be a smear


@dataclass(frozen=True)
class Span:
    """What the time axis shows, in seconds since the epoch, and the outage in it."""

    zero: float
    end: float
    band: Band | None


@dataclass(frozen=True)
class Band:
    """A time without a primary, in seconds since the epoch, and what is said of it."""

    since: float
    until: float
    words: str


def lag_figure(
    run: Run,
    rows: Sequence[LagRow],
    deeds: Sequence[Deed] = (),
    width: float = WIDE,
    growing: float = 0.0,
) -> Figure:
    """The figure of lag, so many inches wide. A narrow one leaves the deeds to their table.

    `growing` are the seconds that will be watched in all, so that a live curve grows into its room.
    """
    wide = width > NARROW
    shown, drawn = _around(rows, deeds), deeds if wide else ()
    zero = min([*(row.at for row in shown), *(deed.began for deed in deeds)], default=0.0)
    end = max([*(row.at for row in shown), *(deed.ended for deed in deeds)], default=zero)
    time = Span(zero, end, _outage_in(run, deeds, zero, end))
    figure, axes = panels(width, [2.4, 1.7, 0.6, *([0.29 * len(drawn)] if drawn else [])])
    limits = run.pair.limits
    size, lasted = (limits.lag, written_size(limits.lag)), written_span(limits.lag_time)
    _lag_axes(axes[0], shown, time, "bytes", _SIZES, size)
    _lag_axes(axes[1], shown, time, "seconds", _SPANS, (limits.lag_time, lasted))
    _roles(axes[2], run.pair.names, shown, time, least=0.07 if wide else 0.15)
    if drawn:
        strip(axes[3], drawn, zero, until=(end - zero) / 2)
    _mark(axes, time)
    title = f"Replication lag of pair {run.pair.name},", f"{run.notebook} {run.id}"
    look: Look = {"loc": "left", "fontsize": 12, "pad": 20, "color": INK}
    axes[0].set_title((" " if wide else "\n").join(title), **look)
    place: Look = {"loc": "upper left", "ncols": 1}
    if wide and len(" ".join(title)) < _SHORT:  # beside the title
        place = {"loc": "lower right", "ncols": 2, "bbox_to_anchor": (1, 1.1), "borderpad": 0}
    axes[0].legend(frameon=False, fontsize=9, labelcolor=INK, **place)
    cut = "" if len(shown) == len(rows) else "\n(lag.csv has the samples before and after)"
    axes[-1].set_xlabel(f"seconds since {utc(zero)}{cut}", color=INK, fontsize=10)
    room = max(end - zero, growing, 0.1)
    axes[-1].set_xlim(-0.02 * room, 1.02 * room)
    return figure


def _around(rows: Sequence[LagRow], deeds: Sequence[Deed]) -> list[LagRow]:
    """The samples around the deeds: a gate may have waited for a night."""
    if not deeds:
        return list(rows)
    first = min(deed.began for deed in deeds) - _AROUND
    last = max(deed.ended for deed in deeds) + _AROUND
    return [row for row in rows if first <= row.at <= last]


def _outage_in(run: Run, deeds: Sequence[Deed], zero: float, end: float) -> Band | None:
    """The time without a primary, as the journal tells it, else as the deeds do."""
    told = next((e for e in reversed(run.journal.events) if e["event"] == OUTAGE), None)
    if told and told.get("seconds") is not None:
        since, until = (datetime.fromisoformat(told[key]).timestamp() for key in ("since", "until"))
        least = "at least " if told.get("at_least") else ""
        words = f"no primary for {least}{span(told['seconds'])}"
        return Band(max(since, zero), until if told.get("over") else end, words)
    if window := outage_of(deeds):
        return Band(*window, f"no primary for {span(window[1] - window[0])}")
    return None


def outage_of(deeds: Iterable[Deed]) -> tuple[float, float] | None:
    """When there was no primary, as this machine saw it.

    From the request to stop to the promoted node's first yes.
    """
    done = list(deeds)
    stop = [deed.began for deed in done if deed.kind == DeedKind.STOP_PRIMARY]
    promoted = [deed.ended for deed in done if deed.kind == DeedKind.PROMOTE and deed.changed]
    return (stop[-1], promoted[-1]) if stop and promoted else None


def _mark(axes: Sequence[Axes], time: Span) -> None:
    if time.band is None:
        return
    since, until = time.band.since - time.zero, time.band.until - time.zero
    for each in axes:
        each.axvspan(since, until, facecolor=RED, alpha=0.25, linewidth=0)
        each.axvline(since, color=RED, linewidth=0.8)
    at, side = (since, "left") if since < (time.end - time.zero) / 2 else (until, "right")
    where: Look = {"transform": axes[0].get_xaxis_transform(), "ha": side, "va": "bottom"}
    axes[0].text(at, 1.02, time.band.words, fontsize=10, color=RED, **where)


def _lag_axes(
    axes: Axes,
    rows: Sequence[LagRow],
    time: Span,
    what: str,
    units: Sequence[tuple[str, float]],
    limit: tuple[float, str],
) -> None:
    told = {view: [getattr(row, f"{view}_{what}") for row in rows] for view in _ROLES}
    known = {view: [value for value in told[view] if value is not None] for view in told}
    highest = max([value for values in known.values() for value in values], default=0.0)
    near = highest > limit[0] / 4
    top = max(highest, limit[0]) if near else highest
    unit, factor = [unit for unit in units if unit[1] <= max(top, units[0][1])][-1]
    for view, words, look in _VIEWS:
        at, values = _line(rows, time, f"{view}_{what}", factor)
        marks = look if len(rows) <= _MARKED else {**look, "marker": ""}
        axes.plot(at, values, label=words, **marks)
    scale = top / factor or 1.0
    axes.set_ylim(-0.06 * scale, 1.5 * scale)
    _limit(axes, f"limit {limit[1]}", limit[0] / factor if near else None)
    if not highest:
        words = _none_seen(len(known["primary"]), len(known["standby"]))
        axes.text(0.5, 0.4, words, transform=axes.transAxes, ha="center", color=INK)
        axes.set_yticks([0])
    elif unit == "B":  # 0.5 B is no lag
        axes.locator_params(axis="y", integer=True)
    axes.set_ylabel(f"lag ({unit})", fontsize=10, color=INK)
    axes.grid(alpha=0.3, color=QUIET)
    dress(axes)


def _none_seen(by_primary: int, by_standby: int) -> str:
    """What a picture without a curve says, by how often each of them told."""
    if by_primary:
        return f"no lag seen in {by_primary + by_standby} answers"
    if by_standby:  # which knows of nothing that it has not received
        return f"no lag seen by the standby alone\nin {by_standby} answers"
    return "nobody told"


def _limit(axes: Axes, words: str, at: float | None) -> None:
    """A line, or words alone where it is far above every sample: it would flatten the curve."""
    if at is None:
        corner: Look = {"transform": axes.transAxes, "ha": "right", "va": "top"}
        axes.text(1, 0.96, words, fontsize=9, color=INK, **corner)
        return
    axes.axhline(at, color=RED, linestyle=":", linewidth=1.6)
    above: Look = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
    axes.text(1, at, words, fontsize=9, color=RED, **above)


def _line(
    rows: Sequence[LagRow], time: Span, what: str, factor: float
) -> tuple[list[float], list[float]]:
    """Times and values: NaN where nobody told, and in an outage in which nobody looked."""
    points = [(row.at, getattr(row, what)) for row in rows]
    if time.band and not any(time.band.since < row.at < time.band.until for row in rows):
        points.append((time.band.since, None))
    points.sort(key=lambda point: point[0])
    values = [math.nan if value is None else value / factor for _, value in points]
    return [at - time.zero for at, _ in points], values


def _roles(
    axes: Axes, names: Sequence[str], rows: Sequence[LagRow], time: Span, least: float
) -> None:
    """A row per node: when it was primary or standby, and when it was silent.

    A part of the time axis that is shorter than `least` has no room for the word.
    """
    for place, name in enumerate(names):
        for role, since, until in _stretches(name, rows, time):
            left, long = since - time.zero, until - since
            bar: Look = {"y": place, "width": long, "left": left, "height": 0.7}
            axes.barh(facecolor=_ROLES.get(role, "none"), alpha=0.22, linewidth=0, **bar)
            edge = "-" if role in _ROLES else ":"
            axes.barh(facecolor="none", edgecolor=QUIET, linewidth=0.7, linestyle=edge, **bar)
            if long > least * (time.end - time.zero):
                middle: Look = {"ha": "center", "va": "center", "fontsize": 9, "color": INK}
                axes.text(left + long / 2, place, role, **middle)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    dress(axes, "left")
    axes.tick_params(axis="y", length=0)


def _stretches(name: str, rows: Sequence[LagRow], time: Span) -> Iterator[tuple[str, float, float]]:
    """The roles of a node, each until the next one's first sample.

    What was before an outage in which nobody looked ends with its beginning.
    """
    begun: tuple[str, float] | None = None
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        role, until = _role_of(name, row), after.at if after else time.end
        cut = until
        if time.band and row.at < time.band.since and time.band.until <= until:
            cut = time.band.since
        begun = begun or (role, row.at)
        if cut < until or after is None or _role_of(name, after) != role:
            yield (*begun, cut)
            begun = None


def _role_of(name: str, row: LagRow) -> str:
    return next((role for role in _ROLES if name in getattr(row, role).split()), "silent")


def strip(axes: Axes, deeds: Sequence[Deed], zero: float, until: float) -> None:
    """A bar per deed, its words beside it.

    To the left of those that begin beyond `until`, in seconds since `zero`.
    """
    for row, deed in enumerate(deeds):
        start = deed.began - zero
        axes.barh(row, deed.seconds, left=start, height=0.55, color=BAR, edgecolor=QUIET)
        words = f" {deed.node}: {deed.did.split(':')[0][:60]}, {deed.seconds * 1000:.0f} ms "
        at, side = (start, "right") if start > until else (start + deed.seconds, "left")
        axes.text(at, row, words, va="center", ha=side, fontsize=8.5, clip_on=True, color=INK)
    axes.set_ylim(len(deeds) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_ylabel("steps", fontsize=10, color=INK)
    dress(axes, "left")
