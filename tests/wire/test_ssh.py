"""What is said when an ssh server is not one, or goes away."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import paramiko
import pytest

from pgha_helpers.wire.ssh import SshPipes

_TRY = """
import socket, threading
from pgha_helpers.model.errors import Unreachable
from pgha_helpers.model import Ssh
from pgha_helpers.wire.ssh import connect
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
try:
    connect(Ssh("127.0.0.1", listener.getsockname()[1]), 2)
except Unreachable as told:
    print(told.what)
"""


def test_a_server_that_hangs_up_is_told_in_words_and_not_in_a_traceback() -> None:
    """In a process of its own: where nobody has set up logging, paramiko's threads write to
    stderr.
    """
    told = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, text=True, check=True)
    assert "127.0.0.1" in told.stdout and "does not answer" in told.stdout
    assert told.stderr == ""


class Late(paramiko.Channel):
    """Its last words and its end come just as somebody asks whether it has ended."""

    came = False

    @property
    def eof_received(self) -> bool:
        if not self.came:
            self.came = True
            self.in_buffer.feed(b"pgha-status 0")
        return True

    @eof_received.setter
    def eof_received(self, value: object) -> None:
        """The channel begins without an end."""


def test_the_last_words_of_a_program_are_not_missed_when_its_end_comes_with_them() -> None:
    pipes = SshPipes.__new__(SshPipes)
    pipes._channel = Late(1)
    pipes._channel.transport = SimpleNamespace(is_active=lambda: True)
    pipes._fileno = pipes._channel.fileno()
    heard = b""
    with pytest.raises(EOFError):
        for _ in range(3):
            heard += pipes.receive(0)[0]
    assert heard == b"pgha-status 0"
