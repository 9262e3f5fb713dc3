"""Thinning: records that are older than `records_keep` and that nobody misses.

Those are records of verifies that ended well, and of rehearsals. Never a change, a failure, a
warning, anything chained, anything that does not hold what its manifest says, or anything that
somebody else has put there.
"""

from __future__ import annotations

import time
from pathlib import Path

from ...model import Pair
from ...run.events import CHAINED, GATE_PASSED, RUN_BEGUN
from ...run.journal import read
from ..making.deliveries import undelivered
from ..making.folder import FolderLock, RecordName, record_folders, record_name_of, records_of
from ..making.numbering import add_line, own_sequence
from ..making.sequence import THINNED
from . import manifest

_GOING = ".thinned-"


def thin(pair: Pair) -> list[str]:
    """Delete what may be deleted; gives the names of the records that were."""
    if not pair.records_keep:
        return []
    for half_gone in records_of(pair).glob(f"{_GOING}*"):
        _empty(half_gone)
    gone: dict[Path, str] = {}
    # what is to be brought away stays until it was
    needed = undelivered(own_sequence(pair).texts()) if pair.on_record else {}
    for folder in record_folders(records_of(pair)):
        name = record_name_of(folder)
        old = name and time.time() - name.began.timestamp() > pair.records_keep
        if name and old and folder.name not in needed and _dispensable(folder, name, pair):
            gone[folder] = manifest.sha256(folder / manifest.MANIFEST)
    if gone:
        add_line(pair, THINNED, records={folder.name: digest for folder, digest in gone.items()})
    for folder in gone:
        with FolderLock(folder) as keeping:
            if keeping.held:
                _delete(folder)
    return [folder.name for folder in gone]


def _dispensable(folder: Path, name: RecordName, pair: Pair) -> bool:
    try:
        story, told = read(folder), manifest.read_manifest(folder / manifest.MANIFEST)
    except OSError:
        return False
    well = story.outcome == "rehearsed" or (story.outcome == "done" and name.notebook == "verify")
    ours = story.first(RUN_BEGUN).get("pair") == pair.name
    untouched = not told.wrong and not story.broken and told.files == manifest.digests(folder)
    complete = manifest.contents(folder) == sorted(told.files)
    harmless = not story.changed and not story.first(GATE_PASSED) and not story.first(CHAINED)
    return well and ours and untouched and complete and harmless


def _delete(folder: Path) -> None:
    """Under another name first.

    Killed half-way, it must not look like a record that somebody has spoiled.
    """
    gone = folder.rename(folder.with_name(f"{_GOING}{folder.name}"))
    _empty(gone)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():  # files only: its contents were compared with the manifest
        path.unlink()
    folder.rmdir()
