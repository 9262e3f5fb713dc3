"""How far a long copy is: a bar, a line now and then, and samples for the record.

Samples are kept as throughput.csv and drawn as throughput.svg, whatever it is that copies.
"""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ...facts.lag_chart import image, keep_picture, pictures
from ...model import frontend
from ...model.show import size, span
from ...run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME, PICTURE = "throughput.csv", "throughput.svg"
_KILOBYTES = re.compile(r"(\d+)/(\d+) kB")
_MOST = 2000  # samples: a copy that takes a night needs no more to be drawn
# seconds and share of the whole between two lines; seconds at most
_PAUSE, _STEP, _LONGEST = 10.0, 0.02, 60.0


class Progress(AbstractContextManager["Progress"]):
    """Tell of a copy while it runs: `at(done, total)` in bytes, as often as one likes.

    The end keeps the samples.
    """

    def __init__(self, run: Run, what: str) -> None:
        self._run, self._what = run, what
        self._began = time.monotonic()
        self._every = 0.0  # seconds between two samples
        self.samples: list[tuple[float, int]] = [(0.0, 0)]  # seconds since the beginning, bytes
        self.total = 0
        self.said: list[str] = []
        self._said = (0.0, 0)
        settings: dict[str, Any] = {
            "unit": "B",
            "unit_scale": True,
            "unit_divisor": 1024,
            "mininterval": 0.5,
        }
        # where nobody sees a bar a line is said now and then instead
        self._bar = tqdm(desc=what, **settings) if frontend.watched() else None

    def at(self, done: int, total: int) -> None:
        """So many bytes are done, of about so many in all."""
        seconds, self.total = time.monotonic() - self._began, max(done, total)
        if seconds - self.samples[-1][0] >= self._every or done >= total:
            self.samples.append((seconds, done))
        if len(self.samples) > _MOST:
            self.samples = self.samples[::2]
            self._every = 2 * seconds / _MOST
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.update(done - self._bar.n)
        elif worth_saying(seconds - self._said[0], (done - self._said[1]) / max(self.total, 1)):
            self._said = (seconds, done)
            print(f"  {self._what}: {told(seconds, done, self.total)}", flush=True)

    def hear(self, line: str) -> None:
        """Take a line of pg_basebackup or pg_rewind with -P.

        How far it is; whatever else it says stays in `said`.
        """
        if found := _KILOBYTES.search(line):
            self.at(int(found[1]) * 1024, int(found[2]) * 1024)
        else:
            self.said.append(line)

    def __exit__(self, *_: object) -> None:
        """Keep the samples; of a copy that failed, too: where it became slow may be why."""
        if self._bar is not None:
            self._bar.close()
        if len(self.samples) > 1:
            rows = "".join(f"{at:.3f},{done}\n" for at, done in self.samples)
            seconds, done = self.samples[-1]
            digest = self._run.keep(NAME, f"seconds,bytes\n{rows}".encode())
            told = {"bytes": done, "total": self.total, "seconds": round(seconds, 3)}
            self._run.journal.write("throughput", **told, sha256=digest)
            self._run.copied = self

    def draw(self) -> None:
        """Keep the chart as throughput.svg, and show it in a notebook.

        A picture that fails fails nothing else.
        """
        try:
            svg, png = pictures(self._figure)
            keep_picture(self._run, PICTURE, svg)
            if frontend.shell():
                from IPython.display import display

                display(image(png))
        except Exception as error:
            print(f"The throughput cannot be drawn: {type(error).__name__}: {error}", flush=True)

    def _figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes = figure.subplots(1, 1)
        unit, word = (1024.0**3, "GB") if self.total >= 10 * 1024**3 else (1024.0**2, "MB")
        at = [seconds for seconds, _ in self.samples]
        axes.plot(
            at, [done / unit for _, done in self.samples], "-", color="#1f4e8c", linewidth=1.6
        )
        axes.text(
            at[-1], self.samples[-1][1] / unit, "copied ", ha="right", va="bottom", fontsize=8
        )
        axes.set_ylabel(f"copied ({word})", color="#1f4e8c")
        axes.set_xlabel("seconds since the copy began")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        rate = axes.twinx()
        moments, rates = rates_of(self.samples)
        rate.plot(
            moments,
            [each / 1024**2 for each in rates],
            "--",
            color="#b35900",
            linewidth=1.4,
            drawstyle="steps",
        )
        rate.set_ylabel("rate, dashed (MB/s)", color="#b35900")
        rate.set_ylim(bottom=0)
        for each in (axes, rate):
            each.spines["top"].set_visible(False)
        axes.grid(alpha=0.25)
        run = self._run
        axes.set_title(
            f"{self._what}: pair {run.pair.name}, {run.notebook} {run.id}", loc="left", fontsize=11
        )
        return figure


def draw_throughput(run: Run) -> None:
    """Draw the last copy of this run, if there was one.

    After its deeds, because the first picture takes a second.
    """
    copied, run.copied = run.copied, None
    if copied is not None:
        copied.draw()


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


def rates_of(samples: list[tuple[float, int]], points: int = 60) -> tuple[list[float], list[float]]:
    """Moments and the bytes per second up to each, over a stretch of the whole time.

    Or it would flicker, and two looks that came at once would seem to be the fastest disk of the
    world.

    >>> rates_of([(0.0, 0), (1.0, 100), (3.0, 500)])
    ([0.0, 1.0, 3.0], [100.0, 100.0, 200.0])
    >>> rates_of([(0.0, 0), (2.0, 200), (2.00001, 300), (4.0, 500)], points=4)
    ([0.0, 2.0, 4.0], [100.0, 100.0, 150.0])
    """
    least, chosen = (samples[-1][0] - samples[0][0]) / points, samples[:1]
    for sample in samples[1:]:
        if sample[0] > chosen[-1][0] and sample[0] - chosen[-1][0] >= least:
            chosen.append(sample)
    if len(chosen) > 1:
        chosen[-1] = samples[-1]  # the last looks belong to the last stretch
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(chosen)]
    return [moment for moment, _ in chosen], [*(rates[:1] or [0.0]), *rates]
