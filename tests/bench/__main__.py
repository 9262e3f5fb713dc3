"""`make bench`: what things cost, in tables. PGHA_BENCH_RUNS says how many rounds are measured
(default: 7).

`python -m tests.bench NAME...` runs only those that are named. A benchmark is a function that takes
a folder and a number of rounds, prints nothing, and gives headings and tables; the last ones are
kept in docs/bench.md. Machines are shared and noisy, so everything that is compared is measured in
turn, round by round, and compared within its run. Only a run that fails makes `make bench` fail; no
figure does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pgha_helpers.model.show import Table
from pgha_helpers.records.engine.signals import stopping

from . import cold_start, failover, rebuild, status, switchover
from .kept import DOCS, keep, machine, say

Measure = Callable[[Path, int], Iterator[tuple[str, Table]]]
PAGE, README = DOCS / "bench.md", DOCS.parent / "README.md"
BENCHES: dict[str, Measure] = {
    "cold-start": cold_start.measure,
    "switchover": switchover.measure,
    "switchover-busy": partial(switchover.measure, busy=True),
    "failover": failover.measure,
    "rebuild": rebuild.measure,
    "status": status.measure,
}


def main(*names: str) -> int:
    """Measure what is named, or everything. Gives the exit status."""
    if strangers := set(names) - set(BENCHES):
        sys.exit(
            f"there is no benchmark {', '.join(sorted(strangers))}: name some of "
            f"{', '.join(BENCHES)}"
        )
    rounds = int(os.environ.get("PGHA_BENCH_RUNS", "7"))
    if rounds < 1:
        sys.exit(f"PGHA_BENCH_RUNS is {rounds}; at least one round is needed")
    for name in names or BENCHES:
        with TemporaryDirectory(prefix="pgha-bench-") as private, stopping():
            # servers run as another user than root, in folders of their own below
            Path(private).chmod(0o711)
            ran = f"PGHA_BENCH_RUNS={rounds} python -m tests.bench {name}"
            circumstances, found = machine(Path(private), ran), []
            print(f"\n{name}: {circumstances}", flush=True)
            for heading, table in BENCHES[name](Path(private), rounds):
                print(f"\n{heading}\n\n{table}", flush=True)
                found.append((heading, table))
            keep(PAGE, name, circumstances, found)
            if name == "switchover":
                say(README, name, switchover.said(found[0][1].head, found[0][1].rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
