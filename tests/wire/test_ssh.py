"""What is said when an ssh server is not one, or goes away."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

from pgha_helpers.model import Ssh
from pgha_helpers.model.errors import Unreachable
from pgha_helpers.wire.pipes import files_ready
from pgha_helpers.wire.ssh import _not_let_in, connect
from pgha_helpers.wire.ssh_pipes import SshPipes

_TRY = """
import socket, threading
from contextlib import nullcontext
from pgha_helpers.model.errors import Unreachable
from pgha_helpers.model import Ssh
from pgha_helpers.wire.ssh import connect
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
try:
    connect(Ssh("127.0.0.1", listener.getsockname()[1]), 2, nullcontext())
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


def test_no_turn_is_taken_while_a_server_is_silent() -> None:
    """Else pairs that are well would wait for those that are not."""
    turn = threading.Lock()
    with socket.create_server(("127.0.0.1", 0)) as listener, turn:
        where = Ssh("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(Unreachable, match="does not answer as an ssh server"):
            connect(where, 0.2, turn)


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


@pytest.mark.parametrize(
    ("key", "error", "words", "remedy"),
    [
        (
            "/k",
            paramiko.AuthenticationException("Authentication failed."),
            "ssh: user 'ann' is not let in with key /k",
            "correct ssh.user or ssh.key in the pair file",
        ),
        (
            "",
            paramiko.BadAuthenticationType("Bad authentication type", [""]),
            "ssh: user 'ann' is not let in with any key of the ssh agent or of ~/.ssh",
            "~/.ssh/authorized_keys of ann there",
        ),
        (
            "",
            paramiko.SSHException("No authentication methods available"),
            "any key of the ssh agent or of ~/.ssh: No authentication methods available",
            "correct ssh.user or ssh.key",
        ),
        (
            "/k",
            paramiko.BadAuthenticationType("Bad authentication type", ["password"]),
            "user 'ann' may not log in by a key there, only by password",
            "let ann log in by a key",
        ),
        ("/k", paramiko.PasswordRequiredException("x"), "key /k has a passphrase", "ssh-add it"),
    ],
)
def test_who_is_not_let_in_hears_why_and_what_to_do(
    key: str, error: paramiko.SSHException, words: str, remedy: str
) -> None:
    """paramiko's own words were "Bad authentication type; allowed types: ['']"."""
    what, told = _not_let_in(Ssh("h", user="ann", key=key), Path(key), error)
    assert words in what and remedy in told and "allowed types" not in what + told


def test_a_file_with_a_high_number_is_waited_for() -> None:
    """select knew none above 1023."""
    reads, writes = os.pipe()
    high = fcntl.fcntl(reads, fcntl.F_DUPFD, 1024)
    try:
        assert files_ready(0, [high]) == set() and files_ready(0, writes=[writes]) == {writes}
        os.write(writes, b".")
        assert files_ready(0, [high]) == {high}
    finally:
        for each in (reads, writes, high):
            os.close(each)
