"""Where the product itself lies, and how its programs start and tell each other where a record is.

A run is begun wherever somebody stands, and what lies there may be anybody's: no program of ours
takes modules, templates or settings from the working directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# environment: the folder for the kernel's first run, or a file that holds its name
RECORD = "PGHA_RECORD"
ROAD = "PGHA_ROAD"  # environment: `pgha run` or `pgha open`


def python(module: str, *words: str) -> list[str]:
    """The command that runs a module by this very Python. It is to have the environment below."""
    return [sys.executable, "-P", "-m", module, *words]


def environment(**more: str) -> dict[str, str]:
    """This process's environment for a Python of ours, and for those that it starts in turn.

    An empty or a relative folder in PYTHONPATH is the working directory, or lies in it.
    """
    folders = filter(os.path.isabs, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(folders), **more}
