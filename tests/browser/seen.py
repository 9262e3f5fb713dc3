"""What tests in the browser ask the servers and the records."""

from __future__ import annotations

import json
from pathlib import Path

from ..conftest import pgha
from ..embedded import Lab
from ..lab.servers import records

LOST = "The page lost this cell's output; the journal has:"


def newest(pair: Lab, notebook: str) -> Path:
    """The newest record of a notebook."""
    return [folder for folder in records(pair) if f"-{notebook}-" in folder.name][-1]


def verified(pair: Lab) -> None:
    """Every record of the pair is whole."""
    done = pgha("records", "verify", str(pair.pair_file))
    assert done.returncode == 0, done.stdout + done.stderr


def outputs(record: Path) -> str:
    """All that the cells of a record's notebook have said, as text."""
    notebook = json.loads((record / "notebook.ipynb").read_text())
    return json.dumps([cell.get("outputs") for cell in notebook["cells"]], ensure_ascii=False)
