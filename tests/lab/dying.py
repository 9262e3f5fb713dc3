"""A runbook that is killed with -9: in a process of its own, at a boundary between two deeds or at
any instant.

Boundaries are counted from 1 in the order of the journal: each deed has two, after the line that
announces it (nothing of it was done yet) and after the line that tells its end. The process kills
itself there, so none is missed by a moment; what runs on the nodes for it is left to find out by
itself, as after any kill.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.journal import Journal, read

from ..embedded import Lab
from .runs import carry_out
from .servers import records

#: What is random in a test follows from it.
SEED = int(os.environ.get("PGHA_SEED", "0")) or random.randrange(10**6)
_BOUNDARIES = {"deed begun": "before", "deed ended": "after", "deed failed": "after"}
_PAST_THE_GATE = "Consent given"
_LONGEST = 120.0  # seconds


@dataclass(frozen=True)
class Words:
    """What a run is started with, and started again with: a notebook, its consent, its other
    parameters.
    """

    notebook: str
    consent: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


#: Carries a procedure out and kills it; gives where it died (`after db0: stop it`), or nothing
#: where it ended before.
Death = Callable[[Lab, Words], str]


def at_boundary(number: int | str) -> Death:
    """Killed by itself at this boundary, counted from 1; 0 is never. Words: before the deed that is
    announced so, as in "db1: start the server".
    """

    def death(pair: Lab, words: Words) -> str:
        return _ended(pair, _started(pair, words, number))

    return death


def at_instant(seconds: float) -> Death:
    """Killed by its parent so long after the gate let it through."""

    def death(pair: Lab, words: Words) -> str:
        process = _started(pair, words, 0)
        assert process.stdout
        said = []
        while (line := process.stdout.readline()) and not line.startswith(_PAST_THE_GATE):
            said.append(line)
        if line:
            time.sleep(seconds)
            process.kill()
        return _ended(pair, process, "".join(said))

    return death


def _started(pair: Lab, words: Words, boundary: int | str) -> subprocess.Popen[str]:
    told = json.dumps({**asdict(words), "boundary": boundary, "pair": str(pair.pair_file)})
    command = [sys.executable, "-m", __name__, told]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, cwd=CHECKOUT, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]


def _ended(pair: Lab, process: subprocess.Popen[str], said: str = "") -> str:
    """Where it died. Raises AssertionError with all that it said where it failed by itself."""
    try:
        said += process.communicate(timeout=_LONGEST)[0]
    finally:
        process.kill()
    if process.returncode == 0:
        return ""
    if process.returncode != -signal.SIGKILL:
        raise AssertionError(f"the run that was to be killed failed by itself:\n{said[-3000:]}")
    events = [
        event for event in read(list(records(pair))[-1]).events if event["event"] in _BOUNDARIES
    ]
    if events:
        return f"{_BOUNDARIES[events[-1]['event']]} {events[-1]['node']}: {events[-1]['did']}"
    return "at its gate"


def _die_at(boundary: int | str) -> None:
    """Let this process kill itself as soon as the journal has that line."""
    write, passed = Journal.write, count(1)

    def mortal(journal: Journal, event: str, **facts: Any) -> None:
        write(journal, event, **facts)
        announced = f"{facts['node']}: {facts['did']}" if event == "deed begun" else ""
        if (isinstance(boundary, str) and boundary in announced) or (
            event in _BOUNDARIES and next(passed) == boundary
        ):
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.write = mortal  # type: ignore[method-assign]


def main(told: str) -> None:
    """Carry out what a parent asks for, and die where it says."""
    asked = json.loads(told)
    _die_at(asked["boundary"])
    carry_out(Path(asked["pair"]), asked["notebook"], asked["consent"], **asked["parameters"])


if __name__ == "__main__":
    main(sys.argv[1])
