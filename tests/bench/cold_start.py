"""What `pgha run` costs beyond its cells: a kernel's start and end, imports, and the completion of
the record.

The same cells are run in a kernel that has run them before, and an empty notebook by plain
papermill, in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from pgha_helpers.model.show import Table

from ..embedded import Lab
from .commands import Ran, pgha, timed
from .executed import Cell, read_executed, stages
from .pairs import pair_of
from .warm import WarmKernel

TARGET = 1.3  # seconds that `pgha run` may cost beyond what the same cells take in a warm kernel
_KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


@dataclass(frozen=True)
class Round:
    """What one round measured; `warm` by heading, as `cold` has it."""

    empty: Ran
    run: Ran
    cold: Mapping[str, float]
    warm: Mapping[str, float]
    worked: float  # seconds of the processor in the warm kernel

    @property
    def beyond(self) -> float:
        """Seconds of `pgha run` beyond the cells in a warm kernel."""
        return self.run.seconds - self.warm_seconds

    @property
    def warm_seconds(self) -> float:
        """Seconds of all cells in the warm kernel."""
        return sum(self.warm.values())


def measure(folder: Path, rounds: int) -> Iterator[tuple[str, Table]]:
    """The cold start and where it goes: headings and tables. One round before the first is not
    counted.
    """
    with pair_of(folder / "lab") as pair:
        source = _empty_notebook(pair.folder)
        cells = read_executed(_verify(pair).record / "notebook.ipynb").cells
        with WarmKernel() as kernel:
            found = [_round(pair, source, kernel, cells) for _ in range(rounds + 1)][1:]
    yield f"Cold start: {rounds} rounds in turn, {_jupyterlab()}", _figures(found)
    yield "Where the milliseconds of pgha run go (medians)", _places(found)


def _round(pair: Lab, source: Path, kernel: WarmKernel, cells: Sequence[Cell]) -> Round:
    empty = timed(
        "papermill",
        ["--no-progress-bar", str(source), str(source.with_name("empty-executed.ipynb"))],
    )
    run = _verify(pair)
    before, warm = kernel.worked, dict.fromkeys((cell.heading for cell in cells), 0.0)
    for cell, seconds in zip(cells, kernel.run([cell.source for cell in cells]), strict=True):
        warm[cell.heading] += seconds
    return Round(empty, run, stages(run), warm, kernel.worked - before)


def _verify(pair: Lab) -> Ran:
    return pgha("run", "verify", str(pair.pair_file), "-p", "light=true")


def _empty_notebook(folder: Path) -> Path:
    path = folder / "empty.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell("pass")], metadata={"kernelspec": _KERNELSPEC}), path
    )
    return path


def _figures(found: Sequence[Round]) -> Table:
    rows = [
        _row(
            "an empty notebook, plain papermill",
            [r.empty.seconds for r in found],
            [r.empty.worked for r in found],
        ),
        _row(
            "pgha run verify, light", [r.run.seconds for r in found], [r.run.worked for r in found]
        ),
        _row(
            "the same cells, in a warm kernel",
            [r.warm_seconds for r in found],
            [r.worked for r in found],
        ),
        _row(
            "what pgha run costs beyond them",
            [r.beyond for r in found],
            [r.run.worked - r.worked for r in found],
        ),
        ("  the target", f"{TARGET:.2f} s", "", "", ""),
        _row("  over the empty notebook", [r.beyond / r.empty.seconds for r in found], unit="x"),
    ]
    return Table(("", "median", "min", "max", "processor, median"), rows)


def _row(
    name: str, values: Sequence[float], worked: Sequence[float] = (), unit: str = "s"
) -> tuple[str, ...]:
    wall = (f"{value:.2f} {unit}" for value in (median(values), min(values), max(values)))
    return (name, *wall, f"{median(worked):.2f} s" if worked else "")


def _places(found: Sequence[Round]) -> Table:
    """A row per stage: how long it took, how long the same cells took in the warm kernel, and the
    difference.
    """
    rows = []
    for stage in found[0].cold:
        cold, warm = [r.cold[stage] for r in found], [r.warm.get(stage, 0.0) for r in found]
        beyond = [one - other for one, other in zip(cold, warm, strict=True)]
        rows.append((stage, _ms(cold), _ms(warm) if stage in found[0].warm else "", _ms(beyond)))
    everything = (
        [r.run.seconds for r in found],
        [r.warm_seconds for r in found],
        [r.beyond for r in found],
    )
    return Table(
        ("ms", "pgha run", "warm kernel", "beyond"), [*rows, ("all", *map(_ms, everything))]
    )


def _ms(values: Sequence[float]) -> str:
    return f"{median(values) * 1000:.0f}"


def _jupyterlab() -> str:
    """It matters: papermill loads what comes with it."""
    try:
        return f"JupyterLab {version('jupyterlab')} installed"
    except PackageNotFoundError:
        return "JupyterLab not installed"
