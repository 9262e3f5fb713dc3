"""A checkout of its own whose verify notebook has one cell more: what `pgha run` does when that
cell misbehaves.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pgha_helpers.run.checkout import CHECKOUT

EVENT, LATER = "the-event", "the-later-one"


def altered_checkout(folder: Path, event: str, tags: tuple[str, ...] = ()) -> Path:
    """Copies the package and the notebooks; `event` is run after the first look, and another cell
    after it.
    """
    here = folder / "checkout"
    if not here.exists():
        shutil.copytree(
            CHECKOUT / "pgha_helpers",
            here / "pgha_helpers",
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copytree(CHECKOUT / "notebooks", here / "notebooks")
    told = json.loads((CHECKOUT / "notebooks" / "verify.ipynb").read_text())
    told["cells"] = [cell for cell in told["cells"] if not _draws("".join(cell["source"]))]
    place = (
        next(n for n, cell in enumerate(told["cells"]) if "look(run)" in "".join(cell["source"]))
        + 1
    )
    told["cells"][place:place] = [
        _cell(EVENT, event, tags),
        _cell(LATER, "print('it went on')", ()),
    ]
    (here / "notebooks" / "verify.ipynb").write_text(json.dumps(told))
    return here


def _draws(source: str) -> bool:
    """A cell that costs seconds and has nothing to do with how a run ends."""
    return "sample(" in source or "ready(" in source


def _cell(name: str, source: str, tags: tuple[str, ...]) -> dict[str, Any]:
    bare = {
        "cell_type": "code",
        "execution_count": None,
        "outputs": [],
        "metadata": {"tags": list(tags)},
    }
    return {**bare, "id": name, "source": source}


def start(checkout: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """`pgha` of that checkout, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pgha_helpers", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=checkout,
        env=environment_of(checkout, **environment),
        start_new_session=True,
    )


def environment_of(checkout: Path, **more: str) -> dict[str, str]:
    """As a user has it: a kernel that sees pytest's variable leaves what child processes print
    alone.
    """
    plain = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    return {**plain, "PYTHONPATH": str(checkout), **more}


def statuses(executed: Path) -> dict[str, Any]:
    """What papermill's metadata says of each cell, and under `exception` of the whole notebook."""
    told = json.loads(executed.read_text())
    # papermill's banners have none
    ours = [cell for cell in told["cells"] if "papermill" in cell["metadata"]]
    cells = {cell["id"]: cell["metadata"]["papermill"]["status"] for cell in ours}
    return {**cells, "exception": told["metadata"]["papermill"]["exception"]}
