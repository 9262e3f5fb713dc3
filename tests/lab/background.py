"""Runs in the background: `pgha run` in a process of its own, as cron would have it, what its
journal tells meanwhile, and its end by kill -9.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Container
from pathlib import Path

import psutil

from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import read

from ..embedded import Lab
from .servers import wait_for


def start(pair: Lab, notebook: str, *parameters: str) -> subprocess.Popen[str]:
    """`pgha run` in a process group of its own."""
    words = [word for parameter in parameters for word in ("-p", parameter)]
    command = [sys.executable, "-m", "pgha_helpers", "run", notebook, str(pair.pair_file), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kill(run: subprocess.Popen[str]) -> None:
    """The whole process group, at once. The kernel has a session of its own and lives on for up to
    a second.
    """
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def kill_all(run: subprocess.Popen[str]) -> None:
    """The process group and its kernel: within its second of life that might finish what it is
    at.
    """
    kernels = psutil.Process(run.pid).children(recursive=True)
    kill(run)
    for kernel in kernels:
        with contextlib.suppress(psutil.NoSuchProcess):
            kernel.kill()


def wait_for_event(
    where: Lab | Path, event: str, known: Container[Path] = (), within: float = 60
) -> None:
    """Wait until the journal of a record that was not known before tells of this event; the records
    are those of a pair, or in a folder.
    """
    folder = where if isinstance(where, Path) else where.folder / "records"

    def has_come() -> bool:
        new = (record for record in record_folders(folder) if record not in known)
        return any((it / "journal.jsonl").exists() and read(it).first(event) for it in new)

    assert wait_for(has_come, within, pause=0.002), f"no event {event!r} within {within} s"
