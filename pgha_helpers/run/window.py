"""The outage window: nothing of ours works in it that can wait, and what does is measured.

Every millisecond in it is one in which no client can write, and the processor may be the one that
PostgreSQL or its clients need. So what a run tells is kept until it is over, lines of the journal
are flushed to disk after it, the lag is not sampled, and garbage is collected later.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..wire import trips
from .checkout import ROAD

if TYPE_CHECKING:
    from .run import Run


_MOMENT = 0.2  # seconds


@dataclass
class Cost:
    """What a window has cost, once it is over.

    `processor` is in seconds, by process: this one, the one that runs its notebook, and those that
    were begun for the run. `trips` counts round trips by kind; see `wire.trips`.
    """

    processor: Mapping[str, float] = field(default_factory=dict)
    trips: Mapping[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def window(run: Run) -> Iterator[Cost]:
    """Until the block ends, however it does, nothing is done that can wait.

    Gives what it has cost, filled in then.
    """
    cost = Cost()
    with _alone(run), _uncollected(), run.journal.held(), run.untold():
        worked, asked = _processor(run), trips.counted()
        try:
            yield cost
        finally:
            cost.processor = {
                name: round(now - worked[name], 6) for name, now in _processor(run).items()
            }
            cost.trips = dict(trips.counted() - asked)


@contextlib.contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Nothing works beside the run.

    What waits for a node that is silent is not waited for, because it only waits.
    """
    held = run.beside.turn.acquire(timeout=_MOMENT)
    try:
        for leave in run.beside.leave if held else ():
            leave()
        yield
    finally:
        if held:
            run.beside.turn.release()


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _processor(run: Run) -> dict[str, float]:
    """Seconds of the processor that each of our processes has used so far.

    One that is gone is left out.
    """
    processes = {"kernel": os.getpid(), **run.processes}
    if os.environ.get(ROAD):  # else it is somebody's shell, or what runs the tests
        processes["engine"] = os.getppid()
    found = {}
    for name, pid in processes.items():
        with contextlib.suppress(OSError):
            # as clock_getcpuclockid(3) has it: of all its threads
            found[name] = time.clock_gettime(~pid << 3 | 2)
    return found
