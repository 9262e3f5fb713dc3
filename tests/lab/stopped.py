"""Processes of a server that are stopped with SIGSTOP for a while."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from ..embedded import Lab


@contextlib.contextmanager
def deaf(pair: Lab, node: str = "db0", process: str = "walsender") -> Iterator[Callable[[], None]]:
    """The walsender is stopped: whatever db0 commits meanwhile is on its disk only. Called, what is
    given lets it go on before the end.
    """
    pid = next(pid for pid in pair.processes(node) if process in _title(pid))

    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    os.kill(pid, signal.SIGSTOP)
    try:
        yield go_on
    finally:
        go_on()


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
