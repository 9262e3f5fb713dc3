"""The long-lived shell, over this machine's own pipes: the same class serves ssh."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.model.errors import CommandFailed, TooSlow, Unreachable
from pgha_helpers.wire.pipes import LocalPipes
from pgha_helpers.wire.shell import Shell


@pytest.fixture
def shell() -> Iterator[Shell]:
    opened = Shell("here", lambda command: LocalPipes("sh", "-c", command), 5)
    yield opened
    opened.close()


def test_status_stdout_and_stderr_are_told_apart(shell: Shell) -> None:
    answer = shell.run("sh", "-c", "echo out; echo err >&2; exit 7", okay=(7,))
    assert (answer.status, answer.stdout, answer.stderr) == (7, b"out\n", b"err\n")


def test_another_status_is_an_error_in_the_commands_words(shell: Shell) -> None:
    with pytest.raises(CommandFailed, match=r"ended with status 2: .*nowhere"):
        shell.run("ls", "/nowhere")


def test_bytes_pass_through_unchanged(shell: Shell) -> None:
    blob = bytes(range(256)) * 2000
    assert shell.run("cat", stdin=blob).stdout == blob


@pytest.mark.parametrize(
    "word",
    ["a b", "it's", '"', "$HOME", "`id`", "a\nb", "-n", "ünïcode", "*", ";", "\\", "", "\udcff"],
)
def test_odd_words_arrive_as_they_are(shell: Shell, word: str) -> None:
    assert shell.run("printf", "[%s]", word).stdout == b"[" + os.fsencode(word) + b"]"


def test_much_output_on_both_sides_does_not_block(shell: Shell) -> None:
    answer = shell.script("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2")
    assert (len(answer.stdout), len(answer.stderr)) == (3_000_000, 3_000_000)


def test_a_command_cannot_eat_the_next_ones_line(shell: Shell) -> None:
    assert shell.run("cat").stdout == b""
    assert shell.run("echo", "next").text == "next"


def test_answers_are_in_english(shell: Shell) -> None:
    assert shell.script("echo $LC_ALL").text == "C"


def test_a_deadline_is_kept_and_the_next_answer_is_not_mixed_up(shell: Shell) -> None:
    with pytest.raises(TooSlow, match=r"gave no answer within 0\.2 s"):
        shell.script("sleep 1; echo late", within=0.2)
    assert shell.run("echo", "fresh").text == "fresh"


def test_a_lost_shell_is_said_and_then_reopened(shell: Shell) -> None:
    first = int(shell.script("echo $$").text)
    with pytest.raises(Unreachable, match="the shell was lost"):
        shell.script('kill -9 "$1"; sleep 1', str(first))
    second = int(shell.script("echo $$").text)
    assert first != second
    os.kill(second, signal.SIGKILL)
    time.sleep(0.1)
    assert int(shell.script("echo $$").text) != second, (
        "found dead before the command was sent: no error"
    )


class Lost:
    """Pipes that keep what is sent, and are lost at that very moment."""

    sent = b""

    def send(self, data: bytes) -> None:
        self.sent = data
        raise EOFError

    def receive(self, timeout: float) -> tuple[bytes, bytes]:
        raise EOFError

    def close(self) -> None:
        """Nothing is open."""


def test_a_command_that_was_cut_off_on_its_way_does_nothing(tmp_path: Path) -> None:
    """`sh` runs what it has at the end of its input: half a script would be half a deed."""
    pipes, made = Lost(), tmp_path / "made"
    with pytest.raises(Unreachable):
        Shell("there", lambda command: pipes, 5).script(': > "$1"\n: > "$1"\n', str(made))
    for end in range(0, len(pipes.sent) - 1, 3):
        subprocess.run(["sh"], input=pipes.sent[:end], capture_output=True, check=False)
        assert not made.exists(), pipes.sent[:end]
    subprocess.run(["sh"], input=pipes.sent, capture_output=True, check=True)
    assert made.exists(), "the whole does it"


def test_ctrl_c_in_the_middle_does_not_shift_answers(shell: Shell) -> None:
    shell.run("true")
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        shell.script("sleep 2; echo old")
    assert shell.run("echo", "new").text == "new"
