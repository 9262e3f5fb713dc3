"""What nodes note of the runs that changed their system."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Note:
    """One line: a run `what` = begun, ended, or sealed (its record was completed).

    `digest` is that of the journal's newest line when the run began or ended, or of the record's manifest.
    """

    number: int
    run: str
    what: str
    digest: str
    pair: str
    at: str

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self))


def ends_of(notes: Iterable[Note]) -> tuple[int, dict[str, dict[str, str]]]:
    """The greatest number, and the newest digests of every run that claims it: {run: {what: digest}}."""
    number, found = 0, dict[str, dict[str, str]]()
    for note in notes:
        if note.number > number:
            number, found = note.number, {}
        if note.number == number:
            found.setdefault(note.run, {})[note.what] = note.digest
    return number, found
