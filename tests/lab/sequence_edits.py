"""What somebody may do to the sequence of an archive's records."""

from __future__ import annotations

import base64
import json
import random
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from pgha_helpers.model import Head
from pgha_helpers.records.making.numbering import own_sequence
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.records.making.sequence import CLOSING, OPENED, SEALED
from pgha_helpers.records.reading import manifest, signature

from .archives import Archive
from .forging import remade

Lines = list[dict[str, Any]]


def _path(archive: Archive) -> Path:
    return own_sequence(archive.pair).path


def _raws(archive: Archive) -> list[bytes]:
    return _path(archive).read_bytes().splitlines()


def _put(archive: Archive, raws: list[bytes]) -> None:
    _path(archive).write_bytes(b"".join(raw + b"\n" for raw in raws))


def rechained(archive: Archive, edit: Callable[[Lines], Lines], key: str = "") -> None:
    """Edit the lines, and make one chain of them again; signed by a key, or with old signatures."""
    own = own_sequence(archive.pair)
    old = own.lines()
    signatures = {line.number: line.signature for line in old}
    previous, raws = "", []
    for number, told in enumerate(edit([dict(line.told) for line in old])):
        kept = signatures.get(told["n"], b"")
        text = json.dumps({**told, "n": number, "prev": previous}, ensure_ascii=False).encode()
        previous = sha256(text).hexdigest()
        if key and told["what"] in CLOSING:
            head = Head(number, own.pair, own.host, previous)
            kept = signature.bare(signature.sign(head.signed, key))
        raws.append(text + (b" " + base64.b64encode(kept) if kept else b""))
    _put(archive, raws)


def sealed_again(archive: Archive, key: str = "") -> None:
    """Make everything true again, in the order in which it was made: journals, manifests, lines.

    Signed by a key, or by nobody.
    """
    places: dict[str, dict[str, Any]] = {}
    known: dict[str, dict[str, str]] = {}

    def as_it_is(told: dict[str, Any]) -> dict[str, Any]:
        folder = Path(archive.pair.records) / str(told.get("record"))
        if told["what"] == SEALED and folder.is_dir():
            told |= remade(folder, places[folder.name], known, key)
        return told

    own = own_sequence(archive.pair)
    previous, raws = "", []
    for line in own.lines():
        told = as_it_is(dict(line.told))
        if told["what"] in CLOSING:
            told.pop("signer", None)
            told |= {"signer": signature.key_fingerprint(key)} if key else {}
        text = json.dumps({**told, "prev": previous}, ensure_ascii=False).encode()
        previous = sha256(text).hexdigest()
        places[line.record] = {"number": line.number, "line": previous}
        signed = b""
        if key and told["what"] in CLOSING:
            head = Head(line.number, own.pair, own.host, previous)
            signed = b" " + base64.b64encode(signature.bare(signature.sign(head.signed, key)))
        raws.append(text + signed)
    _put(archive, raws)


def edit_a_line(chance: random.Random, archive: Archive) -> str:
    raws = _raws(archive)
    number = chance.randrange(len(raws))
    data = bytearray(raws[number])
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(7)
    _put(archive, [*raws[:number], bytes(data), *raws[number + 1 :]])
    return f"line {number} of the sequence edited"


def remove_a_line(chance: random.Random, archive: Archive) -> str:
    raws = _raws(archive)
    del raws[(number := chance.randrange(len(raws) - 3))]
    _put(archive, raws)
    return f"line {number} of the sequence removed"


def remove_a_line_and_chain_the_rest(chance: random.Random, archive: Archive) -> str:
    number = chance.randrange(1, len(_raws(archive)) - 5)
    rechained(archive, lambda lines: lines[:number] + lines[number + 1 :])
    return f"line {number} of the sequence removed, and the rest chained again"


def swap_two_lines(chance: random.Random, archive: Archive) -> str:
    raws = _raws(archive)
    one, other = chance.sample(range(len(raws)), 2)
    raws[one], raws[other] = raws[other], raws[one]
    _put(archive, raws)
    return f"lines {one} and {other} of the sequence swapped"


def cut_the_last_line_break(chance: random.Random, archive: Archive) -> str:
    _path(archive).write_bytes(_path(archive).read_bytes()[:-1])
    return "the last line break cut"


def strip_the_signatures_of_lines(chance: random.Random, archive: Archive) -> str:
    raws = [raw[: raw.rfind(b"}") + 1] for raw in _raws(archive)]
    _put(archive, raws)
    return "the signatures of the sequence stripped"


def strip_all_signatures(chance: random.Random, archive: Archive) -> str:
    """Of lines and records, with whatever says that there were any."""
    sealed_again(archive)
    return "every signature stripped"


