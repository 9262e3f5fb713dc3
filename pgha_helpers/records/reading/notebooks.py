"""The executed notebook of a record: which runs it shows, and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...model.foreign import ODD

NOTEBOOK = "notebook.ipynb"
#: What papermill writes above the parameters that it puts into a notebook, and what we write.
PAPERMILLS = "Parameters"
TYPED = "What was typed for this run. It replaces the defaults above, which are explained there."


def load_notebook(path: Path) -> dict[str, Any] | None:
    """A notebook, or None if there is no readable one."""
    try:
        told = json.loads(path.read_text("utf-8"))
        whole = all(isinstance(cell, dict) for cell in told["cells"])
        return told if isinstance(told["cells"], list) and whole else None
    except (OSError, *ODD):
        return None


def runs_shown(notebook: dict[str, Any]) -> list[str]:
    """The ids of the runs whose first cell's output stands in the notebook."""
    return [mark["run"] for mark in _marks(notebook)]


def record_shown(notebook: dict[str, Any]) -> Path | None:
    """The record folder of the newest run that a notebook shows, or None."""
    found = [Path(mark["record"]) for mark in _marks(notebook)]
    return found[-1] if found else None


def _marks(notebook: dict[str, Any]) -> list[dict[str, str]]:
    """What `begin` leaves beside the table that it shows."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs") or ()]
    metadata = [output.get("metadata") for output in outputs if isinstance(output, dict)]
    marks = [told.get("pgha") for told in metadata if isinstance(told, dict)]
    return [mark for mark in marks if isinstance(mark, dict) and mark.keys() >= {"run", "record"}]
