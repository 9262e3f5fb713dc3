"""The canary's chart: a mark per attempt around the longest gap, with the deeds below.

Both have the same time axis. Marks differ by shape and by the row that they stand in as well as by
colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...facts.lag import still_open
from ...facts.lag_chart import image, keep_picture, outage_of, pictures, strip
from ...model import Deed
from ...model.show import span, utc
from ...run.run import Run
from .attempts import Attempt, Attempts, Gap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CANARY_SVG = "canary.svg"
_LEAST, _MOST = 0.15, 3.0  # seconds shown on each side of the gap: as long as it was, within these
_RED = "#8f1d14"  # of what failed
_FAILED = (("refused", "x", "refused"), ("unanswered", "D", "never answered"))


def draw_canary(run: Run, seen: Attempts) -> Any:
    """The chart as an output of a cell; kept as canary.svg. Nothing where nothing was tried."""
    still_open(run)
    gap = seen.gap
    if gap is None:
        return None
    svg, png = pictures(lambda: canary_figure(run, seen, gap, run.deeds))
    keep_picture(run, CANARY_SVG, svg)
    return image(png)


def sides_of(gap: Gap) -> float:
    """Seconds that are shown before and after a gap."""
    return min(_MOST, max(_LEAST, gap.seconds))


def canary_figure(run: Run, seen: Attempts, gap: Gap, deeds: list[Deed]) -> Figure:
    """The figure; time is in seconds since the last acknowledged row before the gap."""
    from matplotlib.figure import Figure

    side = sides_of(gap)
    first, last = gap.began - side, gap.ended + side
    near = [deed for deed in deeds if deed.ended >= first and deed.began <= last]
    heights = [3.0, 0.9, 0.3 * len(near) + 0.5] if near else [3.0, 0.9]
    figure = Figure(figsize=(9, sum(heights) + 1.1), layout="constrained")
    axes = figure.subplots(
        len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights}, squeeze=False
    )[:, 0]
    shown = seen.around(side, side)
    _commits(axes[0], shown, gap)
    _failures(axes[1], shown, gap)
    if near:
        strip(axes[2], near, gap.began, until=gap.seconds * 0.5)
    for each in axes:
        each.axvspan(0, gap.seconds, facecolor="#d1242f", alpha=0.16, linewidth=0)
    for each in axes[:2]:  # not through the words of the deeds
        for edge in (0, gap.seconds):
            each.axvline(edge, color="#b42318", linewidth=1, linestyle="--")
    axes[-1].set_xlim(-side, gap.seconds + side)
    what = "the last commit before the gap" if gap.since_row else "when the canary began"
    axes[-1].set_xlabel(f"seconds since {utc(gap.began)}, {what}", fontsize=9)
    axes[0].set_title(
        f"The outage as a client saw it: pair {run.pair.name}, {run.notebook} {run.id}",
        loc="left",
        fontsize=11,
    )
    _say(axes[0], gap, outage_of(deeds))
    return figure


def _say(axes: Axes, gap: Gap, window: tuple[float, float] | None) -> None:
    words = f"no commit for {span(gap.seconds)}"
    if not gap.over:
        words += ",\nand none until the canary ended"
    if window and window[1] >= gap.began and window[0] <= gap.ended:
        length = span(window[1] - window[0])
        words += f"\n\n(without a primary\nfor {length},\nas the runbook\nmeasured it)"
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2.0}
    where: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "ha": "center",
        "va": "center",
        "bbox": box,
    }
    axes.text(gap.seconds / 2, 0.55, words, fontsize=9, **where)


def _commits(axes: Axes, shown: tuple[Attempt, ...], gap: Gap) -> None:
    done = [attempt for attempt in shown if attempt.code == "ok"]
    taken = [max(attempt.seconds * 1000, 0.01) for attempt in done]
    at = [attempt.done - gap.began for attempt in done]
    axes.plot(at, taken, "o", color="#1f4e8c", markersize=4, markerfacecolor="none")
    axes.set_yscale("log")
    axes.set_ylim(min([*taken, 1.0]) / 2, max([*taken, 10.0]) * 2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylabel("a commit took (ms)")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _failures(axes: Axes, shown: tuple[Attempt, ...], gap: Gap) -> None:
    """A row for each kind of failure, with how many there were.

    A line tells how long each attempt took.
    """
    labels = []
    for row, (code, marker, words) in enumerate(_FAILED):
        failed = [attempt for attempt in shown if attempt.code == code]
        ends = [attempt.done - gap.began for attempt in failed]
        begins = [attempt.began - gap.began for attempt in failed]
        rows = [row] * len(failed)
        axes.hlines(rows, begins, ends, color=_RED)
        axes.plot(ends, rows, marker, color=_RED, markersize=5, markerfacecolor="white")
        labels.append(f"{words}: {len(failed)}")
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.spines[["top", "right"]].set_visible(False)
