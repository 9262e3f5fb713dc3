"""The lag chart: bytes above, seconds below, both nodes' view, the limits, and the deeds over it.

Lines differ by dash and marker as well as by colour, and each is named where it ends, so that the chart can be read
in grey and on a phone.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .lag import COLUMNS
from .model import Deed
from .run import Run
from .show import utc

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "lag.svg"
_LINES = (
    ("primary", "as the primary sees it", "#1f4e8c", "-"),
    ("standby", "as the standby sees itself", "#b35900", "--"),
)
_BAND = "#8a8f98"


def chart(run: Run, *lags: pd.DataFrame, deeds: Iterable[Deed] = ()) -> Any:
    """Draw lag over time with its limits, and the deeds as a strip below. Saved as lag.svg, shown as PNG.

    Several samples are laid one after the other. JupyterLab hides SVG until a notebook is trusted, so it gets PNG.
    """
    import pandas as pd
    from IPython.display import Image

    # an empty row after each sample breaks the line there: between two samples nobody looked
    gap = pd.DataFrame([{}], columns=list(COLUMNS), dtype=float)
    lag = pd.concat([part for lag in lags for part in (lag.astype(float), gap)])
    figure = _figure(run, lag, [deed for deed in deeds if deed.changed])
    (run.folder / NAME).write_bytes(_render(figure, "svg"))
    return Image(_render(figure, "png"), format="png", width=900)


def _figure(run: Run, lag: pd.DataFrame, deeds: list[Deed]) -> Figure:
    from matplotlib.figure import Figure

    heights = [3, 2, 0.32 * len(deeds) + 0.6] if deeds else [3, 2]
    figure = Figure(figsize=(9, sum(heights) + 0.6), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights}, squeeze=False)[:, 0]
    zero = min([*lag["at"].dropna(), *(deed.began for deed in deeds)], default=0.0)
    _lag_axes(axes[0], lag, zero, "bytes", 1024.0, run.pair.limits.lag, "lag (kB)")
    _lag_axes(axes[1], lag, zero, "seconds", 0.001, run.pair.limits.lag_time, "lag (ms)")
    if deeds:
        _strip(axes[2], deeds, zero)
    if window := outage_of(deeds):
        for each in axes:
            each.axvspan(window[0] - zero, window[1] - zero, color="#d1242f", alpha=0.25, linewidth=0)
        told = f"no primary for {(window[1] - window[0]) * 1000:.0f} ms"
        where = {"transform": axes[1].get_xaxis_transform(), "ha": "right", "fontsize": 8}
        axes[1].text(window[0] - zero, 0.5, f"{told} ", **where)
    axes[0].set_title(f"Replication lag of pair {run.pair.name}, {run.notebook} {run.id}", loc="left", fontsize=11)
    axes[0].legend(loc="upper left", bbox_to_anchor=(0, 1), frameon=False, fontsize=8, ncols=3)
    axes[-1].set_xlabel(f"seconds since {utc(zero)}")
    return figure


def outage_of(deeds: list[Deed]) -> tuple[float, float] | None:
    """When there was no primary, as this machine saw it: from the request to stop to the promoted node's first yes."""
    stop = [deed.began for deed in deeds if deed.did.startswith("stopped the primary")]
    promoted = [deed.ended for deed in deeds if deed.did == "promote"]
    return (stop[-1], promoted[-1]) if stop and promoted else None


def _lag_axes(axes: Axes, lag: pd.DataFrame, zero: float, what: str, unit: float, limit: float, label: str) -> None:
    highest = 0.0
    for view, words, colour, dash in _LINES:
        values = lag[f"{view}_{what}"].astype(float) / unit
        axes.plot(lag["at"] - zero, values, dash, color=colour, label=words, linewidth=1.6, marker=".", markersize=4)
        highest = max(highest, values.max() if values.notna().any() else 0.0)
    shown = limit / unit
    if highest > shown / 20:
        axes.axhline(shown, color="#b42318", linestyle=":", linewidth=1.6, label="limit")
    else:  # a limit far above every sample would flatten the curve: it is told in words instead
        axes.text(
            1,
            0.97,
            f"limit {shown:,.0f} {label[5:-1]}, far above",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8,
        )
    axes.set_ylabel(label)
    axes.set_ylim(-0.04 * max(highest, 1.0), max(highest * 1.25, 1.0))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _strip(axes: Axes, deeds: list[Deed], zero: float) -> None:
    for row, deed in enumerate(deeds):
        axes.barh(row, max(deed.seconds, 0.01), left=deed.began - zero, height=0.55, color=_BAND, edgecolor="#30343a")
        words = f" {deed.node}: {deed.did.split(':')[0][:60]}, {deed.seconds * 1000:.0f} ms"
        axes.text(deed.began - zero + max(deed.seconds, 0.01), row, words, va="center", fontsize=7.5)
    axes.set_ylim(len(deeds) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_ylabel("deeds")
    axes.spines[["top", "right", "left"]].set_visible(False)


def _render(figure: Figure, kind: str) -> bytes:
    """Bytes of the picture; the same for the same data: no date, no random identifiers."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "pgha", "svg.fonttype": "path"}):
        figure.savefig(out, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()
