"""What nodes note of the runs that changed their system."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from .foreign import ODD


@dataclass(frozen=True, order=True)
class Note:
    """One line: a run `what` = begun, ended, or sealed (its record was completed).

    `digest` is that of the journal's newest line when the run began or ended, or of the record's
    manifest; `host` is the machine on which the record was made.
    """

    number: int
    run: str
    what: str
    digest: str
    pair: str
    host: str
    at: str

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Note | None:
        """A note, or None for a line that is none: one that a full disk or a crash has torn, or
        somebody else's.

        Keys that a newer version may have added are passed over.
        """
        try:
            told = json.loads(line)
            note = cls(**{field.name: told[field.name] for field in fields(cls)})
        except ODD:
            return None
        if isinstance(note.number, int) and note.what in ("begun", "ended", "sealed"):
            return note
        return None

    def same(self, other: Note) -> bool:
        """Whether both tell of the same: the time may be told apart."""
        ours = (self.run, self.what, self.digest)
        return ours == (other.run, other.what, other.digest)


def ends_of(notes: Iterable[Note]) -> tuple[int, dict[str, dict[str, Note]]]:
    """The greatest number, and the newest notes of every run that claims it: {run: {what:
    note}}.
    """
    number, found = 0, dict[str, dict[str, Note]]()
    for note in notes:
        if note.number > number:
            number, found = note.number, {}
        if note.number == number:
            found.setdefault(note.run, {})[note.what] = note
    return number, found
