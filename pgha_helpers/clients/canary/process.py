"""The canary's process, as the run holds it: begun, ended by the end of its stdin, and read."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from typing import IO

from ...run.checkout import CHECKOUT, environment, python
from .attempts import Attempts, read_seen
from .client import Errand

# seconds to wait at most for the first attempt: it has to be there before the hand-over begins
_FIRST = 10.0
_LAST = 3.0  # seconds for the process to end by itself


class CanaryProcess:
    """One canary.

    Its lines go into a file without a name, which nobody has to empty while it writes.
    """

    def __init__(self) -> None:
        self._popen: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] = _nameless()

    def begin(self, errand: Errand) -> int:
        """Let it begin, and come back after its first attempt; gives its pid."""
        self._popen = subprocess.Popen(
            python("pgha_helpers.clients.canary.client"),
            stdin=subprocess.PIPE,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env=environment(PYTHONPATH=str(CHECKOUT)),
            start_new_session=True,  # an interrupt is sent to the kernel's whole process group
        )
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(errand.line.encode())
            self._popen.stdin.flush()
        deadline, told = time.monotonic() + _FIRST, self._file.fileno()
        while (
            not os.fstat(told).st_size
            and self._popen.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        return self._popen.pid

    def end(self) -> Attempts:
        """End it, by its own will or not, and read what it told."""
        if self._popen is not None and self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()  # which it takes for the end
            try:
                self._popen.wait(_LAST)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        with self._file as file:
            file.seek(0)
            return read_seen(file)


def _nameless() -> IO[bytes]:
    """A file without a name; it is closed once it was read."""
    return tempfile.TemporaryFile()
