"""What was read of sealed records, kept so that each is read once: ten thousand take seconds.

It lies in the user's cache and may be thrown away. A record whose files have changed since is read
again: what is listed is what the journals say now.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...model.foreign import ODD
from ...model.here import here, homeless
from ...run.journal import JOURNAL
from ..making.files import replace_file
from ..making.summary import SUMMARY
from .manifest import MANIFEST

_FORMAT = 1
#: Of what a journal tells, what no list and no page of many records shows.
_HEAVY = frozenset(
    {"verdicts", "allowed", "settings", "parameters", "versions", "source", "git", "ready"}
)

_WORTH = 100  # records: fewer are read again in no time

Stamp = list[int]


class Index:
    """What is known of the records of one folder: by name, a stamp and what the journal tells.

    What is kept apart has its own `kind`. It is written again only for so many new records as are
    `worth` it.
    """

    def __init__(self, records: Path, kind: str = "", worth: int = 1) -> None:
        of = os.fsencode(records.absolute()) + os.fsencode(kind)
        name = hashlib.sha256(of).hexdigest()[:16]
        self._path = _cache() / f"records-{name}.json"
        self._worth = worth
        self._known = self._read()
        self._kept: dict[str, list[Any]] = {}
        self._new = 0

    def _read(self) -> dict[str, Any]:
        """What was kept; nothing of another version, or that somebody has spoiled."""
        try:
            told = json.loads(self._path.read_bytes())
            return dict(told["records"]) if told["format"] == _FORMAT else {}
        except (OSError, *ODD):
            return {}

    def known(self, record: str, stamp: Stamp) -> Mapping[str, Any] | None:
        """What the journal of this record tells, if it was read when the files were as now."""
        with suppress(*ODD):
            kept, told = self._known[record]
            if kept == stamp and isinstance(told, dict):
                self._kept[record] = [kept, told]
                return told
        return None

    def keep(self, record: str, stamp: Stamp, told: Mapping[str, Any]) -> None:
        """Keep what was read just now."""
        light = {key: value for key, value in told.items() if key not in _HEAVY}
        self._kept[record] = [stamp, light]
        self._new += 1

    def save(self) -> None:
        """For the next time. Where that cannot be, everything is read again."""
        if self._new < self._worth or len(self._kept) < _WORTH:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"format": _FORMAT, "records": self._kept}, ensure_ascii=True)
            replace_file(self._path, text)


def _cache() -> Path:
    """A folder that cannot be, for a user who has no home: then nothing is kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.devnull if homeless(cache) else here(cache)) / "pgha"


def stamp_of(folder: str | Path) -> Stamp | None:
    """Sizes and times of all that is read of a sealed record; None for one that is not."""
    stamp = []
    try:
        for name in (JOURNAL, MANIFEST, SUMMARY):
            found = os.stat(f"{folder}/{name}")  # noqa: PTH116 - of ten thousand, three each
            stamp += [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]
    except OSError:
        return None
    return stamp
