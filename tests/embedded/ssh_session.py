"""One command or shell behind one ssh channel, with the manners of OpenSSH without a terminal.

Its input, output and errors are three pipes. When the channel goes away the pipes are closed and
the command is left to itself: a shell that reads its input then ends, a command that writes gets
SIGPIPE, and a server that was started with its output in a log goes on. The channel is closed when
the command has ended *and* nobody holds its output open any more, so a server started without a log
holds the channel, as it does under OpenSSH.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncssh

STDIN, STDOUT, STDERR = 0, 1, 2
_log = logging.getLogger(__name__)


class Command(asyncio.SubprocessProtocol):
    """A running command: hands its output to a channel as long as there is one, and its end too."""

    def __init__(self, channel: Any) -> None:
        self._channel: Any | None = channel
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self._channel is not None:
            self._channel.write(data, asyncssh.EXTENDED_DATA_STDERR if fd == STDERR else None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The command has ended and both of its outputs are closed."""
        if self._channel is not None and self._transport is not None:
            _report_end(self._channel, self._transport.get_returncode() or 0)
            self._channel = None

    def pause_writing(self) -> None:
        """The command does not read as fast as the client writes."""
        if self._channel is not None:
            self._channel.pause_reading()

    def resume_writing(self) -> None:
        # Not at once: it can bring the client's end of input, and asyncio's pipe, still in the
        # middle of its own write, then closes twice (AttributeError in the log) or drops what it
        # was just given.
        if self._channel is not None:
            asyncio.get_running_loop().call_soon(self._channel.resume_reading)

    def write_input(self, data: bytes) -> None:
        pipe = self._pipe(STDIN)
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(data)

    def end_input(self) -> None:
        """Close the command's input once all that the client sent is written."""
        self._close(STDIN)

    def pause_output(self) -> None:
        for pipe in map(self._pipe, (STDOUT, STDERR)):
            if isinstance(pipe, asyncio.ReadTransport) and not pipe.is_closing():
                pipe.pause_reading()

    def resume_output(self) -> None:
        for pipe in map(self._pipe, (STDOUT, STDERR)):
            if isinstance(pipe, asyncio.ReadTransport) and not pipe.is_closing():
                pipe.resume_reading()

    def signal(self, name: str) -> None:
        """Send the command's process group a signal by its name without SIG; an unknown one is
        ignored.
        """
        number = getattr(signal, f"SIG{name}", None)
        if (
            self._transport is not None
            and self._transport.get_returncode() is None
            and number is not None
        ):
            os.killpg(self._transport.get_pid(), number)

    def abandon(self) -> None:
        """The channel is gone: close the pipes. Never the transport itself, that would kill the
        command.
        """
        self._channel = None
        for fd in (STDIN, STDOUT, STDERR):
            self._close(fd)

    def _pipe(self, fd: int) -> asyncio.BaseTransport | None:
        return self._transport.get_pipe_transport(fd) if self._transport is not None else None

    def _close(self, fd: int) -> None:
        pipe = self._pipe(fd)
        if pipe is not None:
            pipe.close()


class Session(asyncssh.SSHServerSession):  # type: ignore[misc]
    """One ssh session: starts a command in the node's home and connects it to the channel."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._arguments: list[str] = []
        self._channel: Any = None
        self._command: Command | None = None
        self._starting: asyncio.Task[None] | None = None
        self._waiting: list[Callable[[Command], None]] = []

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def pty_requested(self, *_: object) -> bool:
        return False

    def shell_requested(self) -> bool:
        self._arguments = ["/bin/sh"]
        return True

    def exec_requested(self, command: str) -> bool:
        self._arguments = ["/bin/sh", "-c", command]
        return True

    def session_started(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._start())

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._when_started(lambda command: command.write_input(data))

    def eof_received(self) -> bool:
        self._when_started(Command.end_input)
        return True  # keep the other direction open

    def signal_received(self, signal: str) -> None:
        self._when_started(lambda command: command.signal(signal))

    def pause_writing(self) -> None:
        self._when_started(Command.pause_output)

    def resume_writing(self) -> None:
        self._when_started(Command.resume_output)

    def connection_lost(self, exc: Exception | None) -> None:
        self._when_started(Command.abandon)

    def _when_started(self, deed: Callable[[Command], None]) -> None:
        """Do it now, or as soon as the command runs: the client may write, or leave, before
        that.
        """
        if self._command is None:
            self._waiting.append(deed)
        else:
            deed(self._command)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        command = Command(self._channel)
        try:
            await loop.subprocess_exec(
                lambda: command,
                *self._arguments,
                cwd=self._directory,
                env=dict(self._environment),
                start_new_session=True,
            )
        except OSError as error:
            _log.error("cannot start %r: %s", self._arguments, error)
            self._channel.exit(255)
            return
        for deed in self._waiting:
            deed(command)
        self._command = command


def _report_end(channel: Any, returncode: int) -> None:
    if returncode >= 0:
        channel.exit(returncode)
    else:
        channel.exit_with_signal(signal.Signals(-returncode).name.removeprefix("SIG"))
