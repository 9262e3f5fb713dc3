"""The lag chart: bytes, seconds, both nodes' view, the limits, and the deeds over it."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Deed
from ..run.run import Run
from .lag import Lag, still_open
from .lag_chart import lag_figure
from .live_chart import in_place
from .pictures import keep_pictures, pictures

LAG_SVG = "lag.svg"


def chart(run: Run, lag: Lag, steps: Iterable[Deed] = ()) -> object:
    """Draw lag over time with its limits, and the steps as a strip below.

    Saved as lag.svg, shown as PNG. JupyterLab hides SVG until a notebook is trusted, so it gets
    PNG. What `sample` drew live in the same cell becomes this picture; else the picture is given
    back, to be shown. Samples that were taken in passing are not drawn before something was done,
    because that takes more than a second: then, and in a light run, they are given back. Raises
    Refusal when the run has ended.
    """
    still_open(run)
    done = [deed for deed in steps if deed.changed]
    if run.parameters.get("light") or (lag.in_passing and not done):
        return lag
    drawn = pictures(lambda width: lag_figure(run, lag.rows, done, width))
    keep_pictures(run, LAG_SVG, drawn)
    return in_place(run, drawn.png)
