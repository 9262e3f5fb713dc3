"""Whatever becomes of stdout and stderr, a program goes on to its end and leaves with its own exit
code.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Writes more than any pipe holds, in letters that some encodings lack, and proves that it came to
#: its end.
_PROGRAM = """
import sys
from pathlib import Path
from pgha_helpers.run import courtesy
courtesy.take_over()
for number in range(2000):
    print("✓ ok ✗ critical → caf\\udce9", number, "." * 60, flush=True)
    print(number, file=sys.stderr)
kept = Path(sys.argv[1]).open("w")
kept.write("its end")
kept.close()
courtesy.last_words(1)
sys.exit(7)
"""


def program(target: Path) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, str(target)]


@pytest.mark.parametrize(
    "channel",
    [
        ">&-",
        "2>&-",
        ">&- 2>&- <&-",
        ">/dev/full",
        "2>/dev/full",
        "| head -n 1",
        "2>&1 | true",
        "| sleep 1",
    ],
)
def test_a_channel_that_fails_ends_nothing(channel: str, tmp_path: Path) -> None:
    target = tmp_path / "kept"
    line = f'"$@" {channel}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *program(target)], capture_output=True, timeout=30
    )
    assert done.returncode == 7, done.stderr
    assert target.read_text() == "its end", "a file that is opened gets no number of a stream"


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "✓ ok ✗ critical → caf\\xe9 0"),
        ("latin-1", "+ ok x critical -> caf\\xe9 0"),
        ("ascii", "+ ok x critical -> caf\\xe9 0"),
    ],
)
def test_what_an_encoding_lacks_is_spelt(encoding: str, line: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        program(tmp_path / "kept"), capture_output=True, timeout=30, env=environment
    )
    lines = done.stdout.decode(encoding).splitlines()
    assert done.returncode == 7 and lines[0].startswith(line) and len(lines) == 2000


@contextlib.contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that holds no more, and that nobody reads: its end to read, and its end to write."""
    read, write = os.pipe()
    os.write(write, b"x" * fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096))
    try:
        yield read, write
    finally:
        os.close(read)
        os.close(write)


def test_a_reader_who_stopped_reading_holds_nothing(tmp_path: Path) -> None:
    target, began = tmp_path / "kept", time.monotonic()
    with full_pipe() as (_, write):
        running = subprocess.Popen(program(target), stdout=write, stderr=write)
        while not target.exists() and time.monotonic() < began + 30:
            time.sleep(0.01)
        assert target.exists() and running.poll() is None, (
            "it is done, and waits for a reader for a while"
        )
        assert running.wait(30) == 7


def test_a_reader_who_comes_back_hears_all_of_it(tmp_path: Path) -> None:
    with full_pipe() as (read, write):
        running = subprocess.Popen(
            program(tmp_path / "kept"), stdout=write, stderr=subprocess.DEVNULL
        )
        time.sleep(0.5)
        said = b""
        while not said.endswith(b"\n") or b" 1999 " not in said:
            said += os.read(read, 65536)
        assert running.wait(30) == 7 and said.count(b"\n") == 2000


def test_a_terminal_that_goes_away_ends_nothing(tmp_path: Path) -> None:
    """Its SIGHUP is another matter; here it is nobody's controlling terminal, and only takes
    nothing any more.
    """
    master, slave = pty.openpty()
    running = subprocess.Popen(
        program(tmp_path / "kept"), stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    os.read(master, 100)
    os.close(master)
    assert running.wait(30) == 7


def test_ten_megabytes_said_at_once_are_said_whole() -> None:
    """They were dropped, with exit code 0: a list of ten thousand records as JSON."""
    code = (
        "import sys; from pgha_helpers.run import courtesy; courtesy.take_over(); "
        "sys.stdout.write('x' * 10_000_000); courtesy.last_words()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert len(done.stdout) == 10_000_000
