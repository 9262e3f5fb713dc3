"""Output is a courtesy.

Whoever reads it may leave, stop reading, or lack the letters, and the work goes on. A broken pipe
ended a hand-over in the middle once, and a pipe that nobody empties would hold the next step for
ever.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import signal
import sys
import threading
from typing import Any

from ..model.foreign import shown

# bytes that wait for a reader; what comes beyond them is dropped, and that is said
_MOST = 4 * 1024 * 1024
_CHUNK = 4096
_PATIENCE = 0.1  # seconds that a flush waits, so that stdout and stderr come in their order
_DROPPED = b"\n[pgha: nobody reads this; what came here is in the record]\n"
_PLAIN = {"✓": "+", "✗": "x", "…": "...", "→": "->", "·": "-", "“": '"', "”": '"'}


def take_over() -> None:
    """From here on nothing that this process prints fails or waits."""
    for number in range(3):
        _fill(number)
    with contextlib.suppress(ValueError):  # not the main thread
        # in the background of a terminal with `tostop`
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    sys.stdout, sys.stderr = (
        _writer(getattr(sys, name), fd) for name, fd in (("stdout", 1), ("stderr", 2))
    )


def last_words(patience: float = 5.0) -> None:
    """Before the process ends: wait for a reader as long as he takes anything.

    And so many seconds longer.
    """
    for stream in (sys.stdout, sys.stderr):
        raw = getattr(stream, "buffer", None)
        if isinstance(raw, _Mouth) and not raw.drain(patience):
            patience = 0.0  # both are mostly one terminal


def nobody_reads() -> bool:
    """Whether the reader of stdout has left, as `head` does when it has enough."""
    raw = getattr(sys.stdout, "buffer", None)
    return isinstance(raw, _Mouth) and raw.is_deaf


def screen_columns() -> int:
    """How wide the terminal is; 0 where stdout is none."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _fill(number: int) -> None:
    """A standard stream that was closed becomes /dev/null.

    Else the next file that is opened would get its number.
    """
    try:
        os.fstat(number)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _writer(before: Any, number: int) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    return io.TextIOWrapper(_Mouth(number), encoding=encoding, errors="pgha", write_through=True)  # type: ignore[arg-type]


class _Mouth(io.RawIOBase):
    """Writes to a file descriptor in a thread of its own, which alone waits for a reader."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._waiting = bytearray()
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deaf = self._stuck = self._dropped = False

    @property
    def is_deaf(self) -> bool:
        """Whether nobody is left who could read."""
        return self._deaf

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """That of the stream, for whoever asks how wide the terminal is."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def write(self, data: Any) -> int:
        """Take all of it."""
        with self._moved:
            if self._deaf:
                return len(data)
            # what is written at once is there already, however long: a list of ten thousand records
            room = not self._waiting or len(self._waiting) + len(data) <= _MOST
            if room:
                self._waiting += (_DROPPED if self._dropped else b"") + bytes(data)
            self._dropped = not room
            if self._thread is None:
                self._thread = threading.Thread(target=self._speak, name="pgha-output", daemon=True)
                self._thread.start()
            self._moved.notify_all()
        return len(data)

    def flush(self) -> None:
        """Wait a moment until it is written; not again until somebody reads."""
        if not self._stuck:
            self._stuck = not self.drain(_PATIENCE)

    def drain(self, patience: float) -> bool:
        """Wait until all is written, or until nothing was for so many seconds; whether it is."""
        with self._moved:
            while self._waiting:
                left = len(self._waiting)
                if not self._moved.wait(patience) and len(self._waiting) == left:
                    return False
        return True

    def _speak(self) -> None:
        while True:
            with self._moved:
                self._moved.wait_for(lambda: self._waiting)
                chunk = bytes(self._waiting[:_CHUNK])
            written = self._put(chunk)
            with self._moved:
                del self._waiting[:written]
                self._stuck = False
                self._moved.notify_all()

    def _put(self, chunk: bytes) -> int:
        """How many bytes are done with: all, where they cannot be written."""
        try:
            return os.write(self._number, chunk)
        except BlockingIOError:  # somebody else has made it so
            select.select([], [self._number], [])
            return 0
        except OSError as error:
            # room may come back, a reader does not
            self._deaf = error.errno not in (errno.ENOSPC, errno.EDQUOT)
            return len(self._waiting) if self._deaf else len(chunk)


def _spell(error: UnicodeError) -> tuple[str, int]:
    """What an encoding has no letters for, in letters that every encoding has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_letter, error.object[error.start : error.end])), error.end


def _letter(one: str) -> str:
    if one in _PLAIN:
        return _PLAIN[one]
    return shown(one).encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error("pgha", _spell)
