"""How lag is drawn: the figure, its bytes, and a cell's output that grows with the samples.

The strip of deeds, and how a picture is made and kept, are shared with the canary's.

Lines differ by dash and marker as well as by colour, and each is named where it ends, so that the
chart can be read in grey and on a phone.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..model import Deed, DeedKind, frontend
from ..model.frontend import LiveOutput
from ..model.show import span, utc
from ..run.events import DRAWN
from ..run.run import Run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = (
    ("primary", "as the primary sees it", "#1f4e8c", "-"),
    ("standby", "as the standby sees itself", "#b35900", "--"),
)
_BAND = "#8a8f98"
_PAUSE = 0.5  # seconds from one live picture to the next, or more where drawing is slow
_TURN = 0.0005  # seconds of the interpreter, before another thread has its turn
_PATIENCE = 2.0  # seconds that a live picture under way may hold up the cell when sampling is over


@contextlib.contextmanager
def live(run: Run, lag: Callable[[], pd.DataFrame], seconds: float) -> Iterator[None]:
    """While the block lasts, draw what `lag` gives as it grows, where somebody looks.

    Elsewhere this costs nothing. A thread draws, because samples keep their own rate: when drawing
    fails or takes long, only pictures are missing.
    """
    wanted = seconds and frontend.somebody()
    output = _output(run.seen.live, seconds) if wanted else None
    run.seen.live = output
    if output is None:
        yield
        return
    over = threading.Event()
    # in a copy of this context, which knows the cell that the pictures belong to
    work = contextvars.copy_context().run
    artist = threading.Thread(
        target=work, args=(_draw, run, lag, seconds, over, output), name="pgha-live", daemon=True
    )
    artist.start()
    try:
        yield
    finally:
        over.set()
        artist.join(_PATIENCE)


def in_place(run: Run, png: bytes) -> Any:
    """Put the last picture where the live ones of this cell were.

    Where there were none, give it back.
    """
    output = run.seen.live
    run.seen.live = None
    if output and output.is_here:
        return output.handle.update(image(png))
    return image(png)


def load_beside() -> None:
    """Load what draws in a thread beside one that asks servers.

    That one is not to wait 5 ms for each turn.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        load_libraries()
    finally:
        sys.setswitchinterval(interval)


def load_libraries() -> None:
    """Load what draws: a second's work."""
    for module in (
        "pandas",
        "matplotlib.figure",
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
    ):
        import_module(module)


def _output(known: LiveOutput | None, seconds: float) -> LiveOutput | None:
    """The live output of this cell, made if it has none yet.

    None if it cannot be made, or nothing can be drawn.
    """
    with contextlib.suppress(Exception):  # without a picture the lag is sampled all the same
        load_libraries()  # now: beside the samples it would make those wait
        from IPython.display import Pretty, display

        if known and known.is_here:
            return known
        words = Pretty(f"The lag is watched for {span(seconds)} ...")
        return LiveOutput(display(words, display_id=True), frontend.shell().execution_count)
    return None


def _draw(
    run: Run,
    lag: Callable[[], pd.DataFrame],
    seconds: float,
    over: threading.Event,
    output: LiveOutput,
) -> None:
    """Draw what has come in, again and again, until it is over."""
    drawn = 0
    with contextlib.suppress(Exception):  # chart says what is wrong, if it cannot draw either
        while not over.is_set():
            began = time.monotonic()
            seen = lag()
            if len(seen) > drawn:
                png = render(lag_figure(run, seen, [], seconds), "png", dpi=100)
                drawn = len(seen)
                if not over.is_set():  # else chart's picture may be there already
                    output.handle.update(image(png))
            spent = time.monotonic() - began
            # half of the time at most: the samples need the processor too
            over.wait(max(_PAUSE - spent, spent))


def image(png: bytes) -> Any:
    """A picture as an output of a cell."""
    from IPython.display import Image

    return Image(png, format="png", width=900)