def remove_the_sequence(chance: random.Random, archive: Archive) -> str:
    _path(archive).unlink()
    return "the sequence removed"


def remove_a_verify_and_the_sequence(chance: random.Random, archive: Archive) -> str:
    """And the next command begins a new one."""
    shutil.rmtree(folder := chance.choice(archive.light))
    _path(archive).unlink()
    complete_all(archive.pair)
    return f"{folder} and the sequence removed"


def empty_the_sequence(chance: random.Random, archive: Archive) -> str:
    _path(archive).write_bytes(b"")
    return "the sequence emptied"


def put_a_folder_in_its_place(chance: random.Random, archive: Archive) -> str:
    _path(archive).unlink()
    _path(archive).mkdir()
    return "the sequence is a folder"


def give_it_to_another_machine(chance: random.Random, archive: Archive) -> str:
    _path(archive).rename(_path(archive).with_name(f"sequence-{archive.pair.name}@ops9.jsonl"))
    return "the sequence is another machine's"


def _hide_behind(what: str, archive: Archive, folder: Path) -> str:
    digest = manifest.sha256(folder / manifest.MANIFEST)
    told = {"records": {folder.name: digest}} if what == "thinned" else {"record": folder.name}
    shutil.rmtree(folder)
    own_sequence(archive.pair).append(what, **told)
    return f"{folder} removed, and said to be {what}"


def say_that_a_verify_was_thinned(chance: random.Random, archive: Archive) -> str:
    return _hide_behind("thinned", archive, chance.choice(archive.light))


def say_that_a_verify_was_never_used(chance: random.Random, archive: Archive) -> str:
    return _hide_behind("unused", archive, chance.choice(archive.light))


def say_and_sign_that_a_change_was_thinned(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.changes)
    digest = manifest.sha256(folder / manifest.MANIFEST)
    shutil.rmtree(folder)

    def hidden(lines: Lines) -> Lines:
        told = {**lines[-1], "what": "thinned", "records": {folder.name: digest}}
        return [*lines, {**told, "signer": signature.key_fingerprint(archive.signs)}]

    rechained(archive, hidden, archive.signs)
    return f"{folder} removed, and said to be thinned"


def invent_another_machine(chance: random.Random, archive: Archive) -> str:
    """With a sequence of its own, in which a record stands that nobody has made."""
    folder = archive.light[0].with_name(archive.light[0].name[:-8] + "deadbeef")
    shutil.copytree(archive.light[0], folder)
    path = _path(archive).with_name(f"sequence-{archive.pair.name}@ops9.jsonl")
    told = {"n": 0, "what": OPENED, "pair": archive.pair.name, "host": "ops9", "prev": ""}
    digest = manifest.sha256(folder / manifest.MANIFEST)
    path.write_text(json.dumps({**told, "found": {folder.name: digest}}) + "\n")
    return f"{folder} invented, of another machine"


def _shorten(archive: Archive, folders: list[Path]) -> str:
    """Remove the newest records and every line since the first of them was begun."""
    names = {folder.name for folder in folders}
    raws = _raws(archive)
    first = min(n for n, raw in enumerate(raws) if any(name.encode() in raw for name in names))
    _put(archive, raws[:first])
    for folder in folders:
        shutil.rmtree(folder)
    (Path(archive.pair.records) / "index.html").unlink()
    return f"the newest {len(folders)} records removed, with their lines"


def remove_the_newest_verify_and_its_lines(chance: random.Random, archive: Archive) -> str:
    return _shorten(archive, archive.light[:1])


def remove_the_newest_change_and_its_lines(chance: random.Random, archive: Archive) -> str:
    newest = archive.folders.index(archive.changes[0])
    return _shorten(archive, archive.folders[: newest + 1])


_HERE, _SIGNS = "who may write here", "root here, who signs"
SEQUENCE_EDITS = (
    *(
        (deed, _HERE, "here")
        for deed in (
            edit_a_line,
            remove_a_line,
            remove_a_line_and_chain_the_rest,
            swap_two_lines,
            cut_the_last_line_break,
            strip_the_signatures_of_lines,
            strip_all_signatures,
            remove_the_sequence,
            remove_a_verify_and_the_sequence,
            empty_the_sequence,
            put_a_folder_in_its_place,
            give_it_to_another_machine,
            say_that_a_verify_was_thinned,
            say_that_a_verify_was_never_used,
            invent_another_machine,
        )
    ),
    (remove_the_newest_verify_and_its_lines, _HERE, "nodes"),
    (remove_the_newest_change_and_its_lines, _HERE, "nodes"),
    (say_and_sign_that_a_change_was_thinned, _SIGNS, "here"),
)
