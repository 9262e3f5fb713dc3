"""A program at the other end of an ssh connection."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ..model.errors import Unreachable
from .pipes import CHUNK, files_ready
from .ssh import TROUBLES, SshClient, words_of_trouble


def _within(seconds: float, ask: Callable[[], None]) -> None:
    """paramiko waits without a deadline for the answer to an exec request. Raises TimeoutError."""
    trouble: list[BaseException] = []

    def asking() -> None:
        try:
            ask()
        except BaseException as error:  # handed on to the thread that waits
            trouble.append(error)

    thread = threading.Thread(target=asking, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer to an exec request within {seconds:g} s")
    if trouble:
        raise trouble[0]


class SshPipes:
    """A program at the other end of an ssh connection."""

    def __init__(self, client: SshClient, command: str, timeout: float) -> None:
        transport = client.get_transport()
        if transport is None or not transport.is_active():
            raise Unreachable("ssh: the connection is lost")
        try:
            self._channel = transport.open_session(timeout=timeout)
            self._channel.settimeout(timeout)
            # as bytes: a path on the node need be no UTF-8, and paramiko's own way to them knows no
            # other
            _within(
                timeout,
                lambda: self._channel.exec_command(command.encode("utf-8", "surrogateescape")),
            )
        except TROUBLES as error:
            raise Unreachable(f"ssh: no shell could be opened: {words_of_trouble(error)}") from None
        self._fileno = self._channel.fileno()

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self._channel.sendall(data)

    def receive(self, timeout: float) -> tuple[bytes, bytes]:
        """What came within `timeout` seconds."""
        channel = self._channel
        if not (channel.recv_ready() or channel.recv_stderr_ready()):
            files_ready(timeout, [self._fileno])
        out = channel.recv(CHUNK) if channel.recv_ready() else b""
        err = channel.recv_stderr(CHUNK) if channel.recv_stderr_ready() else b""
        if not (out or err) and self._ended():
            raise EOFError("the remote shell ended")
        return out, err

    def _ended(self) -> bool:
        """Whether nothing comes any more. Its end is asked for first: what comes right before it
        must not be missed.

        A program whose last words and end came between the two questions was taken for a lost
        connection (1 of 1655 tests, on a busy machine).
        """
        channel, transport = self._channel, self._channel.get_transport()
        ended = bool(
            channel.closed or channel.eof_received or not (transport and transport.is_active())
        )
        return ended and not (channel.recv_ready() or channel.recv_stderr_ready())

    def close(self) -> None:
        """Close the channel."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()
