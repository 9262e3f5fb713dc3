"""`pgha records verify`: whether the records are what they were when they were completed, and whether all are there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from ..journal import NAME as JOURNAL
from ..journal import Story, held_by_writer, read
from ..model import Note, Pair
from ..records.chained import notes_of
from ..records.folder import id_of, record_folders, records_of
from . import manifest, signature
from .manifest import Manifest
from .seal import was_sealed


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, and where: a record, or the chain of a system."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"✗ {self.where}: {self.what}"


@dataclass
class Verified:
    """What was looked at, what was found, and what could not be checked: `notes` are no accusation."""

    records: int = 0
    chained: int = 0
    signers: list[str] = field(default_factory=list)  # who, or else with which key; one of each signed record
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        by = f" by {' and '.join(sorted(set(self.signers)))}" if self.signers else ""
        counts = f"{self.records} records, {len(self.signers)} signed{by}, {self.chained} chained: "
        verdict = f"{len(self.findings)} findings" if self.findings else "all are as they were"
        return "\n".join([*map(str, self.findings), *(f"  {note}" for note in self.notes), counts + verdict])


@dataclass(frozen=True)
class _Link:
    """A run's place in the chain of a system, and what it names as the one before."""

    keys: ClassVar = ("run", "journal", "manifest")
    system: str
    number: int
    run: str
    journal: str
    manifest: str


@dataclass(frozen=True)
class _Record:
    """One record as verify sees it."""

    folder: Path
    story: Story
    manifest: Manifest

    @property
    def link(self) -> _Link | None:
        """Its place in a chain; None if its run is not chained, or if somebody has made that unreadable."""
        told = self.story.first("chained")
        try:
            previous = told["previous"] or {}
            return _Link(str(told["system_id"]), int(told["number"]), *(previous.get(k, "") for k in _Link.keys))
        except (LookupError, TypeError, ValueError, AttributeError):
            return None


def verify(pair: Pair, ledgers: Mapping[str, Iterable[Note]] | None = None) -> Verified:
    """Check every record of this pair; nothing is changed. `ledgers` are the nodes' notes of the pair's systems."""
    done = Verified()
    records, others = [], []
    for folder in record_folders(records_of(pair)):
        record = _look(folder, pair, done)
        if record is None:
            continue
        if not _is_of(record, pair):  # another pair's, or this one's under an earlier name: it may be part of a chain
            others.append(record)
            continue
        records.append(record)
    done.records = len(records)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each signature is a process of its own
        for record, faults in zip(records, pool.map(lambda one: list(_faults(one, pair, done)), records), strict=True):
            done.findings += [Finding(record.folder.name, what) for what in faults]
    done.findings += _chain_faults(records, others, done)
    if ledgers is None:
        done.notes.append("Not asked: the nodes. Without their notes the removal of the newest is not seen: --nodes")
    else:
        for name, notes in ledgers.items():
            mine = [note for note in notes if note.pair == pair.name]
            done.findings += [Finding(f"notes of {name}", what) for what in _ledger_faults(records, mine)]
    return done


def _look(folder: Path, pair: Pair, done: Verified) -> _Record | None:
    """A record that is to be checked; those that still go on or were never begun are only told."""
    if not (folder / JOURNAL).exists():
        if _pair_in_name(folder) == pair.name:
            gone = was_sealed(folder) or (folder / manifest.NAME).exists()
            what = "its journal is gone" if gone else ""
            done.findings += [Finding(folder.name, what)] if what else []
            done.notes += [] if what else [f"{folder.name}: no run was begun there"]
        return None
    story = read(folder)
    told = _manifest_of(folder)
    record = _Record(folder, story, told)
    if _is_of(record, pair) and not told.digest and held_by_writer(folder):
        done.notes.append(f"{folder.name}: its run, or the kernel that it ran in, goes on")
        return None
    return record


def _is_of(record: _Record, pair: Pair) -> bool:
    """Whether anything about a record says that it is this pair's."""
    begun, told = record.story.first("run begun"), record.manifest.told
    return pair.name in (begun.get("pair"), told.get("pair"), _pair_in_name(record.folder))


def _manifest_of(folder: Path) -> Manifest:
    try:
        return manifest.read_manifest(folder / manifest.NAME)
    except FileNotFoundError:
        return Manifest()


def _pair_in_name(folder: Path) -> str:
    return folder.name.split("-", 1)[1].rsplit("-", 2)[0]


