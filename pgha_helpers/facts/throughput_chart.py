"""The chart of a long copy: how much was copied by when, and at which rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model import frontend
from ..model.throughput import Throughput, rates_of
from ..run.run import Run
from .pictures import BLUE, INK, NARROW, ORANGE, QUIET, dress, image, keep_pictures, pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THROUGHPUT_SVG = "throughput.svg"


def draw_throughput(run: Run) -> None:
    """Draw the last copy of this run, if there was one.

    After its deeds, because the first picture takes a second. Kept as throughput.svg, and shown in
    a notebook. A picture that fails fails nothing else.
    """
    copied = run.seen.throughput
    run.seen.throughput = None
    if copied is None:
        return
    try:
        drawn = pictures(lambda width: _figure(run, copied, width))
        keep_pictures(run, THROUGHPUT_SVG, drawn)
        if frontend.shell():
            from IPython.display import display

            display(image(drawn.png))
    except Exception as error:
        print(f"The throughput cannot be drawn: {type(error).__name__}: {error}", flush=True)


def _figure(run: Run, copied: Throughput, width: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.6), layout="constrained")
    axes = figure.subplots(1, 1)
    unit, word = (1024.0**3, "GB") if copied.total >= 10 * 1024**3 else (1024.0**2, "MB")
    at = [seconds for seconds, _ in copied.samples]
    done = [count / unit for _, count in copied.samples]
    axes.plot(at, done, "-", color=BLUE, linewidth=1.6)
    axes.text(at[-1], done[-1], "copied ", ha="right", va="bottom", fontsize=8, color=BLUE)
    axes.set_ylabel(f"copied ({word})", color=BLUE)
    axes.set_xlabel("seconds since the copy began", color=INK)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    rate = axes.twinx()
    moments, rates = rates_of(copied.samples)
    megabytes = [each / 1024**2 for each in rates]
    rate.plot(moments, megabytes, "--", color=ORANGE, linewidth=1.4, drawstyle="steps")
    rate.set_ylabel("rate, dashed (MB/s)", color=ORANGE)
    rate.set_ylim(bottom=0)
    dress(axes)
    dress(rate)
    rate.spines["right"].set_visible(True)
    axes.grid(alpha=0.3, color=QUIET)
    pair = f"pair {run.pair.name}, {run.notebook} {run.id}"
    title = f"{copied.what}:{' ' if width > NARROW else chr(10)}{pair}"
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return figure
