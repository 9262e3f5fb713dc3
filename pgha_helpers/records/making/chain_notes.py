"""What this machine's records tell of a system's chain, in the words in which nodes note it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...model import Note
from ...model.foreign import ODD
from ...run.events import CHAINED, RUN_BEGUN
from ...run.journal import Story, read
from ..reading import manifest
from .folder import record_folders, record_name_of


def chained_notes(records: Path, system_id: str, beyond: int) -> list[Note]:
    """The notes of every chained run of this system here with a number greater than `beyond`.

    The newest first, and no further than to a run that is known: it is asked for while the nodes
    are locked.
    """
    found: list[Note] = []
    for folder in record_folders(records):
        name = record_name_of(folder)
        if name and name.notebook == "verify":  # never chained
            continue
        try:
            story = read(folder)
        except OSError:
            continue
        mine = [note for system, note in notes_of(folder, story) if system == system_id]
        if any(note.number <= beyond for note in mine):
            break
        found += mine
    return sorted(found)


def notes_of(folder: Path, story: Story) -> Iterator[tuple[str, Note]]:
    """The system, and what its nodes should have noted of this record.

    Nothing if its run is not chained.
    """
    chained = story.first(CHAINED)
    if not chained or story.broken:
        return
    try:
        system, number = str(chained["system_id"]), int(chained["number"])
        run, pair, host = (str(story.first(RUN_BEGUN)[key]) for key in ("run", "pair", "from"))
    except ODD:  # somebody has edited it: verify says so
        return
    yield (
        system,
        Note(number, run, "begun", story.digests[chained["n"]], pair, host, str(chained.get("at"))),
    )
    if story.state == "ended":
        yield (
            system,
            Note(
                number, run, "ended", story.digests[-1], pair, host, str(story.events[-1].get("at"))
            ),
        )
    if (folder / manifest.MANIFEST).is_file():
        sealed = manifest.sha256(folder / manifest.MANIFEST)
        yield (
            system,
            Note(number, run, "sealed", sealed, pair, host, str(story.events[-1].get("at"))),
        )
