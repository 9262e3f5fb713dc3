"""What somebody may do to what the nodes hold of an archive."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from pgha_helpers.facts.chain_notes import Ledger
from pgha_helpers.model import Head, Note
from pgha_helpers.records.making.chain_notes import notes_of
from pgha_helpers.records.making.numbering import own_sequence
from pgha_helpers.records.making.sequence import CLOSING, head_of, standing
from pgha_helpers.run.journal import read

from .archives import Archive
from .record_edits import sign_a_changed_record
from .sequence_edits import remove_the_newest_change_and_its_lines, sealed_again


def _change(archive: Archive, node: str, **changes: object) -> None:
    archive.ledgers[node] = replace(archive.ledgers[node], **changes)  # type: ignore[arg-type]


def remove_all_notes_of_a_node(chance: random.Random, archive: Archive) -> str:
    node = chance.choice(sorted(archive.ledgers))
    archive.ledgers[node] = Ledger(heads=archive.ledgers[node].heads)
    return f"the notes of {node} removed"


def remove_the_notes_of_a_run_on_a_node(chance: random.Random, archive: Archive) -> str:
    node = chance.choice(sorted(archive.ledgers))
    notes = archive.ledgers[node].notes
    run = chance.choice(sorted({note.run for note in notes}))
    _change(archive, node, notes=tuple(note for note in notes if note.run != run))
    return f"the notes of {run} on {node} removed"


def remove_the_line_that_a_node_holds(chance: random.Random, archive: Archive) -> str:
    node = chance.choice(sorted(archive.ledgers))
    _change(archive, node, heads=())
    return f"the line that {node} holds removed"


def _edited(chance: random.Random, archive: Archive, **changes: object) -> str:
    node = chance.choice(sorted(archive.ledgers))
    notes = list(archive.ledgers[node].notes)
    at = chance.randrange(len(notes))
    notes[at] = replace(notes[at], **changes)  # type: ignore[arg-type]
    _change(archive, node, notes=tuple(notes))
    return f"note {at} of {node}: {changes}"


def say_on_a_node_that_a_change_was_made_elsewhere(chance: random.Random, archive: Archive) -> str:
    node, newest = "db0", archive.changes[0].name[-8:]
    told = [
        replace(note, host="ops9") if note.run == newest else note
        for note in archive.ledgers[node].notes
    ]
    _change(archive, node, notes=tuple(told))
    return f"{newest} was made elsewhere, says {node}"


def change_a_digest_on_a_node(chance: random.Random, archive: Archive) -> str:
    return _edited(chance, archive, digest="0" * 64)


def change_a_number_on_a_node(chance: random.Random, archive: Archive) -> str:
    return _edited(chance, archive, number=77)


def give_a_note_to_another_pair(chance: random.Random, archive: Archive) -> str:
    return _edited(chance, archive, pair="other")


def invent_a_note_of_another_machine(chance: random.Random, archive: Archive) -> str:
    """On both nodes, as somebody would who can write there and has no key that signs."""
    number = max(note.number for note in archive.ledgers["db0"].notes) + 1
    at = "2026-01-01T00:00:00.000Z"
    told = [
        Note(number, "deadbeef", what, "0" * 64, archive.pair.name, "ops9", at)
        for what in ("begun", "ended", "sealed")
    ]
    for node, ledger in list(archive.ledgers.items()):
        _change(archive, node, notes=(*ledger.notes, *told))
    return "a run of another machine invented on both nodes"


def invent_a_line_on_a_node(chance: random.Random, archive: Archive) -> str:
    held = archive.ledgers["db1"].heads[0]
    for changed in (replace(held, number=held.number + 9), Head(9, held.pair, "ops9", "0" * 64)):
        _change(archive, "db1", heads=(changed,))
    return "a line invented on db1"


def remove_a_change_and_its_notes_on_both(chance: random.Random, archive: Archive) -> str:
    """With the lines that both nodes hold: whoever may write here and as PostgreSQL's user."""
    newest = archive.changes[0].name[-8:]
    what = remove_the_newest_change_and_its_lines(chance, archive)
    own = own_sequence(archive.pair)
    earlier = [line for line in own.lines() if line.what in CLOSING][-1]
    for node, ledger in list(archive.ledgers.items()):
        notes = tuple(note for note in ledger.notes if note.run != newest)
        _change(archive, node, notes=notes, heads=(head_of(earlier, own.pair, own.host),))
    return f"{what}, and from both nodes"


def make_all_anew(chance: random.Random, archive: Archive) -> str:
    """Root here signs a changed record and all after it, and rewrites what both nodes hold."""
    what = sign_a_changed_record(chance, archive)
    sealed_again(archive, archive.signs)
    own = own_sequence(archive.pair)
    lines = own.lines()
    known = standing(lines)
    newest = [line for line in lines if line.what in CLOSING and line.record][-1]
    told = sorted(
        note
        for folder in map(Path, archive.changes)
        for _, note in notes_of(folder, read(folder), known[folder.name]["sealed"])
    )
    for node in list(archive.ledgers):
        _change(archive, node, notes=tuple(told), heads=(head_of(newest, own.pair, own.host),))
    return f"{what}, and on both nodes"


_NODE, _BOTH = "PostgreSQL's user on a node", "the same on both nodes"
_ROOT = "root here, who signs, and PostgreSQL's user on both nodes"
NODE_EDITS = (
    *(
        (deed, _NODE, "nodes")
        for deed in (
            remove_all_notes_of_a_node,
            remove_the_notes_of_a_run_on_a_node,
            remove_the_line_that_a_node_holds,
            say_on_a_node_that_a_change_was_made_elsewhere,
            change_a_digest_on_a_node,
            change_a_number_on_a_node,
            give_a_note_to_another_pair,
            invent_a_line_on_a_node,
        )
    ),
    (invent_a_note_of_another_machine, _BOTH, "nodes"),
    (remove_a_change_and_its_notes_on_both, "who may write here, and on both nodes", "head"),
    (make_all_anew, _ROOT, "head"),
)
