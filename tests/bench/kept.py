"""Pages of `docs/` that hold the last figures: a section per benchmark or trial, with the machine
that it ran on.
"""

from __future__ import annotations

import os
import re
import textwrap
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

from pgha_helpers.model.show import Table
from pgha_helpers.run.checkout import CHECKOUT

DOCS = CHECKOUT / "docs"
_SYNCS = 50
_PAGE = 8192  # bytes, as PostgreSQL writes them


def keep(
    page: Path, name: str, circumstances: str, found: Iterable[tuple[str, Table]], picture: str = ""
) -> None:
    """Put a section in the place of the one with its name, or at the end of the page."""
    blocks = [
        f"## {name}\n\n{circumstances}\n",
        *(f"**{heading}**\n\n{markdown(table)}\n" for heading, table in found),
    ]
    if picture:
        blocks.append(f"![{name}]({picture})\n")
    section = "\n".join(blocks)
    text = page.read_text()
    old = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if old.search(text):
        new = old.sub(lambda _: f"{section}\n", text)
    else:
        new = f"{text.rstrip()}\n\n{section}"
    page.write_text(new.rstrip() + "\n")


def say(page: Path, name: str, sentence: str) -> None:
    """Put a sentence between the marks that a page has for it."""
    begin, end = f"<!-- {name}: by `make bench` -->", f"<!-- /{name} -->"
    old = re.compile(rf"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = page.read_text()
    told = "\n".join(textwrap.wrap(sentence, 120, break_long_words=False, break_on_hyphens=False))
    page.write_text(old.sub(lambda _: f"{begin}\n{told}\n{end}", text))


def markdown(table: Table) -> str:
    """The table as GitHub draws it."""
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )


def machine(folder: Path, ran: str) -> str:
    """A sentence each: what was run and when, on what, and how busy everything was."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    told: Sequence[str] = (
        f"`{ran}`, {datetime.now(UTC):%Y-%m-%d %H:%MZ}",
        f"{os.cpu_count()} cores, {memory:.0f} GB of memory, all on one machine",
        f"8 kB written and synced in {_sync(folder) * 1000:.2f} ms (median)",
        f"load average {os.getloadavg()[0]:.1f} before",
    )
    return "; ".join(told) + "."


def _sync(folder: Path) -> float:
    """Seconds that it takes to write a page and have it on disk."""
    took = []
    with TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(_PAGE), 0)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return median(took)
