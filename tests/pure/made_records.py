"""Records that a made-up run has left, whole or not."""

from __future__ import annotations

from pathlib import Path

from pgha_helpers.model import Pair
from pgha_helpers.records.making.folder import FolderLock
from pgha_helpers.records.making.numbering import make_folder, new_id
from pgha_helpers.records.making.seal import seal
from pgha_helpers.records.reading.verification import Verified
from pgha_helpers.run.journal import Journal, read


def ran(found: Pair, operator: str = "Ann", **end: str) -> Path:
    """The record of a run that has ended, complete."""
    folder = left(found, operator, **(end or {"outcome": "done"}))
    with FolderLock(folder):
        seal(folder, read(folder), found, "a test")
    return folder


def left(found: Pair, operator: str = "Ann", **end: str) -> Path:
    """What a run leaves whose program was killed before it could complete the record."""
    folder = make_folder(found, "verify", new_id())
    journal = Journal(folder)
    journal.write(
        "run begun", run=folder.name[-8:], pair=found.name, notebook="verify", operator=operator
    )
    if end:
        journal.write("run ended", **end)
    journal.close()
    return folder


def found_in(done: Verified) -> list[str]:
    return [finding.what for finding in done.findings]