def _faults(record: _Record, pair: Pair, done: Verified) -> Iterator[str]:
    folder, told, story = record.folder, record.manifest, record.story
    if story.broken:
        yield f"{JOURNAL}: {story.broken}"
    if not told.digest:
        if was_sealed(folder):
            yield "its manifest is gone"
        else:
            done.notes.append(f"{folder.name}: not complete yet; any other `pgha records` completes it")
        return
    if told.wrong:
        yield told.wrong
    if told.told.get("record") not in (None, folder.name):
        yield f"it is the record {told.told['record']}, under another name"
    if not told.wrong and story.first("run begun").get("run") != id_of(folder):
        yield f"its journal is that of run {story.first('run begun').get('run')}"
    if story.digests and told.told.get("journal_ends") not in (None, story.digests[-1]):
        yield f"{JOURNAL}: it ends elsewhere than it did"
    yield from _file_faults(folder, told)
    yield from _signature_faults(folder, manifest.NAME, told, pair, done)


def _file_faults(folder: Path, told: Manifest) -> Iterator[str]:
    attached = _attached(folder)
    if attached.wrong:
        yield attached.wrong
    if attached.digest and attached.told.get("to") != told.digest:
        yield f"{manifest.ATTACHED} is not of this record"
    listed = {**attached.files, **told.files}
    there = manifest.digests(folder)
    yield from (f"{name} is gone" for name in sorted(listed.keys() - there.keys()))
    yield from (f"{name} was added" for name in manifest.contents(folder) if name not in listed)
    yield from (f"{name} was changed" for name in sorted(listed.keys() & there) if listed[name] != there[name])


def _attached(folder: Path) -> Manifest:
    try:
        return manifest.read_manifest(folder / manifest.ATTACHED)
    except FileNotFoundError:
        return Manifest()


def _signature_faults(folder: Path, name: str, told: Manifest, pair: Pair, done: Verified) -> Iterator[str]:
    """Of the manifest, and of what was attached later."""
    attached = _attached(folder) if name == manifest.NAME else Manifest()
    if attached.digest:
        yield from _signature_faults(folder, manifest.ATTACHED, attached, pair, Verified())
    path = folder / f"{name}.sig"
    if not path.exists():
        if told.told.get("signer"):
            yield f"{name} was signed by {told.told['signer']}, and the signature is gone"
        return
    signed = signature.check((folder / name).read_bytes(), path.read_bytes(), pair.allowed_signers)
    if signed.wrong:
        yield f"the signature of {name}: {signed.wrong}"
    elif told.told.get("signer") != signed.key:
        yield f"{name} was signed by {told.told.get('signer') or 'nobody'}, and the signature is of {signed.key}"
    else:
        done.signers.append(signed.who or signed.key)


def _chain_faults(records: list[_Record], others: list[_Record], done: Verified) -> Iterator[Finding]:
    """Numbers without a gap from 1 on, and each record names the one before as it is."""
    systems: dict[str, list[tuple[_Link, _Record]]] = {}
    for record in records:
        if link := record.link:
            systems.setdefault(link.system, []).append((link, record))
    for record in others:
        if (link := record.link) and link.system in systems:
            systems[link.system].append((link, record))
    for system, chain in systems.items():
        done.chained += len(chain)
        chain.sort(key=lambda one: one[0].number)
        where, first = f"chain of system {system}", chain[0][0].number
        if first > 1:
            yield Finding(where, f"it begins with number {first}: {_absent(1, first - 1)}")
        for before, after in pairwise(chain):
            yield from (Finding(where, what) for what in _link_faults(*before, *after))


def _link_faults(earlier: _Link, before: _Record, link: _Link, after: _Record) -> Iterator[str]:
    name, named = before.folder.name, after.folder.name
    if link.number == earlier.number:
        yield f"{name} and {named} both claim number {link.number}"
    elif link.number > earlier.number + 1:
        yield f"{_absent(earlier.number + 1, link.number - 1)}; {named} names run {link.run} before it"
    elif link.run != id_of(before.folder):
        yield f"{named} names run {link.run} before it, not {id_of(before.folder)}"
    elif link.journal not in before.story.digests:
        yield f"{name}: its journal is not the one that {named} names"
    elif link.manifest and link.manifest != before.manifest.digest:
        yield f"{name}: its manifest is not the one that {named} names"


def _absent(first: int, last: int) -> str:
    numbers = f"number {first} is" if first == last else f"numbers {first} to {last} are"
    return f"{numbers} not here: removed, or made on another machine"


def _ledger_faults(records: list[_Record], notes: Iterable[Note]) -> Iterator[str]:
    """Every run that a node has noted is here, and is as it was noted."""
    here = {id_of(record.folder): record for record in records}
    noted: dict[str, list[Note]] = {}
    for note in notes:
        noted.setdefault(note.run, []).append(note)
    for run, told in noted.items():
        record = here.get(run)
        if record is None:
            yield f"run {run}, number {told[0].number}, is not here: removed, or made on another machine"
            continue
        ours = {note.digest for _, note in notes_of(record.folder)} | set(record.story.digests)
        wrong = sorted({note.what for note in told if note.digest not in ours})
        if wrong:
            yield f"{record.folder.name} is not as it was noted when it {' and '.join(map(_did, wrong))}"


def _did(what: str) -> str:
    return {"sealed": "was completed"}.get(what, what)
