"""Notices that wait to be sent: a file each, beside the records, until somebody has taken it.

Written before a record is completed, and removed after it was sent: a run that is killed between
the two may tell something twice, and loses nothing.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from ...model import Pair
from ...model.notices import Notice, NoticeKind
from .files import replace_file
from .folder import records_of

#: More than that are not kept: the oldest goes, of verdicts before anything else. A pair that flaps
#: every five minutes fills it in a day.
MOST = 300
_LEAST = (NoticeKind.VERDICT, NoticeKind.TRIAL)


@dataclass
class Attended:
    """A pair of which this process has something to tell at its end.

    `beat` is the record of a verify that could see both nodes; empty without one.
    """

    pair: Pair
    beat: str = ""


#: Those of this process, by the place of their records and their name; see `monitoring.telling`.
attended: dict[tuple[Path, str], Attended] = {}


def attend_to(pair: Pair, beat: str = "") -> None:
    """Have what waits of this pair sent before the process ends, if its file names anybody."""
    if pair.notify or pair.on_record or (pair.heartbeat and beat):
        known = attended.setdefault((records_of(pair), pair.name), Attended(pair))
        known.beat = beat or known.beat


@dataclass(frozen=True)
class Outbox:
    """The folder of a pair's notices: `unsent-PAIR`, beside its records."""

    pair: Pair

    @property
    def folder(self) -> Path:
        """Where they wait."""
        return records_of(self.pair) / f"unsent-{quote(self.pair.name, safe='')}"

    def path(self, notice: Notice) -> Path:
        """A name by which no notice of a record is kept twice, and the oldest come first."""
        at = "".join(letter for letter in notice.at[:19] if letter.isalnum())
        about = notice.record or f"{at}Z-{secrets.token_hex(4)}"
        return self.folder / f"{about}-{notice.kind}.json"

    def has(self, record: str, kind: str) -> bool:
        """Whether such a notice of a record waits."""
        return (self.folder / f"{record}-{kind}.json").exists()

    def keep(self, notice: Notice) -> list[str]:
        """Put it in, and give the names of those that had to go for it. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self.path(notice), notice.json)
        waiting = self.waiting()
        gone = sorted(waiting, key=_worth)[: max(0, len(waiting) - MOST)]
        for path in gone:
            path.unlink(missing_ok=True)
        return [path.name for path in gone]

    def waiting(self) -> list[Path]:
        """The files, the oldest first."""
        return sorted(self.folder.glob("*.json"))

    @contextmanager
    def claimed(self, path: Path) -> Iterator[Notice | None]:
        """What a file holds, while nobody else sends it; None where somebody does, or has.

        A file that holds no notice is left where it is.
        """
        try:
            file = path.open("rb")
        except OSError:
            yield None
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_there = os.fstat(file.fileno()).st_ino == path.stat().st_ino
            except OSError:
                is_there = False
            yield Notice.parse(file.read()) if is_there else None

    def drop(self, kind: NoticeKind) -> None:
        """Give up those of a kind that wait. Raises OSError."""
        for path in self.waiting():
            if _kind_of(path) == kind:
                path.unlink(missing_ok=True)

    def settle(self, path: Path, notice: Notice, left: Mapping[str, str]) -> None:
        """After an attempt it goes, or waits for those whom it has not reached: {address: why not}.

        Raises OSError.
        """
        if left:
            kept = replace(notice, to=tuple(left), failed="; ".join(left.values()))
            replace_file(path, kept.json)
        else:
            path.unlink(missing_ok=True)


def _worth(path: Path) -> tuple[bool, str]:
    """What is to be given up first: verdicts, which the next verify gives anew; then the oldest."""
    return _kind_of(path) not in _LEAST, path.name


def _kind_of(path: Path) -> str:
    return path.stem.rpartition("-")[2]
