"""Pictures of a run: drawn once, readable on a desk, on a phone, on white and on dark.

A notebook gets a PNG without a background, in colours that are read on white as well as on black. A
record gets two SVG, one as wide as a page and one for a phone. Those carry a style sheet with two
sets of colours, and take the one that the reader's screen has.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..run.events import DRAWN
from ..run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 9.0, 4.1  # inches
_TURN = 0.0005  # seconds of the interpreter, before another thread has its turn

INK, QUIET, BLUE, ORANGE, RED, BAR = (
    *("#72777d", "#8b9097", "#2b7cd3", "#bf6a10", "#d6483c", "#8a8f98"),
)
_PAPER = "#fefdfd"
#: Each colour as a PNG has it, and what it is on white and on dark.
_COLOURS = (
    (_PAPER, "#ffffff", "#15171a"),
    (INK, "#1c1e21", "#e7e4de"),
    (QUIET, "#5a5e64", "#a3a8af"),
    (BLUE, "#2a67b1", "#7fb0f5"),
    (ORANGE, "#a34f00", "#ffb56b"),
    (RED, "#b42318", "#ff8a80"),
    (BAR, "#8a8f98", "#7c828a"),
)


@dataclass(frozen=True)
class Pictures:
    """One picture in its three forms."""

    svg: bytes
    phone: bytes
    png: bytes


def pictures(draw: Callable[[float], Figure]) -> Pictures:
    """What is drawn, in its three forms; `draw` is told how many inches it may be wide.

    The same bytes for the same data, whatever this machine's user prefers.
    """
    with _as_ours():
        wide, narrow = draw(WIDE), draw(NARROW)
        return Pictures(render(wide, "svg"), render(narrow, "svg"), render(wide, "png"))


def png(draw: Callable[[float], Figure]) -> bytes:
    """The form for a notebook alone."""
    with _as_ours():
        return render(draw(WIDE), "png")


@contextlib.contextmanager
def _as_ours() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": "pgha", "svg.fonttype": "path"})
        yield


def phone_name(name: str) -> str:
    """The file of a picture's narrow form.

    >>> phone_name("lag.svg")
    'lag-phone.svg'
    """
    return name.replace(".svg", "-phone.svg")


def keep_pictures(run: Run, name: str, drawn: Pictures) -> None:
    """Put a picture into the record, and its digest into the journal."""
    for file, svg in ((name, drawn.svg), (phone_name(name), drawn.phone)):
        run.keep(file, svg)
        run.journal.write(DRAWN, file=file, sha256=hashlib.sha256(svg).hexdigest())


def render(figure: Figure, kind: str, dpi: int = 120) -> bytes:
    """Bytes of a picture; the same for the same data: no date in it."""
    out = io.BytesIO()
    if kind != "svg":
        figure.savefig(out, format=kind, dpi=dpi, facecolor="none")
        return out.getvalue()
    figure.savefig(out, format="svg", facecolor=_PAPER, metadata={"Date": None})
    drawn = out.getvalue()
    return drawn.replace(b"<metadata>", f"<style>{_style()}</style>\n <metadata>".encode(), 1)


def _style() -> str:
    """Colours for white, and others for dark, in place of those that matplotlib has written."""
    light, dark = [], []
    for drawn, on_white, on_dark in _COLOURS:
        for kind in ("fill", "stroke"):
            where = f'[style*="{kind}: {drawn}"]'
            light.append(f"{where}{{{kind}:{on_white}!important}}")
            dark.append(f"{where}{{{kind}:{on_dark}!important}}")
    return f"{''.join(light)}@media(prefers-color-scheme:dark){{{''.join(dark)}}}"


def image(png: bytes) -> Any:
    """A picture as an output of a cell."""
    from IPython.display import Image

    return Image(png, format="png", width=900)


def panels(
    width: float, heights: Sequence[float], left: float = 0.65
) -> tuple[Figure, Sequence[Axes]]:
    """A figure of axes below each other, in inches, over one time axis.

    Its margins are given, with room for any label: to find the best ones takes as long as to draw.
    """
    from matplotlib.figure import Figure

    above, below, between = 0.6 if width > NARROW else 0.75, 0.6, 0.12
    whole = above + sum(heights) + between * (len(heights) - 1) + below
    figure = Figure(figsize=(width, whole))
    axes = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    sides = {"left": left / width, "right": 1 - 0.12 / width}
    ends = {"top": 1 - above / whole, "bottom": below / whole}
    figure.subplots_adjust(**sides, **ends, hspace=between * len(heights) / sum(heights))
    return figure, list(axes)


def dress(axes: Axes, *without: str) -> None:
    """Give axes the colours of every picture, and take away the lines of these sides."""
    axes.patch.set_visible(False)
    axes.spines[["top", "right", *without]].set_visible(False)
    axes.spines[:].set_color(QUIET)
    axes.tick_params(color=QUIET, labelcolor=INK, labelsize=9)


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
    """Load what draws: half a second's work."""
    for module in ("figure", "backends.backend_agg", "backends.backend_svg"):
        import_module(f"matplotlib.{module}")
