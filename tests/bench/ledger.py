"""The client that every contender is measured with: a process of its own, so that it shares no
interpreter with them.

Four connections, one insert per transaction, 2 ms of thought between two: about 1,000 commits per
second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..embedded import Load

_SETTLED = 200  # commits that a client makes before anything is measured
_LONGEST = 60.0  # seconds


@dataclass(frozen=True)
class Seen:
    """What the client saw. `gaps` are the longest times without an acknowledged commit of anybody,
    in seconds.

    `failed` counts inserts that were sent and never acknowledged, and attempts to connect that came
    to nothing; `lost` counts inserts that were acknowledged and are gone; `rate` is acknowledged
    commits per second outside the gaps.
    """

    gaps: Sequence[float]
    failed: int
    lost: int
    rate: float


class Ledger:
    """The client, from the beginning of a block until `read` is called, or the block ends."""

    def __init__(self, dsn: str) -> None:
        command = [sys.executable, "-m", __name__, dsn]
        checkout = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            start_new_session=True,
        )

    def __enter__(self) -> Ledger:
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise RuntimeError("the ledger client could not begin to write: see what it said above")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def read(self, *windows: tuple[float, float]) -> Seen:
        """End it, and ask for the gap in each window (seconds since the epoch), and for what is
        lost of all it wrote.

        Raises RuntimeError when it cannot tell.
        """
        told, _ = self._process.communicate(json.dumps(windows) + "\n", timeout=_LONGEST)
        if self._process.returncode:
            raise RuntimeError(f"the ledger client ended with {self._process.returncode}")
        return Seen(**json.loads(told))


def main(dsn: str) -> None:
    """Write until a line with windows comes in, then say what was seen."""
    began = time.time()
    with Load(dsn) as load:
        while load.acknowledged < _SETTLED:
            time.sleep(0.01)
        print("it writes", flush=True)
        line = sys.stdin.readline()
        wrote = time.time() - began
    if line:
        gaps = [load.longest_gap(since, until) for since, until in json.loads(line)]
        rate = load.acknowledged / (wrote - sum(gaps))
        seen = Seen(gaps, load.failed + load.refused, len(load.missing(dsn)), rate)
        print(json.dumps(vars(seen)))


if __name__ == "__main__":
    main(sys.argv[1])
