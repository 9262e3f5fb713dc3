"""One long-lived `sh` per host and user. A new ssh channel per command costs 100 ms and more, sudo
10 ms and more for each, a line in an open shell 0.3 ms.

A command is a list of arguments, quoted in one place. Its answer ends, on stdout and stderr alike,
with a sentinel that nobody can guess, so output is binary-safe and banners or start-up files of the
account cannot corrupt it.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..model.errors import CommandFailed, NoRoom, TooSlow, Unreachable
from ..model.foreign import lines_of, text_of
from . import trips
from .pipes import Pipes

_FULL = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True)
class Answer:
    """What a command said: exact exit status, stdout and stderr apart, as bytes."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Stdout as text, without trailing white space."""
        return text_of(self.stdout).rstrip()

    @property
    def lines(self) -> list[str]:
        """Stdout as lines."""
        return lines_of(self.text)

    @property
    def complaint(self) -> str:
        """Stderr as text, on one line."""
        return " ".join(text_of(self.stderr).split())


class Shell:
    """A `sh` on one host. `open_pipes` is called for the first command, and again when the shell
    was lost.

    It runs as the user who logs in, or through `sudo -n -u user` as the one named.
    """

    def __init__(
        self, where: str, open_pipes: Callable[[str], Pipes], timeout: float, user: str = ""
    ) -> None:
        self.where = where
        self._user = user
        self._open_pipes = open_pipes
        self._timeout = timeout
        self._pipes: Pipes | None = None
        self._one_at_a_time = threading.Lock()  # both nodes are asked at once, by threads

    def run(
        self,
        *argv: str,
        within: float | None = None,
        okay: Iterable[int] = (0,),
        stdin: bytes = b"",
    ) -> Answer:
        """Run a command as the shell's user and wait for its answer.

        `within` is a deadline in seconds and `okay` the exit statuses that are no error. Raises
        CommandFailed for another status or where sudo refuses, TooSlow after the deadline (the
        command may still be running), Unreachable without a shell.
        """
        return self._ask(_quoted(argv), shlex.join(argv), within, okay, stdin)

    def script(
        self,
        text: str,
        *arguments: str,
        within: float | None = None,
        okay: Iterable[int] = (0,),
        stdin: bytes = b"",
    ) -> Answer:
        """Run a few lines of `sh`; the arguments are $1, $2 and so on, and never part of the text.
        See run.

        The text runs in a process of its own, but in no new program: `sh -c` would cost another
        millisecond.
        """
        told = shlex.join(("sh", "-c", "…", *arguments))
        return self._ask(f"set -- {_quoted(arguments)}\n{text}", told, within, okay, stdin)

    def ping(self, within: float) -> None:
        """See that the shell answers: not even a process is made for that. Raises as run does."""
        self._marked(b":", within, "a line")

    def close(self) -> None:
        """End the shell."""
        if self._pipes:
            self._pipes.close()
        self._pipes = None

    def _ask(
        self, text: str, told: str, within: float | None, okay: Iterable[int], stdin: bytes
    ) -> Answer:
        """What a piece of `sh` answers; `told` is how an error names it."""
        answer = self._marked(_line(text, stdin), self._timeout if within is None else within, told)
        if answer.status not in okay:
            failed = NoRoom if any(words in answer.complaint for words in _FULL) else CommandFailed
            raise failed(
                f"{self.where}: {told} ended with status {answer.status}: "
                f"{answer.complaint or answer.text or 'no words'}"
            )
        return answer

    def _marked(self, line: bytes, within: float, told: str) -> Answer:
        mark = secrets.token_hex(12)
        # the first marks keep what the account's start-up files print out of the answer; the braces
        # make `sh` refuse a line that was cut off, which it would run at the end of its input
        begin = f"{{ printf '{mark}<'; printf '{mark}<' >&2; "
        end = f"; s=$?; printf '\\n{mark} %d\\n' $s; printf '\\n{mark}\\n' >&2; }}\n"
        with self._one_at_a_time:
            return self._answer(begin.encode() + line + end.encode(), mark, within, told)

    def _answer(self, command: bytes, mark: str, within: float, told: str) -> Answer:
        pipes, out, err = self._alive(), bytearray(), bytearray()
        began = trips.count("shell")
        try:
            pipes.send(command)
            return _read(pipes, mark.encode(), time.monotonic() + within, out, err)
        except TimeoutError:
            self.close()
            raise TooSlow(f"{self.where}: {told} gave no answer within {within:g} s") from None
        except (OSError, EOFError) as error:
            refused = "" if out else _last_words(pipes, err)
            self.close()
            if self._user and "sudo" in refused:
                raise CommandFailed(
                    f"{self.where}: no shell as {self._user}: {refused}",
                    _to_be_owner(self._user, refused),
                ) from None
            raise Unreachable(
                f"{self.where}: the shell was lost: {error or type(error).__name__}"
            ) from None
        except BaseException:
            # Ctrl-C: the answer is still to come, and would be read as the next command's
            self.close()
            raise
        finally:
            trips.timed("shell", self.where, told, began)

    def _alive(self) -> Pipes:
        """The open pipes, or new ones when the shell has ended since its last command."""
        if self._pipes:
            try:
                self._pipes.receive(0)
            except (OSError, EOFError):
                self.close()
        if self._pipes is None:
            self._pipes = self._open_pipes("exec " + shlex.join(as_user(self._user, "sh")))
        return self._pipes


