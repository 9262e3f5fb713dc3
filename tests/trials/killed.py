"""The runbook killed with -9 at every boundary between two deeds, and at random instants, then run
again.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pgha_helpers.model.show import Table

from ..bench.pairs import pair_of
from ..bench.switchover.nodes import PROGRAMS, Nodes
from ..lab.converging import PROCEDURES, Told
from ..lab.dying import SEED, Death, at_boundary, at_instant
from .trial import Outcome

_AT_MOST = 200  # boundaries; a procedure that has more never ends


@dataclass(frozen=True)
class Series:
    """One procedure: what was seen of it at each boundary in order, the last one past its end; then
    at each instant.
    """

    name: str
    boundaries: Sequence[Told]
    instants: Sequence[Told]


def killed(folder: Path, count: int) -> Outcome:
    """Every boundary of a failover and of each rebuild, and `count` random instants of each."""
    if not shutil.which("rsync"):
        sys.exit("a rebuild by rsync is one of these procedures: apt-get install rsync")
    print(f"  PGHA_SEED={SEED}", flush=True)
    chance, found = random.Random(SEED), []
    for number, name in enumerate(PROCEDURES):
        with _Pairs(folder / str(number)) as pairs:
            found.append(_series(pairs, name, count, chance))
    head = (
        "procedure",
        "killed at",
        "times",
        "converged",
        "overlaps of writable nodes",
        "acknowledged rows lost",
    )
    rows = [row for series in found for row in _rows(series)]
    faults = [
        f"{series.name}, {fault}"
        for series in found
        for told in (*series.boundaries, *series.instants)
        for fault in told.faults
    ]
    heading = (
        f"The runbook killed with -9 on PostgreSQL {pairs.version}, then run again with "
        f"the same words; seed {SEED}"
    )
    return Outcome(heading, Table(head, rows), faults)


class _Pairs:
    """A pair at a time, and a new one after whatever went wrong on it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._opened, self._made = folder, contextlib.ExitStack(), 0
        self.version = ""

    def __enter__(self) -> _Pairs:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _open(self) -> None:
        self._opened.close()
        self._made += 1
        place = pair_of(self._folder / str(self._made), PROGRAMS if PROGRAMS.is_dir() else None)
        self._pair = self._opened.enter_context(place)
        self.version = Nodes.of(self._pair).version

    def once(self, name: str, death: Death) -> Told:
        """Carry a procedure out, killed and run again; what it said is shown only where something
        went wrong.
        """
        said, told = io.StringIO(), Told()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                told = PROCEDURES[name](self._pair, death)
        except Exception as error:  # whatever it is, the other boundaries are still to be tried
            told.fault(f"{type(error).__name__}: {error}")
        if told.faults:
            print(f"{said.getvalue()[-4000:]}\n  FAULT: {'; '.join(told.faults)}", flush=True)
            self._open()
        return told


def _series(pairs: _Pairs, name: str, count: int, chance: random.Random) -> Series:
    """Every boundary until one lies past the end, which tells how long the whole takes; then
    instants within that.
    """
    boundaries: list[Told] = []
    while len(boundaries) < _AT_MOST and not (
        boundaries and not boundaries[-1].died and not boundaries[-1].faults
    ):
        boundaries.append(pairs.once(name, at_boundary(len(boundaries) + 1)))
        print(f"  {name}, {len(boundaries)}: {boundaries[-1].died or 'ended'}", flush=True)
    instants = []
    for number in range(1, count + 1):
        instants.append(pairs.once(name, at_instant(chance.uniform(0, boundaries[-1].seconds))))
        print(f"  {name}, instant {number} of {count}: {instants[-1].died or 'ended'}", flush=True)
    return Series(name, boundaries[:-1], instants)


def _rows(series: Series) -> list[Sequence[str]]:
    kinds = (("every boundary", series.boundaries), ("random instants", series.instants))
    return [
        (
            series.name,
            kind,
            f"{len(each)}",
            f"{sum(told.converged for told in each)}",
            f"{sum(told.overlaps for told in each)}",
            f"{sum(told.lost for told in each)}",
        )
        for kind, each in kinds
        if each
    ]