def lag_figure(run: Run, lag: pd.DataFrame, deeds: list[Deed], seconds: float = 0.0) -> Figure:
    """The figure of lag.

    `seconds` are those that will be watched in all, so that a live curve grows into its room.
    """
    from matplotlib.figure import Figure

    heights = [3, 2, 0.32 * len(deeds) + 0.6] if deeds else [3, 2]
    figure = Figure(figsize=(9, sum(heights) + 0.6), layout=None if seconds else "constrained")
    axes = figure.subplots(
        len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights}, squeeze=False
    )[:, 0]
    zero = min([*lag["at"].dropna(), *(deed.began for deed in deeds)], default=0.0)
    _lag_axes(axes[0], lag, zero, "bytes", 1024.0, run.pair.limits.lag, "lag (kB)")
    _lag_axes(axes[1], lag, zero, "seconds", 0.001, run.pair.limits.lag_time, "lag (ms)")
    if deeds:
        end = max([*lag["at"].dropna(), *(deed.ended for deed in deeds)])
        strip(axes[2], deeds, zero, until=(end - zero) / 2)
    if window := outage_of(deeds):
        for each in axes:
            each.axvspan(
                window[0] - zero, window[1] - zero, color="#d1242f", alpha=0.25, linewidth=0
            )
        told = f"no primary for {(window[1] - window[0]) * 1000:.0f} ms"
        where = {"transform": axes[1].get_xaxis_transform(), "ha": "right", "fontsize": 8}
        axes[1].text(window[0] - zero, 0.5, f"{told} ", **where)
    axes[0].set_title(
        f"Replication lag of pair {run.pair.name}, {run.notebook} {run.id}", loc="left", fontsize=11
    )
    axes[0].legend(loc="upper left", bbox_to_anchor=(0, 1), frameon=False, fontsize=8, ncols=3)
    axes[-1].set_xlabel(f"seconds since {utc(zero)}")
    if seconds:  # margins for any label: to find the best ones takes longer than to draw
        figure.subplots_adjust(left=0.08, right=0.99, top=0.95, bottom=0.09, hspace=0.08)
        axes[-1].set_xlim(-0.02 * seconds, max(seconds, lag["at"].max() - zero) * 1.02)
    return figure


def figure_of_deeds(run: Run, deeds: list[Deed]) -> Figure:
    """The deeds alone: in a failover nobody watches the lag."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.32 * len(deeds) + 1.2), layout="constrained")
    axes = figure.subplots()
    zero = min(deed.began for deed in deeds)
    end = max(deed.ended for deed in deeds)
    strip(axes, deeds, zero, until=(end - zero) / 2)
    axes.grid(axis="x", alpha=0.25)
    axes.set_title(
        f"Deeds on pair {run.pair.name}, {run.notebook} {run.id}", loc="left", fontsize=11
    )
    axes.set_xlabel(f"seconds since {utc(zero)}")
    return figure


def outage_of(deeds: list[Deed]) -> tuple[float, float] | None:
    """When there was no primary, as this machine saw it.

    From the request to stop to the promoted node's first yes.
    """
    stop = [deed.began for deed in deeds if deed.kind == DeedKind.STOP_PRIMARY]
    promoted = [deed.ended for deed in deeds if deed.kind == DeedKind.PROMOTE and deed.changed]
    return (stop[-1], promoted[-1]) if stop and promoted else None


def _lag_axes(
    axes: Axes, lag: pd.DataFrame, zero: float, what: str, unit: float, limit: float, label: str
) -> None:
    highest = 0.0
    for view, words, colour, dash in _LINES:
        values = lag[f"{view}_{what}"].astype(float) / unit
        axes.plot(
            lag["at"] - zero,
            values,
            dash,
            color=colour,
            label=words,
            linewidth=1.6,
            marker=".",
            markersize=4,
        )
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


def strip(axes: Axes, deeds: list[Deed], zero: float, until: float) -> None:
    """A bar per deed, its words beside it.

    To the left of those that begin beyond `until`, in seconds since `zero`.
    """
    for row, deed in enumerate(deeds):
        start = deed.began - zero
        axes.barh(row, deed.seconds, left=start, height=0.55, color=_BAND, edgecolor="#30343a")
        words = f" {deed.node}: {deed.did.split(':')[0][:60]}, {deed.seconds * 1000:.0f} ms "
        at, side = (start, "right") if start > until else (start + deed.seconds, "left")
        axes.text(at, row, words, va="center", ha=side, fontsize=7.5, clip_on=True)
    axes.set_ylim(len(deeds) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_ylabel("deeds")
    axes.spines[["top", "right", "left"]].set_visible(False)


def pictures(draw: Callable[[], Figure]) -> tuple[bytes, bytes]:
    """SVG and PNG of what is drawn.

    The same bytes for the same data, whatever this machine's user prefers.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "pgha", "svg.fonttype": "path"})
        figure = draw()
        return render(figure, "svg"), render(figure, "png")


def keep_picture(run: Run, name: str, svg: bytes) -> None:
    """Put a picture into the record, and its digest into the journal."""
    run.keep(name, svg)
    run.journal.write(DRAWN, file=name, sha256=hashlib.sha256(svg).hexdigest())


def render(figure: Figure, kind: str, dpi: int = 120) -> bytes:
    """Bytes of the picture; the same for the same data: no date in it."""
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()
