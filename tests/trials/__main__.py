"""`make trials`: repetitions. PGHA_TRIALS says how many of each (default: 50 switchovers, 100
proofs, 30 failovers, 5 bad nights, 10 random instants of each procedure at which the runbook is
killed, each edit of an archive 4 times, each version there and back once).

`python -m tests.trials NAME...`, or `make trials NAME...`, runs only those that are named. The last
tables are kept in docs/trials.md, that of all versions in docs/versions.md. A lost row, a
switchover that is refused with nothing in the way, a bad night that fails, a death after which a
second run does not converge or an edit that is never found makes the exit status 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pgha_helpers.records.engine.signals import stopping

from ..bench.kept import DOCS, keep, machine
from .back_and_forth import proofs, switchovers
from .failovers import failovers
from .killed import killed
from .nights import nights
from .tampering import tampering
from .trial import Outcome
from .versions import versions

PAGE = DOCS / "trials.md"
TRIALS: dict[str, tuple[Callable[[Path, int], Outcome], int]] = {
    "switchovers": (switchovers, 50),
    "proofs": (proofs, 100),
    "failovers": (failovers, 30),
    "nights": (nights, 5),
    "killed": (killed, 10),
    "tampering": (tampering, 4),
    "versions": (versions, 1),
}
#: Where the table of a trial is kept that has a page of its own.
_PAGES = {"versions": DOCS / "versions.md"}


def main(*names: str) -> int:
    """Run what is named, or everything. Gives the exit status."""
    if strangers := set(names) - set(TRIALS):
        sys.exit(
            f"there is no trial {', '.join(sorted(strangers))}: name some of {', '.join(TRIALS)}"
        )
    asked = os.environ.get("PGHA_TRIALS", "")
    if asked and not (asked.isdecimal() and int(asked)):
        sys.exit(f"PGHA_TRIALS is {asked!r}; it must be a number from 1 on")
    bad = [name for name in names or TRIALS if _run(name, int(asked or TRIALS[name][1]))]
    return 1 if bad else 0


def _run(name: str, count: int) -> bool:
    """Run one, print and keep what it gives; whether anything happened that must not."""
    with TemporaryDirectory(prefix="pgha-trials-") as private, stopping():
        circumstances = machine(Path(private), f"PGHA_TRIALS={count} python -m tests.trials {name}")
        print(f"\n{name}: {circumstances}", flush=True)
        outcome = TRIALS[name][0](Path(private), count)
    faults = [f"FAULT: {fault}" for fault in outcome.faults]
    print("\n".join(["", outcome.heading, "", str(outcome.table), *faults]), flush=True)
    told = " ".join([circumstances, *faults])
    keep(_PAGES.get(name, PAGE), name, told, [(outcome.heading, outcome.table)], outcome.picture)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
