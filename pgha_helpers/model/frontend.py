"""The front end, if there is one: the notebook's IPython, and whether a person sits there who can
be asked.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any


def shell() -> Any:
    """The IPython shell that runs this cell, or None outside of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def somebody() -> bool:
    """Whether the front end can be asked: papermill and nbconvert cannot."""
    return bool(getattr(getattr(shell(), "kernel", None), "_allow_stdin", False))


def watched() -> bool:
    """Whether somebody sees a bar move. Neither a log nor a record wants every look of it."""
    return somebody() or (not shell() and sys.stderr.isatty())


@dataclass(frozen=True)
class LiveOutput:
    """An output that can be drawn again, by its handle, and its cell, by its execution count."""

    handle: Any
    cell: int

    @property
    def is_here(self) -> bool:
        """Whether it belongs to the cell that runs now."""
        return bool(self.cell == shell().execution_count)
