"""The question that verify ends with, answered as `pgha status` answers it."""

from __future__ import annotations

from pathlib import Path

from ..judgement.checks import readiness
from ..judgement.checks.readiness import Readiness
from ..model import Snapshot, Verdicts
from ..run.events import NOT_WRITTEN, READY
from ..run.run import Run
from .status import PairStatus, told_of


def ready(run: Run, now: Snapshot, verdicts: Verdicts) -> Readiness:
    """Could the primary be moved now, or lost, and at what cost: two verdicts, for the journal.

    `now` is a close look, and `verdicts` what HEALTHY says of it. Where the pair file names a file
    for Prometheus it is written; that it could not be is said, and changes no outcome.
    """
    found = readiness(now, verdicts, run.history.past())
    run.journal.write(READY, **found.told)
    if run.pair.prometheus:
        _write(run, told_of(now, verdicts, found))
    return found


def _write(run: Run, told: PairStatus) -> None:
    from .prometheus import write_prometheus

    file = Path(run.pair.prometheus)
    try:
        write_prometheus(file, [told])
    except OSError as error:
        because = str(error.strerror or error)
        run.journal.write(NOT_WRITTEN, file=str(file), because=because)
        print(f"{file} CANNOT BE WRITTEN ({because}). The run goes on.", flush=True)
