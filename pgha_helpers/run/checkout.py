"""Where the product itself lies, and how its programs start and tell each other where a record is.

A run is begun wherever somebody stands, and what lies there may be anybody's: no program of ours
takes modules, templates or settings from the working directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..model.here import here

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent  # where the package is imported from, with the rest beside it, if any
#: Links in a checkout, folders of their own in a package that was built and installed.
SOURCES = (PACKAGE / "notebooks").resolve()
EXAMPLE = PACKAGE / "parameters" / "example.yaml"
_INSTALLED = not (CHECKOUT / "notebooks").is_dir()
#: What an operator has, a record or a pair file, lies in a checkout or at home, but never among
#: Python's packages.
PARAMETERS = () if _INSTALLED else (CHECKOUT / "parameters",)
HOME = Path(here("~/.local/share/pgha")) if _INSTALLED else CHECKOUT
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
