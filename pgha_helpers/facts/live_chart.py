"""A cell's output that grows while samples come in, where somebody looks."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..model import frontend
from ..model.frontend import LiveOutput
from ..model.lag_file import LagRow
from ..model.show import span
from ..run.run import Run
from . import lag_chart
from .pictures import image, load_libraries, render

_PAUSE = 0.5  # seconds from one live picture to the next, or more where drawing is slow
_PATIENCE = 2.0  # seconds that a live picture under way may hold up the cell when sampling is over


@contextlib.contextmanager
def live(run: Run, rows: Callable[[], Sequence[LagRow]], seconds: float) -> Iterator[None]:
    """While the block lasts, draw what `rows` gives as it grows, where somebody looks.

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
        target=work, args=(_draw, run, rows, seconds, over, output), name="pgha-live", daemon=True
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
    rows: Callable[[], Sequence[LagRow]],
    seconds: float,
    over: threading.Event,
    output: LiveOutput,
) -> None:
    """Draw what has come in, again and again, until it is over."""
    drawn = 0
    with contextlib.suppress(Exception):  # chart says what is wrong, if it cannot draw either
        while not over.is_set():
            began = time.monotonic()
            seen = rows()
            if len(seen) > drawn:
                png = render(lag_chart.lag_figure(run, seen, growing=seconds), "png", dpi=100)
                drawn = len(seen)
                if not over.is_set():  # else chart's picture may be there already
                    output.handle.update(image(png))
            spent = time.monotonic() - began
            # half of the time at most: the samples need the processor too
            over.wait(max(_PAUSE - spent, spent))
