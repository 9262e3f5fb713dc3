"""Where records live, how a folder is named, and who is still writing in it."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from ...model import Pair
from ...model.here import here
from ...run.checkout import HOME, RECORD

_NAME = re.compile(r"(\d{8}T\d{6}Z)-(.+)-([a-z_]+)-([0-9a-f]{8})")
RECORD_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class RecordName:
    """What a record folder's name tells; a pair may have dashes in its own."""

    began: datetime
    pair: str
    notebook: str
    run: str


def record_name_of(folder: Path) -> RecordName | None:
    """What a folder's name tells, or None if it is not the name of a record."""
    return _told_by(folder.name)


@lru_cache(maxsize=100_000)  # a list of ten thousand asks three times of each
def _told_by(name: str) -> RecordName | None:
    found = _NAME.fullmatch(name)
    try:
        if not found:
            return None
        return RecordName(datetime.fromisoformat(found[1]), *found.groups()[1:])
    except ValueError:  # the 32nd of a month
        return None


def records_of(pair: Pair) -> Path:
    """The folder of this pair's records: its file's `records:`, or `records/` of the checkout.

    Of an installed package, `records/` in ~/.local/share/pgha.
    """
    if not pair.records:
        return HOME / "records"
    return HOME / here(pair.records)


def record_folders(records: Path) -> list[Path]:
    """Every folder that is named as a record is, the newest first.

    Whatever else lies there is somebody else's.
    """
    if not records.is_dir():
        return []
    with os.scandir(records) as inside:  # which tells what each is without a look at it
        folders = [it.name for it in inside if it.is_dir(follow_symlinks=False)]
    found = [name for name in folders if record_name_of(Path(name))]
    return [records / name for name in sorted(found, reverse=True)]


def announced_folder() -> Path | None:
    """The folder that was made for this kernel's first run, unless a run has used it.

    The variable may also name a file that holds the folder's name: a kernel is begun before its
    run's folder is made.
    """
    name = os.environ.get(RECORD, "")
    folder = Path(name)
    if name and folder.is_file():
        folder = Path(folder.read_text("utf-8", "surrogateescape"))
    return folder if name and folder.is_dir() and not (folder / "journal.jsonl").exists() else None


def id_of(folder: Path) -> str:
    """The run id at the end of a record folder's name."""
    return folder.name.rsplit("-", 1)[-1]


class FolderLock:
    """Hold a record folder while something is still to be written there.

    It is let go by the end of the process, too. A lock on the folder itself, so that it leaves no
    trace in the record. As a context manager it waits for nobody: `held` says whether it was to be
    had.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1

    @property
    def held(self) -> bool:
        """Whether nobody else is writing there."""
        return self._file >= 0

    def __enter__(self) -> FolderLock:
        self._file = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.__exit__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.held:
            os.close(self._file)
        self._file = -1
