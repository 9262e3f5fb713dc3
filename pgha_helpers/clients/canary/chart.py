"""The canary's chart: a mark per attempt around the longest gap, with the deeds below.

Both have the same time axis. Marks differ by shape and by the row that they stand in as well as by
colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...facts.lag import still_open
from ...facts.lag_chart import outage_of, strip
from ...facts.pictures import (
    BLUE,
    INK,
    NARROW,
    QUIET,
    RED,
    WIDE,
    dress,
    image,
    keep_pictures,
    panels,
    pictures,
)
from ...model import Deed
from ...model.show import span, utc
from ...run.run import Run
from .attempts import Attempt, Attempts, Gap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CANARY_SVG = "canary.svg"
_LEAST, _MOST = 0.15, 3.0  # seconds shown on each side of the gap: as long as it was, within these
_FAILED = (("refused", "x", "refused"), ("unanswered", "D", "never\nanswered"))


def draw_canary(run: Run, seen: Attempts) -> Any:
    """The chart as an output of a cell; kept as canary.svg. Nothing where nothing was tried."""
    still_open(run)
    gap = seen.gap
    if gap is None:
        return None
    drawn = pictures(lambda width: canary_figure(run, seen, gap, run.steps, width))
    keep_pictures(run, CANARY_SVG, drawn)
    return image(drawn.png)


def sides_of(gap: Gap) -> float:
    """Seconds that are shown before and after a gap."""
    return min(_MOST, max(_LEAST, gap.seconds))


def canary_figure(
    run: Run, seen: Attempts, gap: Gap, deeds: list[Deed], width: float = WIDE
) -> Figure:
    """The figure, so many inches wide; time is in seconds since the last acknowledged row before
    the gap. A narrow one leaves the deeds to their table.
    """
    side, wide = sides_of(gap), width > NARROW
    first, last = gap.began - side, gap.ended + side
    near = [deed for deed in deeds if wide and deed.ended >= first and deed.began <= last]
    heights = [3.0, 0.9, 0.3 * len(near)] if near else [3.0, 0.9]
    figure, axes = panels(width, heights, left=1.25)
    shown = seen.around(side, side)
    _commits(axes[0], shown, gap)
    _failures(axes[1], shown, gap)
    if near:
        strip(axes[2], near, gap.began, until=gap.seconds * 0.5)
    for each in axes:
        each.axvspan(0, gap.seconds, facecolor=RED, alpha=0.16, linewidth=0)
    for each in axes[:2]:  # not through the words of the deeds
        for edge in (0, gap.seconds):
            each.axvline(edge, color=RED, linewidth=1, linestyle="--")
    axes[-1].set_xlim(-side, gap.seconds + side)
    what = "the last commit before the gap" if gap.since_row else "when the canary began"
    since = f"seconds since {utc(gap.began)},{' ' if wide else chr(10)}{what}"
    axes[-1].set_xlabel(since, fontsize=10, color=INK, loc="center" if wide else "right")
    title = "The outage as a client saw it:", f"pair {run.pair.name}, {run.notebook} {run.id}"
    axes[0].set_title((" " if wide else "\n").join(title), loc="left", fontsize=12, color=INK)
    _say(axes[0], gap, outage_of(deeds))
    return figure


def _say(axes: Axes, gap: Gap, window: tuple[float, float] | None) -> None:
    """In the room above the attempts, so that the words hide none of them."""
    words = f"no commit for {span(gap.seconds)}"
    if not gap.over:
        words += ",\nand none until the canary ended"
    if window and window[1] >= gap.began and window[0] <= gap.ended:
        words += f"\n(without a primary for {span(window[1] - window[0])},"
        words += "\nas the runbook measured it)"
    where: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "top"}
    axes.text(gap.seconds / 2, 0.97, words, fontsize=10, color=INK, **where)


def _commits(axes: Axes, shown: tuple[Attempt, ...], gap: Gap) -> None:
    done = [attempt for attempt in shown if attempt.code == "ok"]
    taken = [max(attempt.seconds * 1000, 0.01) for attempt in done]
    at = [attempt.done - gap.began for attempt in done]
    axes.plot(at, taken, "o", color=BLUE, markersize=4, markerfacecolor="none")
    axes.set_yscale("log")
    lowest, highest = min([*taken, 1.0]) / 2, max([*taken, 10.0]) * 2
    axes.set_ylim(lowest, highest * (highest / lowest) ** 0.5)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylabel("a commit took (ms)", color=INK)
    axes.grid(alpha=0.3, color=QUIET)
    dress(axes)


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
        axes.hlines(rows, begins, ends, color=RED)
        axes.plot(ends, rows, marker, color=RED, markersize=5, markerfacecolor="none")
        labels.append(f"{words}: {len(failed)}")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    dress(axes)
