"""Processes of a server that are stopped with SIGSTOP for a while."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from ..embedded import Lab


@contextlib.contextmanager
def deaf(pair: Lab, node: str = "db0", process: str = "walsender") -> Iterator[None]:
    """The walsender is stopped: whatever db0 commits meanwhile is on its disk only."""
    pid = next(pid for pid in pair.processes(node) if process in _title(pid))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
