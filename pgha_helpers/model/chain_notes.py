"""What nodes note of the runs that changed their system."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from .foreign import ODD, text_of


@dataclass(frozen=True, order=True)
class Note:
    """One line: a run `what` = begun, ended, or sealed (its record was completed).

    `digest` is that of the journal's newest line when the run began or ended, or of the record's
    manifest; `host` is the machine on which the record was made. `proof`, of a sealed one, is the
    line of that machine's sequence, signed where records are.
    """

    number: int
    run: str
    what: str
    digest: str
    pair: str
    host: str
    at: str
    proof: str = ""

    @property
    def line(self) -> str:
        """As it stands in the file."""
        told = asdict(self)
        if not self.proof:
            del told["proof"]
        return json.dumps(told)

    @classmethod
    def parse(cls, line: str) -> Note | None:
        """A note, or None for a line that is none: one that a full disk or a crash has torn, or
        somebody else's.

        Keys that a newer version may have added are passed over.
        """
        try:
            told = {"proof": "", **json.loads(line)}
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


@dataclass(frozen=True)
class Head:
    """The newest signed line of a machine's sequence: it proves all before it.

    `digest` is that of the line, `signature` base64 of what the key has signed, or empty.
    """

    number: int
    pair: str
    host: str
    digest: str
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        return f"{self.number} of {self.pair} on {self.host}\n{self.digest}\n".encode()

    @property
    def text(self) -> str:
        """Number, digest and signature, a line each: to be mailed, printed, or put in a ticket."""
        return f"{text_of(self.signed)}{self.signature or UNSIGNED}\n"

    @classmethod
    def parse_all(cls, text: str) -> list[Head]:
        """Every head in a text, whatever else stands there and however a mail has broken it."""
        plain = re.sub(r"^[> \t]+|[ \t\r]+$", "", text, flags=re.MULTILINE)
        found = _HEAD.finditer(plain)
        return [
            cls(int(number), pair, host, digest, "".join(signature.split()).removeprefix(UNSIGNED))
            for number, pair, host, digest, signature in (each.groups() for each in found)
        ]


UNSIGNED = "unsigned"
_HEAD = re.compile(
    rf"^(\d{{1,12}}) of (.+) on (\S+)\n([0-9a-f]{{64}})\n({UNSIGNED}|(?:[A-Za-z0-9+/=]+(?:\n|$))+)",
    re.MULTILINE,
)
