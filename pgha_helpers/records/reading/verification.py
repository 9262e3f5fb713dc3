"""`pgha records verify`: whether records are as they were when completed, and all there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from ...facts.chain_notes import Ledger
from ...model import Head, Note, Pair
from ...model.errors import HaError, said
from ...model.foreign import ODD
from ...model.here import here
from ...model.show import plural
from ...run.events import RUN_BEGUN
from ...run.journal import JOURNAL, held_by_writer, read
from ..making.folder import id_of, record_folders, record_name_of, records_of
from ..making.seal import was_sealed
from . import manifest, signature
from .findings import Finding, Record, Verified
from .links import check_chains, ledger_faults
from .manifest import Manifest
from .node_notes import check_head, check_node_notes
from .sequences import check_sequences, read_sequences


def verify(
    pair: Pair, ledgers: Mapping[str, Ledger] | None = None, held: Mapping[str, Head] | None = None
) -> Verified:
    """Check every record of this pair; nothing is changed.

    `ledgers` are the nodes' notes of the pair's systems, `held` what somebody holds of its
    sequences, by where it comes from.
    """
    done = Verified(asked=ledgers is not None)
    records, others = _records(pair, done)
    done.records = len(records)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each signature is a process of its own
        for record, faults in zip(
            records, pool.map(lambda one: _checked(one, pair, done), records), strict=True
        ):
            done.findings += [Finding(record.folder.name, what) for what in faults]
    _check_unsigned(records, pair, done)
    told = read_sequences(pair, done)
    check_sequences(told, records, pair, done)
    _check_signers(records, pair, done)
    for where, head in (held or {}).items():
        check_head(head, where, told, pair, done)
        done.held.append(head)
    noted = _noted(pair, ledgers or {}, done)
    check_chains(records, others, noted, done)
    if ledgers is not None:
        unlike = ledger_faults(records, others, noted, done)
        done.findings += [Finding("notes of the nodes", what) for what in unlike]
        check_node_notes(pair, ledgers, told, records, done)
    return done


def _records(pair: Pair, done: Verified) -> tuple[list[Record], list[Record]]:
    """This pair's records, and others.

    They may be part of one of its chains, under an earlier name, say.
    """
    records: list[Record] = []
    others: list[Record] = []
    for folder in record_folders(records_of(pair)):
        try:
            record = _look(folder, pair, done)
        except OSError as error:
            done.findings.append(Finding(folder.name, f"it cannot be read: {error.strerror}"))
            continue
        if record is not None:
            (records if _is_of(record, pair) else others).append(record)
    return records, others


def _checked(record: Record, pair: Pair, done: Verified) -> list[str]:
    try:
        return list(_faults(record, pair, done))
    except (OSError, HaError, *ODD) as error:
        return [f"it cannot be checked: {said(error)}"]


def _check_unsigned(records: list[Record], pair: Pair, done: Verified) -> None:
    """Where records are signed, one that is not is only well if it is older than all that are."""
    if not (pair.signing_key or pair.allowed_signers):
        return
    signed, unsigned = [], []
    for record in records:
        if record.manifest.told.get("signer"):
            signed.append(record.folder.name)
        elif record.manifest.digest:
            unsigned.append(record.folder.name)
    if unsigned and not signed:
        words = "no record is signed, and the pair file names who signs: the next run does, or all"
        done.findings.append(Finding(pair.name, f"{words} signatures were taken away"))
    for name in unsigned:
        if signed and name > min(signed):
            done.findings.append(Finding(name, "it is not signed, and older ones are"))
        else:
            done.notes.append(f"{name}: not signed")


def _check_signers(records: list[Record], pair: Pair, done: Verified) -> None:
    """Who may sign: the list is the one that was in force when the newest record was sealed."""
    if not pair.allowed_signers:
        return
    listed = [
        (record.folder.name, record.manifest.told["allowed_signers"])
        for record in reversed(records)
        if "allowed_signers" in record.manifest.told
    ]
    for (_, before), (name, digest) in pairwise(listed):
        if digest != before:
            done.notes.append(f"{pair.allowed_signers} was another one until {name} was sealed")
    path = Path(here(pair.allowed_signers))
    now = manifest.sha256(path) if path.is_file() else ""
    if listed and listed[-1][1] != now:
        words = (
            f"it is not the list of when {listed[-1][0]} was sealed: whoever was added could sign"
        )
        done.findings.append(Finding(pair.allowed_signers, words))


def _noted(pair: Pair, ledgers: Mapping[str, Ledger], done: Verified) -> list[Note]:
    """What the nodes have noted of this pair, by whichever of them."""
    for name, ledger in ledgers.items():
        if ledger.torn:
            torn = plural(len(ledger.torn), "line among its notes", "lines among its notes")
            done.notes.append(f"{name}: {torn} cannot be read: torn by a crash, or added")
    notes = [note for ledger in ledgers.values() for note in ledger.notes]
    return [note for note in notes if note.pair == pair.name]


def _look(folder: Path, pair: Pair, done: Verified) -> Record | None:
    """A record that is to be checked; those that still go on or were never begun are only told."""
    told = _manifest_in(folder / manifest.MANIFEST)
    if not (folder / JOURNAL).exists():
        if not _in_name(folder, pair):
            pass
        elif told.digest or was_sealed(folder):
            done.findings.append(Finding(folder.name, "its journal is gone"))
        else:
            done.notes.append(f"{folder.name}: no run was begun there")
        return None
    record = Record(folder, read(folder), told)
    if _is_of(record, pair) and not told.digest and held_by_writer(folder):
        done.notes.append(f"{folder.name}: its run, or the kernel that it ran in, goes on")
        return None
    return record


def _is_of(record: Record, pair: Pair) -> bool:
    """Whether anything about a record says that it is this pair's."""
    begun, told = record.story.first(RUN_BEGUN), record.manifest.told
    if pair.name in (begun.get("pair"), told.get("pair")):
        return True
    return _in_name(record.folder, pair)


