"""The lag chart: bytes, seconds, both nodes' view, the limits, and the deeds over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..model import Deed
from ..model.lag_file import LAG_COLUMNS
from ..run.run import Run
from .lag import Lag, still_open
from .lag_chart import figure_of_deeds, in_place, keep_picture, lag_figure, pictures

if TYPE_CHECKING:
    import pandas as pd

LAG_SVG = "lag.svg"


def chart(run: Run, *lags: Lag, deeds: Iterable[Deed] = ()) -> object:
    """Draw lag over time with its limits, and the deeds as a strip below.

    Saved as lag.svg, shown as PNG. Several samples are laid one after the other. JupyterLab hides
    SVG until a notebook is trusted, so it gets PNG. What `sample` drew live in the same cell
    becomes this picture; else the picture is given back, to be shown. Where nobody watched, as in a
    failover, the deeds are drawn alone, and without any nothing is, because that takes more than a
    second. Then, and in a light run, the newest sample is given back. Raises Refusal when the run
    has ended.
    """
    still_open(run)
    done = [deed for deed in deeds if deed.changed]
    watched = not all(lag.once for lag in lags)
    if run.parameters.get("light") or not (done or watched):
        return lags[-1]
    svg, png = pictures(
        lambda: lag_figure(run, _joined(lags), done) if watched else figure_of_deeds(run, done)
    )
    keep_picture(run, LAG_SVG, svg)
    return in_place(run, png)


def _joined(lags: Iterable[Lag]) -> pd.DataFrame:
    """One sample after the other; an empty row breaks the line between two, when nobody looked."""
    import pandas as pd

    gap = pd.DataFrame([{}], columns=list(LAG_COLUMNS), dtype=float)
    return pd.concat([part for lag in lags for part in (lag.frame, gap)])
