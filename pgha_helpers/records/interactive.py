"""`pgha open`: JupyterLab on a parameterised copy, so that the source in git is never saved over."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .headless import EXECUTED, prepare, source_of


def copy_notebook(notebook: str, parameters: Mapping[str, Any], target: Path) -> Path:
    """Write a copy of a notebook with these parameters in a cell of their own."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from papermill.iorw import load_notebook_node, write_ipynb
    from papermill.parameterize import parameterize_notebook

    write_ipynb(parameterize_notebook(load_notebook_node(str(source_of(notebook))), dict(parameters)), str(target))
    return target


def prepare_copy(notebook: str, given: Mapping[str, Any]) -> Path:
    """A copy in a new record folder. Raises BadParameters."""
    asked, folder = prepare(notebook, given)
    return copy_notebook(
        notebook, {key: value for key, value in asked.items() if key in {"pair", *given}}, folder / EXECUTED
    )


def jupyterlab(root: Path, first: str, *, browser: bool = True) -> list[str]:
    """The command that opens JupyterLab of this virtual environment on `root`, on 127.0.0.1 only."""
    command = [sys.executable, "-m", "jupyterlab", "--ip=127.0.0.1", f"--ServerApp.root_dir={root}"]
    command += [f"--LabApp.default_url=/lab/tree/{first}", "--LabApp.news_url=None", "--LabApp.check_for_updates_class="
                "jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    return command


def open_notebook(notebook: str, given: Mapping[str, Any]) -> int:
    """Replace this process by JupyterLab on a copy of the notebook. Raises BadParameters."""
    copy = prepare_copy(notebook, given)
    print(f"Record: {copy.parent}", flush=True)
    command = jupyterlab(copy.parent, copy.name)
    os.execv(command[0], command)
