"""Other work: a process per core that computes for as long as it sleeps."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

_TURN = 0.005  # seconds


@contextlib.contextmanager
def half_busy() -> Iterator[None]:
    """While the block lasts, each core of this machine is half busy."""
    processes = [
        subprocess.Popen([sys.executable, __file__], start_new_session=True)
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Compute and sleep in turn, until whoever began this is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        over = time.monotonic() + _TURN
        while time.monotonic() < over:
            pass
        time.sleep(_TURN)


if __name__ == "__main__":
    main()