def _in_name(folder: Path, pair: Pair) -> bool:
    name = record_name_of(folder)
    return name is not None and name.pair == pair.name


def _manifest_in(path: Path) -> Manifest:
    """An empty one where there is no such file."""
    try:
        return manifest.read_manifest(path)
    except FileNotFoundError:
        return Manifest()


def _faults(record: Record, pair: Pair, done: Verified) -> Iterator[str]:
    folder, told, story = record.folder, record.manifest, record.story
    if story.broken:
        yield f"{JOURNAL}: {story.broken}"
    if late := told.told.get("completed", {}).get("late"):
        done.notes.append(f"{folder.name}: {late}, {told.told['completed']['at']}")
    if not told.digest:
        if was_sealed(folder):
            yield f"{manifest.MANIFEST} is gone"
        else:
            done.notes.append(
                f"{folder.name}: not complete yet; any other `pgha records` completes it"
            )
        return
    if told.wrong:
        yield told.wrong
    if told.told.get("record") not in (None, folder.name):
        yield f"it is the record {told.told['record']}, under another name"
    if not told.wrong and story.first(RUN_BEGUN).get("run") != id_of(folder):
        yield f"its journal is that of run {story.first(RUN_BEGUN).get('run')}"
    if story.digests and told.told.get("journal_ends") not in (None, story.digests[-1]):
        yield f"{JOURNAL}: it ends elsewhere than it did"
    yield from _file_faults(folder, told, done)
    yield from _signature_faults(folder, manifest.MANIFEST, told, pair, done)


def _file_faults(folder: Path, told: Manifest, done: Verified) -> Iterator[str]:
    attached = _manifest_in(folder / manifest.ATTACHED)
    if attached.wrong:
        yield attached.wrong
    if attached.digest and attached.told.get("to") != told.digest:
        yield f"{manifest.ATTACHED} is not of this record"
    if set(attached.files) - set(manifest.ATTACHABLE):
        yield f"{manifest.ATTACHED} lists what nobody attaches"
    if attached.digest and told.told.get("signer") and not attached.told.get("signer"):
        yield f"{manifest.ATTACHED} is not signed, and {manifest.MANIFEST} is"
    if not attached.digest and (folder / f"{manifest.ATTACHED}.sig").exists():
        yield f"{manifest.ATTACHED}.sig was added"
    yield from _unlike_listed(folder, {**attached.files, **told.files}, done)


def _unlike_listed(folder: Path, listed: Mapping[str, str], done: Verified) -> Iterator[str]:
    """Files that are gone, were added, or are not what their digest says."""
    unread = set[str]()
    there = manifest.digests(folder, unread.add)
    for name in sorted(unread):
        done.unread.append(f"{folder.name}: {name} is for its owner only, and is not checked")
    for name in sorted(listed.keys() - there.keys() - unread):
        yield f"{name} is gone"
    for name in manifest.contents(folder):
        if name not in listed and not _left(folder, name):
            yield f"{name} was added"
    for name in sorted(listed.keys() & there):
        if listed[name] != there[name]:
            yield f"{name} was changed"


def _left(folder: Path, name: str) -> bool:
    """The empty mark of a completion that was killed in its very last step."""
    return name == manifest.SEALING and (folder / name).stat().st_size == 0


def _signature_faults(
    folder: Path, name: str, told: Manifest, pair: Pair, done: Verified
) -> Iterator[str]:
    """Of the manifest, and of what was attached later."""
    attached = _manifest_in(folder / manifest.ATTACHED) if name == manifest.MANIFEST else Manifest()
    if attached.digest:
        yield from _signature_faults(folder, manifest.ATTACHED, attached, pair, Verified())
    path = folder / f"{name}.sig"
    if not path.exists():
        if told.told.get("signer"):
            yield f"{name} was signed by {told.told['signer']}, and the signature is gone"
        return
    at = str(told.told.get("completed", {}).get("at", ""))
    signed = signature.check_signature(
        (folder / name).read_bytes(), path.read_bytes(), pair.allowed_signers, at
    )
    if signed.wrong:
        yield f"the signature of {name}: {signed.wrong}"
    elif told.told.get("signer") != signed.key:
        yield (
            f"{name} was signed by {told.told.get('signer') or 'nobody'}, and the signature is "
            f"of {signed.key}"
        )
    else:
        done.signers.append(signed.who or signed.key)
