"""Commands as a user types them, with the time that they took."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 120.0  # seconds


@dataclass(frozen=True)
class Ran:
    """A command that ended well. Moments are seconds since the epoch, as the file system and notebooks tell them."""

    began: float
    ended: float
    worked: float  # seconds of the processor, of the command and of every process that it waited for
    said: str

    @property
    def seconds(self) -> float:
        """Wall time, from before the process was made until it was gone."""
        return self.ended - self.began

    @property
    def record(self) -> Path:
        """The record folder that `pgha run` names in its last words."""
        return Path(self.said.rpartition("Record: ")[2].strip())


def pgha(*words: str) -> Ran:
    """The pgha command of this virtual environment."""
    return timed("pgha", words)


def timed(program: str, words: Sequence[str]) -> Ran:
    """Run a program of this virtual environment. Exits with its last words if it fails."""
    command = [str(Path(sys.executable).with_name(program)), *words]
    began, before = time.time(), _worked()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST)
    ended, worked = time.time(), _worked() - before
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Ran(began, ended, worked, done.stdout)


def _worked() -> float:
    """Processor time of all processes that have ended here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
