"""A folder of records as a table: what each journal says, and never more."""

from __future__ import annotations

from pathlib import Path

from ..journal import NAME, read
from ..show import Table
from .summary import summarise


def listing(folder: Path) -> Table:
    """A row per run, the newest first. A run whose journal has no end and no writer was interrupted."""
    found = sorted((path.parent for path in folder.glob(f"*/{NAME}")), reverse=True)
    return Table(("began", "run", "notebook", "outcome", "changed", "outage", "reason"), [_row(path) for path in found])


def _row(folder: Path) -> tuple[str, ...]:
    told = summarise(read(folder))
    outage = f"{told['outage_seconds'] * 1000:.0f} ms" if told["outage_seconds"] else ""
    changed = "yes" if told["changed"] else "no"
    words = [told["began"], told["run"], told["notebook"], told["outcome"], changed, outage, told["reason"]]
    return tuple(str(word or "") for word in words)
