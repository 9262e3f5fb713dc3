"""Output is a courtesy: a switchover whose reader leaves, stops reading, or whose terminal goes
away, is done.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.run.journal import read

from ..embedded import Lab
from .background import wait_for_event
from .runs import to_promote
from .servers import ask, records, writable

WHOLE = {"journal.jsonl", "record.json", "notebook.ipynb", "report.html", "lag.csv"}


def promote(pair: Lab, target: str, **channels: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pgha_helpers", "run", "promote", str(pair.pair_file)]
    return subprocess.Popen(
        [*command, "-p", f"confirm={to_promote(target)}"], start_new_session=True, **channels
    )


def pgha_in_bash(channels: str, *words: str) -> subprocess.CompletedProcess[str]:
    line, command = (
        f'"$@" {channels}; exit ${{PIPESTATUS[0]}}',
        (sys.executable, "-m", "pgha_helpers", *words),
    )
    return subprocess.run(["bash", "-c", line, "bash", *command], capture_output=True, text=True)


def is_done(pair: Lab, run: subprocess.Popen[bytes], target: str, known: set[Path]) -> None:
    assert run.wait(120) == 0
    (folder,) = set(records(pair)) - known
    story, told = read(folder), read_manifest(folder / "manifest.json")
    assert story.outcome == "done" and not story.broken
    assert not told.wrong and set(told.files) >= WHOLE
    executed = json.loads((folder / "notebook.ipynb").read_text("utf-8"))
    assert {cell["metadata"]["papermill"]["status"] for cell in executed["cells"]} == {"completed"}
    assert "✓ ok" in json.dumps(executed, ensure_ascii=False)
    other = "db0" if target == "db1" else "db1"
    assert writable(pair) == [target]
    assert ask(pair, target, "select application_name, state from pg_stat_replication") == [
        (other, "streaming")
    ]


def test_a_reader_who_leaves_and_a_full_disk_behind_stderr(pair: Lab) -> None:
    """`pgha run promote … 2>/dev/full | head -n 1`, in a locale without ticks."""
    known = set(records(pair))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with Path("/dev/full").open("wb") as full:
        run = promote(pair, "db1", stdout=subprocess.PIPE, stderr=full, env=environment)
    assert run.stdout
    run.stdout.readline()
    run.stdout.close()
    is_done(pair, run, "db1", known)
    done = pgha_in_bash("| head -n 1", "records", "list", str(pair.pair_file))
    assert done.returncode == 0 and not done.stderr, "of a list, too, only the head may be read"


def test_streams_that_were_closed(pair: Lab) -> None:
    known = set(records(pair))
    assert (
        pgha_in_bash(
            ">&- 2>&- <&-", "run", "verify", str(pair.pair_file), "-p", "light=true"
        ).returncode
        == 0
    )
    (folder,) = set(records(pair)) - known
    assert read(folder).outcome == "done" and not read_manifest(folder / "manifest.json").wrong


def test_a_terminal_that_goes_away_and_a_pipe_that_nobody_reads(pair: Lab) -> None:
    """The laptop is closed in mid-change: SIGHUP, no terminal any more, and `| less` at its first
    page.
    """
    known, (read_end, write_end), (master, slave) = set(records(pair)), os.pipe(), pty.openpty()
    os.write(write_end, b"x" * fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096))
    run = promote(
        pair,
        "db0",
        stdin=slave,
        stdout=write_end,
        stderr=slave,
        preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    wait_for_event(pair, "gate passed", known)
    os.close(master)  # the kernel of the machine sends SIGHUP
    wait_for_event(pair, "run ended", known)
    for end in (read_end, write_end):
        os.close(end)  # or it would wait some seconds for its reader, at the very end
    is_done(pair, run, "db0", known)
