"""How far a long copy is: a bar where somebody looks, a line now and then elsewhere.

Its samples are kept as throughput.csv, whatever it is that copies; see facts.throughput_chart.
"""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager
from typing import Any

from tqdm import tqdm

from ...model import frontend
from ...model.throughput import Sample, Throughput, told, worth_saying
from ...run.events import THROUGHPUT
from ...run.run import Run

THROUGHPUT_CSV = "throughput.csv"
_KILOBYTES = re.compile(r"(\d+)/(\d+) kB")
_MOST = 2000  # samples: a copy that takes a night needs no more to be drawn


class Progress(AbstractContextManager["Progress"]):
    """Tell of a copy while it runs: `at(done, total)` in bytes, as often as one likes.

    The end keeps the samples.
    """

    def __init__(self, run: Run, what: str) -> None:
        self._run, self._what = run, what
        self._began = time.monotonic()
        self._every = 0.0  # seconds between two samples
        self.samples: list[Sample] = [(0.0, 0)]
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
        seconds = time.monotonic() - self._began
        self.total = max(done, total)
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
            digest = self._run.keep(THROUGHPUT_CSV, f"seconds,bytes\n{rows}".encode())
            told = {"bytes": done, "total": self.total, "seconds": round(seconds, 3)}
            self._run.journal.write(THROUGHPUT, **told, sha256=digest)
            self._run.seen.throughput = Throughput(self._what, self.samples, self.total)
