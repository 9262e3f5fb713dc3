"""A terminal on a machine, into which a person types one line after the other."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

from .machines import Machine

_PROMPT = re.compile(r"<<(\d+)>> $")
_ASKS = re.compile(r"(?:[Pp]assword.*|again): $")


class Terminal:
    """A shell that is held open, so that `cd` and variables stay."""

    def __init__(self, machine: Machine, home: str) -> None:
        self._name = machine.name
        bare = ("--norc", "--noprofile", "--noediting", "-i")
        shell = machine.enter("env", "PS1=<<$?>> ", "bash", *bare, home=home)
        self._end, other = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *shell], stdin=other, stdout=other, stderr=other
        )
        os.close(other)
        self._hear()
        self.type("stty -echo rows 50 cols 200")

    def type(self, line: str, *answers: str, within: float = 120.0) -> tuple[int, str]:
        """Type a line, and these answers to what asks for a password; the exit code, and what was
        said.
        """
        os.write(self._end, line.encode() + b"\n")
        said = ""
        for answer in answers:
            said += self._hear(_ASKS, within)
            os.write(self._end, answer.encode() + b"\n")
        said += self._hear(within=within)
        code = _PROMPT.search(said)
        assert code
        return int(code[1]), _PROMPT.sub("", said)

    def close(self) -> None:
        """Hang up."""
        self._process.kill()
        self._process.wait()
        os.close(self._end)

    def _hear(self, until: re.Pattern[str] = _PROMPT, within: float = 20.0) -> str:
        said, deadline = "", time.monotonic() + within
        while not until.search(said):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._end], [], [], max(0.0, left))
            assert ready, f"{self._name} has not ended after {within:.0f} s: {said[-2000:]}"
            said += os.read(self._end, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        return said
