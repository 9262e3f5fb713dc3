"""Three pipes to a program, near or far: what a Shell is made of."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterable
from typing import Any, Protocol

CHUNK = 1 << 16


def files_ready(seconds: float, reads: Iterable[Any] = (), writes: Iterable[Any] = ()) -> set[int]:
    """Numbers of the files, of these, that can be read or written now, or within so many seconds;
    whatever has ended can be.

    By poll: select knows no number above 1023, and many pairs at once have more.
    """
    asked = select.poll()
    for each in reads:
        asked.register(each, select.POLLIN)
    for each in writes:
        asked.register(each, select.POLLOUT)
    return {number for number, _ in asked.poll(max(0.0, seconds) * 1000)}


class Pipes(Protocol):
    """Bytes in, bytes out, errors apart."""

    def send(self, data: bytes) -> None:
        """Write all of it. Raises OSError when the other end is gone."""

    def receive(self, timeout: float) -> tuple[bytes, bytes]:
        """What came on stdout and stderr within `timeout` seconds, maybe nothing. Raises EOFError
        at the end.
        """

    def close(self) -> None:
        """Let go. A program that reads its stdin sees the end of it."""


class LocalPipes:
    """A program on this machine, in a session of its own so that Ctrl-C here does not reach it."""

    def __init__(self, *argv: str) -> None:
        self._program = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        self._open = [self._stream("stdout"), self._stream("stderr")]

    def _stream(self, name: str) -> int:
        fileno: int = getattr(self._program, name).fileno()
        return fileno

    def send(self, data: bytes) -> None:
        """Write all of it."""
        assert self._program.stdin
        rest = memoryview(data)
        while rest:
            rest = rest[self._program.stdin.write(rest) :]

    def receive(self, timeout: float) -> tuple[bytes, bytes]:
        """What came within `timeout` seconds."""
        if not self._open:
            raise EOFError("the local shell ended")
        said = files_ready(timeout, self._open)
        out, err = self._read("stdout", said), self._read("stderr", said)
        if not (out or err or self._open):
            raise EOFError("the local shell ended")
        return out, err

    def _read(self, name: str, said: set[int]) -> bytes:
        fileno = self._stream(name)
        if fileno not in said:
            return b""
        data = os.read(fileno, CHUNK)
        if not data:
            self._open.remove(fileno)
        return data

    def close(self) -> None:
        """Close its pipes, and end it if that does not."""
        for stream in (self._program.stdin, self._program.stdout, self._program.stderr):
            if stream:
                stream.close()
        self._open = []
        try:
            self._program.wait(1)
        except subprocess.TimeoutExpired:
            os.killpg(self._program.pid, signal.SIGTERM)
            self._program.wait()
