"""What nodes note of this machine's records: the chain of a system, and where the sequence is."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...facts.chain_notes import read_heads
from ...model import Head, Node, Note, Pair
from ...model.errors import HaError, said
from ...model.foreign import ODD
from ...run.events import CHAINED, RUN_BEGUN, SEEN
from ...run.journal import Story, read
from ...run.redaction import Redactor, secrets_of
from ...run.verbose import tell_of
from ...wire.doors import Door
from ..reading import manifest
from .folder import record_folders, record_name_of, records_of
from .numbering import add_line, own_sequence
from .sequence import NOTED, SEALED, SequenceLine, head_of, standings

_CONTRADICTIONS = 5  # lines: one is enough to tell


def chained_notes(records: Path, system_id: str, beyond: int) -> list[Note]:
    """The notes of every chained run of this system here with a number greater than `beyond`.

    The newest first, and no further than to a run that is known: it is asked for while the nodes
    are locked.
    """
    found: list[Note] = []
    known: dict[str, dict[str, dict[str, SequenceLine]]] = {}
    for folder in record_folders(records):
        name = record_name_of(folder)
        if name is None or name.notebook == "verify":  # never chained
            continue
        try:
            story = read(folder)
            if name.pair not in known:
                known[name.pair] = standings(records, name.pair)
        except OSError:
            continue
        sealed = known[name.pair].get(folder.name, {}).get(SEALED)
        noted = notes_of(folder, story, sealed)
        mine = [note for system, note in noted if system == system_id]
        if any(note.number <= beyond for note in mine):
            break
        found += mine
    return sorted(found)


def notes_of(
    folder: Path, story: Story, sealed: SequenceLine | None = None
) -> Iterator[tuple[str, Note]]:
    """The system, and what its nodes should have noted of this record.

    Nothing if its run is not chained. `sealed` is its line of the sequence: the proof.
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
        digest = manifest.sha256(folder / manifest.MANIFEST)
        at, proof = str(story.events[-1].get("at")), sealed.raw if sealed else ""
        yield system, Note(number, run, "sealed", digest, pair, host, at, proof)


def note_completion(folder: Path, story: Story, pair: Pair) -> None:
    """Let both nodes hold the newest line of the sequence, and the notes of a chained record.

    A node that does not take those of a change is told aloud, and so is one that holds a line
    which is here no more.
    """
    mine = standings(records_of(pair), pair.name, folder.name).get(folder.name, {})
    sealed = mine.get(SEALED)
    if sealed is None or sealed.what != SEALED:
        return
    # whoever did not answer then is not waited for once more
    lost = story.last(SEEN).get("nodes", {})
    answering = [node for node in pair if lost.get(node.name, {}).get("as") != "Silent"]
    notes = list(notes_of(folder, story, sealed))
    head = head_of(sealed, pair.name, platform.node())
    with ThreadPoolExecutor(2) as pool:
        silent = pool.map(lambda node: _note(node, pair, notes, head), answering)
    taken = []
    for node, why in zip(answering, silent, strict=True):
        if not why:
            taken.append(node.name)
        elif notes:
            words = f"The completed record could not be noted on {node.name}: {why}"
            print(Redactor(secrets_of(pair)).text(words), flush=True)
    if taken:
        add_line(pair, NOTED, line=sealed.number, nodes=taken)


def _note(node: Node, pair: Pair, notes: list[tuple[str, Note]], head: Head) -> str:
    """Note all this on one node; gives why it did not take it."""
    # what changes a pair takes half a second to load, which lists and pages have no use for
    from ...changes.chain import note_record

    tell_of(pair)
    door = Door(node, pair)
    try:
        for system_id in {system for system, _ in notes}:
            note_record(door, system_id, [note for system, note in notes if system == system_id])
        _hold(door, pair, head)
    except (HaError, OSError) as error:
        return said(error)
    finally:
        door.close()
    return ""


def _hold(door: Door, pair: Pair, head: Head) -> None:
    """Let a node hold a line of the sequence, and leave it each that contradicts what is here.

    Else whoever removes the newest records would only have to wait for the next run.
    """
    from ...changes.deeds.chain_notes import keep_heads

    own = own_sequence(pair)
    of_here = [one for one in read_heads(door) if (one.pair, one.host) == (head.pair, head.host)]
    gone = [one for one in of_here if not own.holds(one)]
    still = [one for one in of_here if one not in gone]
    if gone:
        print(
            f"{door.node.name} holds line {gone[-1].number} of the sequence of {head.host}, and it "
            f"does not stand here: pgha records verify {pair.name} --nodes tells more",
            flush=True,
        )
    newest = max([*still, head], key=lambda one: one.number)
    keep_heads(door, [*gone[:_CONTRADICTIONS], newest])
