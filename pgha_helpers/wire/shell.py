"""One long-lived `sh` per host. A new ssh channel per command costs 100 ms and more; a line in an open shell 0.3 ms.

A command is a list of arguments, quoted in one place. Its answer ends, on stdout and stderr alike, with a sentinel
that nobody can guess, so output is binary-safe and banners or start-up files of the account cannot corrupt it.
"""

from __future__ import annotations

import base64
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import CommandFailed, TooSlow, Unreachable
from .pipes import Pipes


@dataclass(frozen=True)
class Answer:
    """What a command said: exact exit status, stdout and stderr apart, as bytes."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Stdout as text, without trailing white space."""
        return self.stdout.decode("utf-8", "replace").rstrip()

    @property
    def complaint(self) -> str:
        """Stderr as text, on one line."""
        return " ".join(self.stderr.decode("utf-8", "replace").split())


class Shell:
    """A `sh` on one host. `open_pipes` is called for the first command, and again when the shell was lost."""

    def __init__(self, where: str, open_pipes: Callable[[str], Pipes], timeout: float) -> None:
        self.where = where
        self._open_pipes = open_pipes
        self._timeout = timeout
        self._pipes: Pipes | None = None
        self._one_at_a_time = threading.Lock()  # a proof is read beside the main thread, which may be interrupted

    def run(
        self, *argv: str, user: str = "", within: float | None = None, okay: Iterable[int] = (0,), stdin: bytes = b""
    ) -> Answer:
        """Run a command as the shell's user, or through `sudo -n -u user`, and wait for its answer.

        `within` is a deadline in seconds and `okay` the exit statuses that are no error. Raises CommandFailed for
        another status, TooSlow after the deadline (the command may still be running), Unreachable without a shell.
        """
        answer = self._ask(_line(argv, user, stdin), self._timeout if within is None else within, argv)
        if answer.status not in okay:
            raise CommandFailed(
                f"{self.where}: {shlex.join(_short(argv))} ended with status {answer.status}: "
                f"{answer.complaint or answer.text or 'no words'}",
                _hint(answer, user),
            )
        return answer

    def script(self, text: str, *arguments: str, user: str = "", **options: Any) -> Answer:
        """Run a few lines of `sh`; the arguments are $1, $2 and so on, and never part of the text."""
        return self.run("sh", "-c", text, "sh", *arguments, user=user, **options)

    def close(self) -> None:
        """End the shell."""
        if self._pipes:
            self._pipes.close()
        self._pipes = None

    def _ask(self, line: bytes, within: float, argv: tuple[str, ...]) -> Answer:
        mark = secrets.token_hex(12)
        # the first marks keep what the account's start-up files print out of the answer; the braces make `sh` refuse a
        # line that was cut off, which it would run at the end of its input
        begin = f"{{ printf '{mark}<'; printf '{mark}<' >&2; "
        end = f"; s=$?; printf '\\n{mark} %d\\n' $s; printf '\\n{mark}\\n' >&2; }}\n"
        with self._one_at_a_time:
            return self._answer(begin.encode() + line + end.encode(), mark, within, argv)

    def _answer(self, command: bytes, mark: str, within: float, argv: tuple[str, ...]) -> Answer:
        pipes = self._alive()
        try:
            pipes.send(command)
            return self._read(pipes, mark.encode(), time.monotonic() + within)
        except TimeoutError:
            self.close()
            raise TooSlow(f"{self.where}: {shlex.join(_short(argv))} gave no answer within {within:g} s") from None
        except (OSError, EOFError) as error:
            self.close()
            raise Unreachable(f"{self.where}: the shell was lost: {error or type(error).__name__}") from None
        except BaseException:  # Ctrl-C: the answer is still to come, and would be read as the next command's
            self.close()
            raise

    def _alive(self) -> Pipes:
        """The open pipes, or new ones when the shell has ended since its last command."""
        if self._pipes:
            try:
                self._pipes.receive(0)
            except (OSError, EOFError):
                self.close()
        if self._pipes is None:
            self._pipes = self._open_pipes("exec sh")
        return self._pipes

    def _read(self, pipes: Pipes, mark: bytes, deadline: float) -> Answer:
        out, err, tail = bytearray(), bytearray(), b"\n" + mark
        while True:
            end, last = out.find(tail + b" "), err.find(tail + b"\n")
            if end >= 0 and last >= 0 and out.endswith(b"\n"):
                status = int(out[end + len(tail) + 1 :])
                return Answer(status, _after(out[:end], mark), _after(err[:last], mark))
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            more_out, more_err = pipes.receive(left)
            out += more_out
            err += more_err


def _after(said: bytearray, mark: bytes) -> bytes:
    return bytes(said.partition(mark + b"<")[2])


def as_user(user: str, *argv: str) -> tuple[str, ...]:
    """A command with English answers, through sudo where a user is named who is not the shell's own."""
    sudo = ("sudo", "-n", "-u", user, "--") if user else ()
    return (*sudo, "env", "LC_ALL=C", *argv)


def _line(argv: tuple[str, ...], user: str, stdin: bytes) -> bytes:
    """One command for `sh`: quoted by construction, its own stdin, and English answers."""
    if any("\0" in word for word in argv):
        raise ValueError("a command cannot hold a NUL character")
    command = shlex.join(as_user(user, *argv))
    if not stdin:
        return f"{command} </dev/null".encode("utf-8", "surrogateescape")
    # printf is a builtin, so what it prints is not bound by the kernel's limit on arguments
    return f"printf %s {base64.b64encode(stdin).decode()} | base64 -d | {command}".encode("utf-8", "surrogateescape")


def _short(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command without the text of a script, which nobody wants in an error."""
    return ("sh", "-c", "…", *argv[4:]) if argv[:2] == ("sh", "-c") else argv


def _hint(answer: Answer, user: str) -> str:
    if user and "sudo" in answer.complaint:
        return f"allow it: the ssh user needs `sudo -n -u {user}` without a password or a terminal"
    return ""
