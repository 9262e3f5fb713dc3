"""`make bench`: what things cost, in tables. PGHA_BENCH_RUNS says how many rounds are measured (default: 7).

A benchmark is a module with a function that takes a pair that is set up and a number of rounds, prints nothing, and
gives headings and tables. Machines are shared and noisy, so everything that is compared is measured in turn, round by
round, and compared within its round. Only a run that fails makes `make bench` fail; no figure does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pgha_helpers import lab
from pgha_helpers.engine.signals import stopping
from pgha_helpers.show import Table

from . import cold_start
from .commands import pgha

BENCHES: tuple[Callable[[lab.Lab, int], Iterator[tuple[str, Table]]], ...] = (cold_start.measure,)


def main() -> int:
    """Measure everything on one embedded pair, which is taken down whatever happens. Gives the exit status."""
    rounds = int(os.environ.get("PGHA_BENCH_RUNS", "7"))
    if rounds < 1:
        sys.exit(f"PGHA_BENCH_RUNS is {rounds}; at least one round is needed")
    with TemporaryDirectory(prefix="pgha-bench-") as private, stopping():
        folder = Path(private, "lab")
        try:
            pair = lab.up(folder)
            pgha("run", "setup", str(pair.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
            for bench in BENCHES:
                for heading, table in bench(pair, rounds):
                    print(f"\n{heading}\n\n{table}", flush=True)
        finally:
            lab.down(folder, remove=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