def _read(pipes: Pipes, mark: bytes, deadline: float, out: bytearray, err: bytearray) -> Answer:
    """The answer up to its marks; what was heard of it stays in `out` and `err`, whatever
    happens.
    """
    tail = b"\n" + mark
    while True:
        end, last = out.find(tail + b" "), err.find(tail + b"\n")
        # what was left behind may go on to say something
        stop = out.find(b"\n", end + len(tail)) if end >= 0 else -1
        if stop >= 0 and last >= 0:
            status = int(out[end + len(tail) + 1 : stop])
            return Answer(status, _after(out[:end], mark), _after(err[:last], mark))
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        more_out, more_err = pipes.receive(left)
        out += more_out
        err += more_err


def _to_be_owner(user: str, refused: str) -> str:
    """What to do where the ssh user gets no shell of the server's owner."""
    if "unknown user" in refused:
        return "correct owner in the pair file: the OS user that runs PostgreSQL"
    if "not found" in refused:
        return f"install sudo there, or let ssh.user be {user} and leave owner out"
    return f"allow it: the ssh user needs `sudo -n -u {user}` without a password or a terminal"


def _last_words(pipes: Pipes, err: bytearray) -> str:
    """Why a shell that said nothing has ended: what sudo complains of may still be under way."""
    with contextlib.suppress(OSError, EOFError):
        for _ in range(10):
            err += pipes.receive(0.1)[1]
    return " ".join(next(iter(lines_of(text_of(bytes(err)).strip())), "").split())


def _after(said: bytearray, mark: bytes) -> bytes:
    return bytes(said.partition(mark + b"<")[2])


def as_user(user: str, *argv: str) -> tuple[str, ...]:
    """A command with English answers, through sudo where a user is named who is not the shell's
    own.
    """
    sudo = ("sudo", "-n", "-u", user, "--") if user else ()
    return (*sudo, "env", "LC_ALL=C", *argv)


def _quoted(argv: tuple[str, ...]) -> str:
    if any("\0" in word for word in argv):
        raise ValueError("a command cannot hold a NUL character")
    return shlex.join(argv)


def _line(text: str, stdin: bytes) -> bytes:
    """A piece of `sh` in a process of its own, which cannot end the shell, with its own stdin."""
    command = f"({text}\n)"
    if not stdin:
        return f"{command} </dev/null".encode("utf-8", "surrogateescape")
    # printf is a builtin, so what it prints is not bound by the kernel's limit on arguments
    return f"printf %s {base64.b64encode(stdin).decode()} | base64 -d | {command}".encode(
        "utf-8", "surrogateescape"
    )
