"""How fast a copy went: its samples, the rate between them, and how far it is, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .show import size, span

Sample = tuple[float, int]  # seconds since the beginning, bytes done

# seconds and share of the whole between two lines; seconds at most
_PAUSE, _STEP, _LONGEST = 10.0, 0.02, 60.0


@dataclass(frozen=True)
class Throughput:
    """A copy that is over: what was copied, its samples, and how many bytes it was to be."""

    what: str
    samples: Sequence[Sample]
    total: int


def worth_saying(seconds: float, share: float) -> bool:
    """Whether a line is due, so long and so much of the whole after the last one.

    Never a thousand lines of a night.

    >>> worth_saying(5, 0.5), worth_saying(11, 0.001), worth_saying(11, 0.03), worth_saying(61, 0)
    (False, False, True, True)
    """
    return seconds >= _LONGEST or (seconds >= _PAUSE and share >= _STEP)


def told(seconds: float, done: int, total: int) -> str:
    """How far it is, at which rate, and how long it may take yet.

    >>> told(10, 50 * 1024 * 1024, 200 * 1024 * 1024)
    '50 MB of 200 MB (25 %), 5 MB/s, 30 s to go'
    >>> told(10, 0, 1024)
    '0 B of 1 kB (0 %)'
    """
    words = f"{size(done)} of {size(total)} ({100 * done / max(total, 1):.0f} %)"
    if not done or not seconds:
        return words
    return f"{words}, {size(done / seconds)}/s, {span((total - done) * seconds / done)} to go"


def rates_of(samples: Sequence[Sample], points: int = 60) -> tuple[list[float], list[float]]:
    """Moments and the bytes per second up to each, over a stretch of the whole time.

    Or it would flicker, and two looks that came at once would seem to be the fastest disk of the
    world.

    >>> rates_of([(0.0, 0), (1.0, 100), (3.0, 500)])
    ([0.0, 1.0, 3.0], [100.0, 100.0, 200.0])
    >>> rates_of([(0.0, 0), (2.0, 200), (2.00001, 300), (4.0, 500)], points=4)
    ([0.0, 2.0, 4.0], [100.0, 100.0, 150.0])
    """
    least, chosen = (samples[-1][0] - samples[0][0]) / points, list(samples[:1])
    for sample in samples[1:]:
        if sample[0] > chosen[-1][0] and sample[0] - chosen[-1][0] >= least:
            chosen.append(sample)
    if len(chosen) > 1:
        chosen[-1] = samples[-1]  # the last looks belong to the last stretch
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(chosen)]
    return [moment for moment, _ in chosen], [*(rates[:1] or [0.0]), *rates]
