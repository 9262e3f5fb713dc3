"""The distribution of outages, small enough for a phone; colours and fonts as in the lag chart."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pgha_helpers.facts.pictures import BAR, BLUE, INK, ORANGE, QUIET, RED, dress, pictures

from ..bench.kept import DOCS

NAME = "trials-outages.svg"
_WAYS = (("db1", "db0 to db1", BLUE, "o"), ("db0", "db1 to db0", ORANGE, "^"))


def draw_outages(outages: Sequence[tuple[str, float]]) -> str:
    """Draw outages, as (the new primary, seconds), into docs/; gives the file's name."""
    (DOCS / NAME).write_bytes(pictures(lambda _: _figure(outages)).svg)
    return NAME


def _figure(outages: Sequence[tuple[str, float]]) -> Figure:
    """Above, how many outages were how long; below, each one in the order in which they came."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    everything = [seconds * 1000 for _, seconds in outages]
    above.hist(everything, bins=min(15, max(5, len(outages) // 2)), color=BAR, edgecolor=QUIET)
    middle = median(everything)
    above.axvline(middle, color=RED, linestyle=":", linewidth=2)
    where = {"transform": above.get_xaxis_transform(), "va": "top", "color": RED}
    above.text(middle, 0.98, f" median {middle:.0f} ms", **where)
    above.set_title(
        f"{len(outages)} planned switchovers under load: outage", loc="left", fontsize=12, color=INK
    )
    above.set_ylabel("switchovers", fontsize=11, color=INK)
    above.margins(y=0.2)
    above.yaxis.set_major_locator(MaxNLocator(integer=True))
    for to, words, colour, marker in _WAYS:
        order = [number for number, (way, _) in enumerate(outages, 1) if way == to]
        below.plot(
            [everything[n - 1] for n in order],
            order,
            marker,
            color=colour,
            label=words,
            markersize=5,
        )
    below.set_ylabel("in order", fontsize=11, color=INK)
    below.yaxis.set_major_locator(MaxNLocator(integer=True))
    below.set_xlabel("longest time without an acknowledged commit, ms", fontsize=11, color=INK)
    below.set_xlim(left=0)
    below.legend(frameon=False, fontsize=10, loc="upper left", labelcolor=INK)
    for axes in (above, below):
        axes.grid(alpha=0.3, color=QUIET)
        dress(axes)
        axes.tick_params(labelsize=10)
    return figure
