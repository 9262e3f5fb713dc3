"""What both nodes hold of this pair's records, compared: with each other, and with what is here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import combinations

from ...facts.chain_notes import Ledger
from ...model import Head, Note, Pair
from ...run.events import CHAINED, GATE_PASSED, NOT_NOTED
from ..making.folder import id_of
from ..making.sequence import BEGUN, NOTED, SEALED, SequenceLine, head_of
from .findings import Finding, Record, Verified
from .sequences import ReadSequence, signed
from .words import moment

_WHERE = "notes of the nodes"
_STILL_RUNS = 24 * 3600.0  # seconds: for so long another machine's run may be under way


def check_node_notes(
    pair: Pair,
    ledgers: Mapping[str, Ledger],
    told: list[ReadSequence],
    records: list[Record],
    done: Verified,
) -> None:
    """Contradictions, what a node had noted and has no more, and what nobody has signed."""
    faults = [
        *_contradictions(ledgers),
        *_forgotten(ledgers, records),
        *_invented(pair, ledgers, records, done),
    ]
    done.findings += [Finding(_WHERE, what) for what in faults]
    for name, ledger in ledgers.items():
        mine = [head for head in ledger.heads if head.pair == pair.name]
        for head in mine:
            check_head(head, name, told, pair, done)
        done.findings += [Finding(name, what) for what in _without_head(name, mine, told)]


def check_head(
    head: Head, where: str, told: list[ReadSequence], pair: Pair, done: Verified
) -> None:
    """Whether a line that somebody else holds is still the one that stands here."""
    line = f"line {head.number} of the sequence of {head.host}"
    mine = next((each for each in told if each.sequence.host == head.host), None)
    signs = any(each.told.get("signer") for one in told for each in one.lines)
    if signs and (wrong := "it is not signed" if not head.signature else signed(head, pair).wrong):
        done.findings.append(Finding(where, f"it holds {line}, invented: {wrong}"))
    elif mine is None:
        done.findings.append(Finding(where, f"it holds {line}, and that sequence is not here"))
    elif head.number >= len(mine.lines):
        last = len(mine.lines) - 1
        words = f"it holds {line}, and here that ends with line {last}: the newest were removed"
        done.findings.append(Finding(where, words))
    elif mine.lines[head.number].digest != head.digest:
        words = f"it holds another {line}: here it was made anew, or removed and gone on after"
        done.findings.append(Finding(where, words))
    else:
        at = mine.lines[head.number].told.get("at", "")
        done.proved.append(f"{where} holds {line}, of {at}: until then nothing was changed")


def _without_head(node: str, heads: list[Head], told: list[ReadSequence]) -> Iterator[str]:
    """A node that has taken a line of a sequence holds that one, or a newer."""
    for each in told:
        taken = [line for line in each.lines if line.what == NOTED and node in _nodes(line)]
        if not taken:
            continue
        number = taken[-1].told.get("line")
        if not any(h.host == each.sequence.host and h.number >= (number or 0) for h in heads):
            yield f"it has taken line {number} of the {each.where}, and does not hold it any more"


def _nodes(line: SequenceLine) -> list[str]:
    nodes = line.told.get("nodes")
    return nodes if isinstance(nodes, list) else []


def _contradictions(ledgers: Mapping[str, Ledger]) -> Iterator[str]:
    """What the two nodes tell differently of the same run, or number."""
    for (one, first), (other, second) in combinations(ledgers.items(), 2):
        theirs = {(note.run, note.what): note for note in second.notes}
        for note in first.notes:
            twin = theirs.get((note.run, note.what))
            if twin and _claims(note) != _claims(twin):
                yield f"{one} and {other} contradict each other about run {note.run}, {note.what}"
        for number, run, its in _differing(first, second):
            yield f"number {number} is run {run} on {one}, and run {its} on {other}"
        yield from _holes(one, first, other, second)
        yield from _holes(other, second, one, first)


def _claims(note: Note) -> tuple[object, ...]:
    return note.number, note.digest, note.pair, note.host


def _differing(first: Ledger, second: Ledger) -> Iterator[tuple[int, str, str]]:
    theirs: dict[tuple[str, int], set[str]] = {}
    for note in second.notes:
        theirs.setdefault((second.system_of(note.run), note.number), set()).add(note.run)
    told = set[tuple[int, str]]()
    for note in first.notes:
        runs = theirs.get((first.system_of(note.run), note.number), {note.run})
        if note.run not in runs and (note.number, note.run) not in told:
            told.add((note.number, note.run))
            yield note.number, note.run, min(runs)


def _holes(one: str, first: Ledger, other: str, second: Ledger) -> Iterator[str]:
    """Runs that one node has noted and the other has not, although it knows newer ones.

    A node that was silent for a while gets all that it lacks by the next change.
    """
    newest: dict[str, int] = {}
    for note in second.notes:
        system = second.system_of(note.run)
        newest[system] = max(newest.get(system, 0), note.number)
    known = {(note.run, note.what) for note in second.notes}
    for note in first.notes:
        behind = note.number < newest.get(first.system_of(note.run), 0)
        if behind and note.what == BEGUN and (note.run, note.what) not in known:
            yield f"{other} has no note of run {note.run}, number {note.number}, and {one} has"


def _forgotten(ledgers: Mapping[str, Ledger], records: list[Record]) -> Iterator[str]:
    """Runs whose records say that a node has noted them, and it has no more."""
    for record in records:
        story = record.story
        if not story.first(CHAINED) or story.broken:
            continue
        refused = {event.get("node") for event in story.events if event["event"] == NOT_NOTED}
        locked = story.last(GATE_PASSED).get("locked")
        for name in locked if isinstance(locked, list) else ():
            if name in refused or name not in ledgers:
                continue
            if not any(note.run == id_of(record.folder) for note in ledgers[name].notes):
                yield (
                    f"{name} has noted run {id_of(record.folder)}, and has no more: its notes were "
                    "removed, or it was made anew; the next change writes them again"
                )


def _invented(
    pair: Pair, ledgers: Mapping[str, Ledger], records: list[Record], done: Verified
) -> Iterator[str]:
    """Runs that are said to have been made on another machine, and that no key vouches for."""
    here = {id_of(record.folder) for record in records}
    notes = [note for ledger in ledgers.values() for note in ledger.notes if note.pair == pair.name]
    proved = [
        note for note in notes if note.proof and SequenceLine.parse(note.proof.encode()).signature
    ]
    if not proved:
        return
    since = min(note.number for note in proved)
    vouched = {note.run for note in proved if _vouches(note, pair)}
    for run in dict.fromkeys(note.run for note in notes if note.run not in here):
        mine = [note for note in notes if note.run == run]
        if run in vouched or mine[0].number < since:
            continue
        if _is_recent(mine[0]) and not any(note.what == SEALED for note in mine):
            done.notes.append(f"run {run} may still go on on {mine[0].host}: nobody has signed it")
        else:
            yield f"run {run}, said to be made on {mine[0].host}, is signed by nobody: invented"


def _is_recent(note: Note) -> bool:
    began = moment(note.at)
    return began is not None and 0 <= time.time() - began.timestamp() < _STILL_RUNS


def _vouches(note: Note, pair: Pair) -> bool:
    """Whether the line that a note brings is of its record, and signed by one who may."""
    line = SequenceLine.parse(note.proof.encode())
    head = head_of(line, note.pair, note.host)
    told = line.told.get("manifest"), line.told.get("number")
    return told == (note.digest, note.number) and not signed(head, pair, note.at).wrong
