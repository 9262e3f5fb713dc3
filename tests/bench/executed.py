"""When things happened in a run, by what it leaves anyhow: the executed notebook, and the times of
the record's files.

So the product needs no instruments, and what is measured is what users run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .commands import Ran


@dataclass(frozen=True)
class Cell:
    """A code cell of an executed notebook, under the nearest heading above it."""

    heading: str
    source: str
    seconds: float


@dataclass(frozen=True)
class Executed:
    """An executed notebook: its code cells, and when it, its first cell and its last one began and
    ended.
    """

    cells: list[Cell]
    began: float
    first: float
    last: float
    ended: float


def read_executed(path: Path) -> Executed:
    """Read what papermill's metadata tell."""
    told = json.loads(path.read_text("utf-8"))
    heading, cells = "", []
    for cell in told["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = text.partition("\n")[0].lstrip("# ")
        elif cell["cell_type"] == "code":
            cells.append(Cell(heading, text, cell["metadata"]["papermill"]["duration"]))
    times = [cell["metadata"]["papermill"] for cell in told["cells"]]
    whole = told["metadata"]["papermill"]
    first, last = _moment(times[0], "start_time"), _moment(times[-1], "end_time")
    return Executed(cells, _moment(whole, "start_time"), first, last, _moment(whole, "end_time"))


def stages(ran: Ran) -> dict[str, float]:
    """Where the seconds of one `pgha run` went, in the order in which they passed; together they
    are all of them.
    """
    notebook = read_executed(ran.record / "notebook.ipynb")
    report, manifest = (
        max(_written(ran.record / name), notebook.ended)
        for name in ("report.html", "manifest.json")
    )
    cells: dict[str, float] = {}
    for cell in notebook.cells:
        cells[cell.heading] = cells.get(cell.heading, 0.0) + cell.seconds
    return {
        "Python, imports, parameters": notebook.began - ran.began,
        "the kernel starts": notebook.first - notebook.began,
        **cells,
        "between cells: the notebook is saved": notebook.last
        - notebook.first
        - sum(cells.values()),
        "the kernel ends": notebook.ended - notebook.last,
        "the report is made": report - notebook.ended,
        "the manifest is made": manifest - report,
        "older records, and Python ends": ran.ended - manifest,
    }


def _moment(told: Mapping[str, Any], key: str) -> float:
    return datetime.fromisoformat(told[key]).timestamp()


def _written(path: Path) -> float:
    """When a file was written; the name that it got by rename keeps that time."""
    return path.stat().st_mtime
