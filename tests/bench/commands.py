"""Commands as a user types them, with the time that they took."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_LONGEST = 120.0  # seconds


@dataclass(frozen=True, order=True)
class Memory:
    """Bytes of several processes: `pss` counts a page that some of them share once, `rss` for each
    of them.
    """

    pss: int = 0
    rss: int = 0


@dataclass(frozen=True)
class Ran:
    """A command that ended well. Moments are seconds since the epoch, as the file system and
    notebooks tell them.
    """

    began: float
    ended: float
    # seconds of the processor, of the command and of every process that it waited for
    worked: float
    said: str
    # the most that the command and its children held at once, if that was asked for
    memory: Memory | None = None

    @property
    def seconds(self) -> float:
        """Wall time, from before the process was made until it was gone."""
        return self.ended - self.began

    @property
    def record(self) -> Path:
        """The record folder that `pgha run` names in its last words."""
        return Path(self.said.rpartition("Record: ")[2].strip())


def pgha(*words: str, weigh: bool = False, okay: Container[int] = (0,)) -> Ran:
    """The pgha command of this virtual environment."""
    return timed("pgha", words, weigh, okay)


def timed(
    program: str, words: Sequence[str], weigh: bool = False, okay: Container[int] = (0,)
) -> Ran:
    """Run a program of this virtual environment. Exits with its last words if it fails, which is
    every exit code that is not `okay`.
    """
    command = [str(Path(sys.executable).with_name(program)), *words]
    began, before = time.time(), _worked()
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with run, Scales(run.pid, weigh) as scales:
        try:
            said, complained = run.communicate(timeout=_LONGEST)
        finally:
            run.kill()
    ended, worked = time.time(), _worked() - before
    if run.returncode not in okay:
        sys.exit(
            f"{' '.join(command)} ended with {run.returncode}:\n{said[-2000:]}{complained[-2000:]}"
        )
    return Ran(began, ended, worked, said, scales.most if weigh else None)


class Scales:
    """Weighs a process and its children ten times a second, from the beginning of a block until its
    end, if asked to.

    `most` is the greatest sum of their memory.
    """

    def __init__(self, pid: int, weigh: bool) -> None:
        self.most = Memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._weigh, args=(pid,))
        if weigh:
            self._thread.start()

    def __enter__(self) -> Scales:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident:
            self._thread.join()

    def _weigh(self, pid: int) -> None:
        while not self._over.wait(0.1):
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(pid)
                self.most = max(self.most, _memory([root, *root.children(recursive=True)]))


def _memory(processes: Iterable[psutil.Process]) -> Memory:
    shared = resident = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            told = process.memory_full_info()
            shared, resident = shared + told.pss, resident + told.rss
    return Memory(shared, resident)


def _worked() -> float:
    """Processor time of all processes that have ended here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
