"""The lag chart: bytes above, seconds below, both nodes' view, the limits, and the deeds over it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from .drawing import figure_of, render, shown
from .lag import COLUMNS, Lag, still_open
from .model import Deed
from .run import Run

NAME = "lag.svg"


def chart(run: Run, *lags: Lag, deeds: Iterable[Deed] = ()) -> Any:
    """Draw lag over time with its limits, and the deeds as a strip below. Saved as lag.svg, shown as PNG.

    Several samples are laid one after the other. JupyterLab hides SVG until a notebook is trusted, so it gets PNG.
    What `sample` drew live in the same cell becomes this picture; else the picture is given back, to be shown. A light
    run draws nothing: it gives the newest sample back. Raises Refusal when the run has ended.
    """
    still_open(run)
    if run.parameters.get("light"):
        return lags[-1]
    svg, png = _pictures(run, lags, [deed for deed in deeds if deed.changed])
    try:
        (run.folder / NAME).write_bytes(svg)
    except OSError as error:
        print(f"{NAME} CANNOT BE WRITTEN ({error.strerror}). The run goes on.", flush=True)
    run.journal.write("drawn", file=NAME, sha256=hashlib.sha256(svg).hexdigest())
    return shown(run, png)


def _pictures(run: Run, lags: Iterable[Lag], deeds: list[Deed]) -> tuple[bytes, bytes]:
    import matplotlib
    import pandas as pd

    # an empty row after each sample breaks the line there: between two samples nobody looked
    gap = pd.DataFrame([{}], columns=list(COLUMNS), dtype=float)
    lag = pd.concat([part for lag in lags for part in (lag.frame, gap)])
    with matplotlib.rc_context():  # not the taste of whoever runs this: the same data give the same bytes everywhere
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "pgha", "svg.fonttype": "path"})
        figure = figure_of(run, lag, deeds)
        return render(figure, "svg"), render(figure, "png")
