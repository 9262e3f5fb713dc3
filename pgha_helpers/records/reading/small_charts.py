"""Small charts as inline SVG, for a page with its own colours.

The geometry is worked out here, the markup is a template. It is not matplotlib's work: that takes a
second to load and a tenth for each chart, and knows neither the page's dark side nor a word for
each mark.

Lines differ by dash and marks by shape, so that a chart can be read in grey. Both axes have units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_INDIVISIBLE = ("B", "")  # units whose axis has no label between whole numbers

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 24, 44  # room for labels around the plot, six digits on the left
BASE = HEIGHT - BOTTOM  # where 0 stands, from the top

#: Tone -> the outline of its mark, around 0/0. Filled ones are the tone's colour; open ones are
#: only its stroke.
SHAPES = {
    "ok": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "calm": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "warning": "M0-5L5 4H-5z",
    "critical": "M-4-4L4 4M4-4L-4 4",
    "unknown": "M0-5L5 0L0 5L-5 0z",
}


@dataclass(frozen=True)
class Tick:
    """A label on an axis, and where it stands."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Point:
    """A point with the shape of its tone; `title` is told when it is pointed at."""

    x: float
    y: float
    tone: str
    title: str

    @property
    def shape(self) -> str:
        """The outline of the mark."""
        return SHAPES[self.tone]


@dataclass(frozen=True)
class Curve:
    """A path and the class that gives it colour and dash."""

    path: str
    kind: str


@dataclass(frozen=True)
class Figure:
    """A chart ready to be written down."""

    title: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    lines: Sequence[Curve] = ()
    marks: Sequence[Point] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = field(default=WIDTH - RIGHT)
    top: int = TOP
    bottom: int = field(default=BASE)


@dataclass(frozen=True)
class Axis:
    """A scale from 0 to a round number, in a unit that keeps the numbers short."""

    highest: float
    step: float
    factor: float
    unit: str

    def ticks(self) -> list[float]:
        """Round numbers from 0 to the end of the scale, in the axis' own unit."""
        steps = round(self.highest / self.step)
        return [self.step * i for i in range(steps + 1)]

    def y(self, value: float) -> float:
        """Where a value stands, from the top."""
        return round(BASE - (BASE - TOP) * value / self.factor / self.highest, 1)

    def x(self, value: float) -> float:
        """Where a value stands, from the left."""
        inside = WIDTH - RIGHT - LEFT
        return round(LEFT + inside * value / self.factor / self.highest, 1)

    def down(self) -> list[Tick]:
        """The labels of a vertical axis."""
        labels = [(self.y(value * self.factor), f"{value:g}") for value in self.ticks()]
        return [Tick(at, label, "end") for at, label in labels]

    def along(self) -> list[Tick]:
        """The labels of a horizontal axis."""
        labels = [(self.x(value * self.factor), f"{value:g}") for value in self.ticks()]
        return [Tick(at, label) for at, label in labels]


def in_seconds(values: Iterable[float], steps: int = 3) -> Axis:
    """An axis for durations: milliseconds, seconds or minutes, as the longest asks for.

    >>> in_seconds([0.07, 0.115]).unit, in_seconds([0.07, 0.115]).ticks()
    ('ms', [0.0, 50.0, 100.0, 150.0])
    >>> in_seconds([600]).ticks(), in_seconds([]).unit
    ([0.0, 5.0, 10.0], 's')
    >>> in_seconds([0.0]).unit, in_seconds([0.0]).ticks()
    ('s', [0.0, 1.0])
    """
    longest = max(values, default=1.0)
    factor, unit = 60.0, "min"
    if 0 < longest < 1:
        factor, unit = 0.001, "ms"
    elif longest < 180:
        factor, unit = 1.0, "s"
    return _axis(longest, factor, unit, steps)


def in_bytes(values: Iterable[float]) -> Axis:
    """An axis for sizes.

    >>> in_bytes([5040.0]).unit, in_bytes([5040.0]).ticks()
    ('kB', [0.0, 2.0, 4.0, 6.0])
    >>> in_bytes([0.0]).unit, in_bytes([0.0]).ticks(), in_bytes([1.0]).ticks()
    ('B', [0.0, 1.0], [0.0, 1.0])
    """
    largest = max(values, default=1024.0)
    power = min(int(math.log(largest, 1024)), 4) if largest >= 1024 else 0
    return _axis(largest, 1024.0**power, ("B", "kB", "MB", "GB", "TB")[power])


def in_numbers(values: Iterable[float]) -> Axis:
    """An axis for counts.

    >>> in_numbers([3]).ticks(), in_numbers([250]).ticks()
    ([0.0, 1.0, 2.0, 3.0], [0.0, 100.0, 200.0, 300.0])
    """
    return _axis(max(3.0, *values), 1.0, "")


def _axis(highest: float, factor: float, unit: str, steps: int = 3) -> Axis:
    nothing = highest <= 0  # an axis of zeros goes up to one whole unit
    shown = 1.0 if nothing else highest / factor
    rough = shown / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    if nothing or unit in _INDIVISIBLE:
        step = max(step, 1.0)
    return Axis(step * math.ceil(shown / step - 1e-9), step, factor, unit)


def path(points: Iterable[tuple[float, float]]) -> str:
    """An SVG path through these points; a single one becomes a dot where line ends are round."""
    words = [f"{x:g} {y:g}" for x, y in points]
    if len(words) == 1:
        return f"M{words[0]}h0"
    return f"M{'L'.join(words)}" if words else ""


def place(number: int, count: int) -> float:
    """Where the `number`th of `count` things stands, spread evenly from left to right."""
    inside = WIDTH - RIGHT - LEFT - 24
    along = inside / 2
    if count > 1:
        along = inside * number / (count - 1)
    return round(LEFT + 12 + along, 1)
