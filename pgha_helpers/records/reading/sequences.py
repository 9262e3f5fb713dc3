"""Whether the sequences of a pair's records are whole, and tell of every record that is here."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ...model import Head, Pair
from ...model.foreign import ODD
from ..making.deliveries import undelivered
from ..making.folder import record_folders, record_name_of, records_of
from ..making.sequence import (
    ATTACHED,
    BEGUN,
    CLOSING,
    DRILLED,
    OPENED,
    PAGE,
    SEALED,
    THINNED,
    TOLD,
    UNDELIVERED,
    UNTOLD,
    UNUSED,
    Sequence,
    SequenceLine,
    head_of,
    pairs_in,
    sequences,
    standing,
)
from . import manifest, signature
from .findings import Finding, Record, Verified

_NAMED = 20  # records that were not delivered, the newest; of the others how many


@dataclass(frozen=True)
class ReadSequence:
    """A sequence that was read."""

    sequence: Sequence
    lines: list[SequenceLine]

    @property
    def where(self) -> str:
        """How findings name it."""
        return f"sequence of {self.sequence.host}"

    def head(self, line: SequenceLine) -> Head:
        """One of its lines, as its signature names it."""
        return head_of(line, self.sequence.pair, self.sequence.host)


def read_sequences(pair: Pair, done: Verified) -> list[ReadSequence]:
    """All of this pair. One that cannot be read is a finding."""
    found = []
    for each in sequences(records_of(pair), pair.name):
        try:
            found.append(ReadSequence(each, each.lines()))
        except OSError as error:
            where = f"sequence of {each.host}"
            done.findings.append(Finding(where, f"it cannot be read: {error.strerror}"))
    return found


def check_sequences(
    told: list[ReadSequence], records: list[Record], pair: Pair, done: Verified
) -> None:
    """Each is one chain, signed throughout; every record has its line, and every line its record.

    Where there is none at all, the records are of an older version: they are taken in by the next
    run.
    """
    for each in told:
        done.findings += [Finding(each.where, what) for what in _chain_faults(each)]
        done.findings += [Finding(each.where, what) for what in _unsigned(each, pair)]
    places = {line.digest for each in told for line in each.lines}
    known = standing([line for each in told for line in each.lines])
    if not told and records:
        done.notes.append("These records have no sequence yet: the next run begins one")
    for record in records:
        name, mine = record.folder.name, known.get(record.folder.name, {})
        for what in _record_faults(record, mine, places, bool(told)):
            done.findings.append(Finding(name, what))
        if record.manifest.digest and SEALED not in mine and told:
            done.notes.append(f"{name}: complete, and not in the sequence yet")
    done.findings += _absent(told, known, pair)
    done.findings += _page_faults(told, pair)
    for each in told:
        done.notes += _not_delivered(each.lines, pair)
        done.notes += _not_told(each.lines)


def _chain_faults(told: ReadSequence) -> Iterator[str]:
    """Numbers without a gap, and each line names the one before as it is."""
    lines = told.lines
    opened = lines[0].told if lines else {}
    if (opened.get("pair"), opened.get("host")) != (told.sequence.pair, told.sequence.host):
        yield "its first line is not of this pair and machine"
    for number, (before, line) in enumerate(pairwise([SequenceLine(), *lines])):
        if not line.told and number == len(lines) - 1:
            yield f"line {number} is none: torn by a crash, or spoiled"
        elif line.told and (line.number, line.told.get("prev")) != (number, before.digest):
            yield f"line {number} does not continue line {number - 1}"
        if number and line.what == OPENED:
            yield f"line {number} opens it again"
    if not told.sequence.path.read_bytes().endswith(b"\n"):
        yield "it does not end with a whole line: torn by a crash, or cut"
    sealed = Counter(line.record for line in lines if line.what == SEALED)
    yield from (f"{name} was sealed {times} times" for name, times in sealed.items() if times > 1)


def _unsigned(told: ReadSequence, pair: Pair) -> Iterator[str]:
    """What follows a signed line is signed, by a key that may; each by the key that it names."""
    closing = [line for line in told.lines if line.what in CLOSING]
    since = next((at for at, line in enumerate(closing) if line.told.get("signer")), len(closing))
    for line in closing[since:]:
        if not line.told.get("signer"):
            yield f"line {line.number} is not signed, and older ones are"
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each signature is a process of its own
        wrong = pool.map(lambda line: _signature_fault(told.head(line), line, pair), closing)
        yield from (what for what in wrong if what)


def _signature_fault(head: Head, line: SequenceLine, pair: Pair) -> str:
    signer = line.told.get("signer")
    if not signer and not line.signature:
        return ""
    if not line.signature:
        return f"line {line.number} was signed by {signer}, and the signature is gone"
    whose = signed(head, pair, str(line.told.get("at", "")))
    if whose.wrong:
        return f"the signature of line {line.number}: {whose.wrong}"
    return "" if whose.key == signer else f"line {line.number} was not signed by {signer}"


def signed(head: Head, pair: Pair, at: str = "") -> signature.Signed:
    """What the signature of a line says; `at` is when it was made, as UTC."""
    try:
        body = base64.b64decode(head.signature, validate=True)
    except ValueError:
        body = b""
    return signature.check_signature(
        head.signed, signature.dressed(body), pair.allowed_signers, at, "line"
    )


def _record_faults(
    record: Record, mine: Mapping[str, SequenceLine], places: set[str], numbered: bool
) -> Iterator[str]:
    """What the sequences say of one record that is here."""
    if not mine and numbered:
        yield "it is in no sequence: invented, renamed, or brought here"
        return
    place = record.manifest.told.get("sequence")
    if isinstance(place, dict) and place.get("line") not in places:
        yield f"its line {place.get('number')} is in no sequence: that was taken away, or made anew"
    sealed, digest = mine.get(SEALED), record.manifest.digest
    if sealed is None:
        return
    if not digest:
        yield f"it was sealed{_when(sealed)}, and its manifest is gone"
        return
    listed = pairs_in(sealed, "found").get(record.folder.name) or sealed.told.get("manifest")
    if listed != digest:
        yield f"it is not the record that was sealed{_when(sealed)}"
    if (record.folder / manifest.SEALING).exists():
        yield f"{manifest.SEALING} was added"
    if sealed.what != OPENED:
        yield from _attached_faults(record.folder, mine.get(ATTACHED, SequenceLine()))


def _attached_faults(folder: Path, line: SequenceLine) -> Iterator[str]:
    """What was added to a record has its line, and what has a line is still there."""
    path = folder / manifest.ATTACHED
    digest = manifest.sha256(path) if path.is_file() else None
    if digest != line.told.get("attached"):
        yield f"{manifest.ATTACHED} is not as the sequence tells"


def _when(line: SequenceLine) -> str:
    return f" {line.told.get('at', '')} by {line.told.get('by', 'nobody')}"


def _absent(
    told: list[ReadSequence], known: Mapping[str, Mapping[str, SequenceLine]], pair: Pair
) -> Iterator[Finding]:
    """Records that the sequences tell of and that are not here."""
    here = {folder.name for folder in record_folders(records_of(pair))}
    for name, mine in known.items():
        sealed = mine.get(SEALED)
        if THINNED in mine and not _may_be_thinned(name, sealed):
            yield Finding(name, "it is said to be thinned, and such a record never is")
        if name in here or THINNED in mine or (UNUSED in mine and not sealed):
            continue
        begun = mine.get(BEGUN, SequenceLine()).told.get("at", "")
        elsewhere = _hidden(records_of(pair), name)
        yield Finding(name, f"it was begun {begun}, and is not here: {elsewhere or 'removed'}")


def _may_be_thinned(name: str, sealed: SequenceLine | None) -> bool:
    """As the retention decides it, from what its line told when it was sealed."""
    of = record_name_of(Path(name))
    if sealed is None or of is None or sealed.told.get("number") is not None:
        return False
    if sealed.what == OPENED:  # it was there before the sequence, which tells no more of it
        return True
    outcome = sealed.told.get("outcome")
    return outcome == "rehearsed" or (outcome == "done" and of.notebook == "verify")


def _not_delivered(lines: list[SequenceLine], pair: Pair) -> Iterator[str]:
    """Which records `on_record:` has never taken, and why it failed last."""
    if not pair.on_record:
        return
    names = list(undelivered(line.raw for line in lines))
    failed = {line.record: line.told.get("because") for line in lines if line.what == UNDELIVERED}
    for name in names[-_NAMED:]:
        why = f": {failed[name]}" if name in failed else ""
        yield f"{name}: never delivered by on_record{why}"
    if len(names) > _NAMED:
        older = len(names) - _NAMED
        yield f"{older} older records: never delivered, from {names[0]} to {names[older - 1]}"


def _not_told(lines: list[SequenceLine]) -> Iterator[str]:
    """What could not be sent of a record, unless it was sent later."""
    sent = {
        (line.record, line.told.get("notice")): line.number for line in lines if line.what == TOLD
    }
    for line in lines:
        notice, because = line.told.get("notice"), line.told.get("because")
        if line.what != UNTOLD or sent.get((line.record, notice), -1) > line.number:
            continue
        if isinstance(because, list):
            yield f"{line.record}: its {notice} was not sent: {'; '.join(map(str, because))}"
        else:
            yield f"{line.told.get('at')}: notices were given up, because newer ones waited"


def _hidden(records: Path, name: str) -> str:
    """Under which other name it lies there, if it does."""
    for path in records.iterdir():
        try:
            told = json.loads((path / manifest.MANIFEST).read_bytes())
            if told["record"] == name:
                return f"it lies there as {path.name}"
        except (OSError, *ODD):
            continue
    return ""


def _drill_faults(line: SequenceLine, pair: Pair) -> Iterator[Finding]:
    """The report of a drill is there."""
    for name in pairs_in(line, "pages"):
        if not (records_of(pair) / name).exists():
            yield Finding(name, "it was written, and is not here: removed")


def _page_faults(told: list[ReadSequence], pair: Pair) -> Iterator[Finding]:
    """The pages beside the records are as pgha has written them."""
    if not told:
        return
    written: dict[str, str] = {}
    for line in (line for each in told for line in each.lines if line.what in (PAGE, DRILLED)):
        written |= pairs_in(line, "pages")
        if line.what == DRILLED:
            yield from _drill_faults(line, pair)
    for page in sorted(records_of(pair).glob("*.html")):
        try:
            known = manifest.sha256(page) == written.get(page.name)
        except OSError as error:
            yield Finding(page.name, f"it cannot be read: {error.strerror}")
            continue
        if not known:
            words = "pgha has not written it so: `pgha records page` makes it anew"
            yield Finding(page.name, words)
