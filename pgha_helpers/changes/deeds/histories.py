"""The histories of timelines, where a standby does not learn of them by streaming."""

from __future__ import annotations

from ...facts.disk import read_disk
from ...facts.files import read_file
from ...model import DeedKind, dialect
from ...run.run import Run
from .files import write_file


def bring_histories(run: Run, node: str, source: str) -> None:
    """Have a node that is stopped know every timeline that the source knows, before it starts.

    Up to 9.2 it else never streams from a promoted node: "timeline 2 of the primary does not match
    recovery target timeline 1", for ever.
    """
    door, theirs = run.doors[node], run.doors[source]
    if dialect.has("follows_by_streaming", door.programs() or dialect.NEWEST):
        return
    words = f"bring the histories of timelines over from {source}"
    with run.deed(node, words, DeedKind.COPY_HISTORIES) as deed:
        changed = [
            write_file(door, f"{door.wal}/{name}", read_file(theirs, f"{theirs.wal}/{name}"))
            for name in (f"{known:08X}.history" for known in read_disk(theirs).histories)
        ]
        if not any(changed):
            deed.already("it had the history of every timeline")
