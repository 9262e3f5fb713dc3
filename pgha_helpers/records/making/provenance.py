"""Where a run comes from: which notebook, which code, by which road, and which run it continues."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...model.foreign import text_of
from ...run.checkout import CHECKOUT, HOME, RECORD, ROAD, SOURCES
from ...run.journal import read
from .folder import id_of, record_folders, record_name_of

_PACKAGES = (
    "pgha_helpers",
    "papermill",
    "ipykernel",
    "psycopg2-binary",
    "paramiko",
    "pandas",
    "matplotlib",
)


def provenance(notebook: str, folder: Path) -> dict[str, Any]:
    """What the journal's first line tells about the code; `folder` is the run's record folder."""
    source = SOURCES / f"{notebook}.ipynb"
    return {
        "road": way_of_running(folder),
        # set by JupyterLab's server for the kernels that it starts
        "file": _file(),
        "source": hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else "",
        "git": _git(),
        "version": version("pgha_helpers"),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    }


def _file() -> str:
    """The notebook's file, by its own name: JupyterLab has it open by another one."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    return os.path.realpath(name) if name else ""


def way_of_running(folder: Path) -> str:
    """`pgha run`, `pgha open`, `jupyter` (another JupyterLab), or `papermill` (any other way)."""
    if os.environ.get(RECORD):
        return os.environ.get(ROAD, "")
    return "jupyter" if os.environ.get("JPY_SESSION_NAME") else "papermill"


def cells_of(notebook: str) -> dict[str, str]:
    """The source's code cells: digest of the text -> cell id.

    A cell that was edited by hand is not among them.
    """
    try:
        cells = json.loads((SOURCES / f"{notebook}.ipynb").read_text("utf-8"))["cells"]
    except (OSError, ValueError, LookupError):
        return {}
    return {
        digest("".join(cell["source"])): cell["id"] for cell in cells if cell["cell_type"] == "code"
    }


def digest(text: str) -> str:
    """SHA-256 of a cell's text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def unfinished(notebook: str, pair: str, records: Path, own: Path) -> str:
    """The id of the newest earlier run of this notebook on this pair, if it did not end.

    Else empty. After a restart of the kernel that is the run before it.
    """
    for folder in record_folders(records):
        name = record_name_of(folder)
        if folder == own or not name or (name.pair, name.notebook) != (pair, notebook):
            continue
        try:
            story = read(folder)
        except OSError:
            continue
        return id_of(folder) if story.outcome in ("interrupted", "abandoned", "failed") else ""
    return ""


def _git() -> dict[str, Any] | None:
    """Commit of the checkout, and whether what is executed has changes; None outside a git one.

    An installed package may lie inside somebody's repository, which says nothing of it.
    """
    if HOME != CHECKOUT:
        return None

    def git(*words: str) -> str:
        # which names a program
        command = ["git", "-C", str(CHECKOUT), "-c", "core.fsmonitor=false", *words]
        return text_of(
            subprocess.run(command, capture_output=True, check=True, timeout=5).stdout
        ).strip()

    try:
        changes = git("status", "--porcelain", "--", "pgha_helpers", "notebooks")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changes)}
    except (OSError, subprocess.SubprocessError):
        return None
