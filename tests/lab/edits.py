"""Every edit of an archive that somebody may try, who could, and by which verify it is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .archives import Archive
from .node_edits import NODE_EDITS
from .record_edits import RECORD_EDITS
from .sequence_edits import SEQUENCE_EDITS

#: `records verify`, with --nodes, and with --head too: what an edit is found by, at the latest.
VERIFIES = ("here", "nodes", "head")


@dataclass(frozen=True)
class Edit:
    """What is done, by whom, and the first of VERIFIES that finds it."""

    deed: Callable[[random.Random, Archive], str]
    who: str
    found: str

    def __str__(self) -> str:
        return self.deed.__name__.replace("_", " ")

    def found_by(self, archive: Archive) -> list[str]:
        """Which of the verifies raise an alarm about this archive."""
        told = {
            "here": archive.verified(heads=False),
            "nodes": archive.verified(),
            "head": archive.verified(held=True),
        }
        return [name for name, done in told.items() if done.findings]


EDITS = [Edit(*row) for row in (*RECORD_EDITS, *SEQUENCE_EDITS, *NODE_EDITS)]
