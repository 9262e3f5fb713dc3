"""What somebody may do to the records of an archive: each edit says what it did."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.records.reading import manifest

from .archives import Archive, make_key
from .forging import forge_journal, remake_manifest
from .sequence_edits import sealed_again


def _some_file(chance: random.Random, folder: Path) -> Path:
    return chance.choice(sorted(folder.iterdir()))


def edit_a_byte(chance: random.Random, archive: Archive) -> str:
    path = _some_file(chance, chance.choice(archive.folders))
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= chance.randrange(1, 256)
    path.write_bytes(data)
    return f"byte {place} of {path}"


def cut_a_byte(chance: random.Random, archive: Archive) -> str:
    path = _some_file(chance, chance.choice(archive.folders))
    data = bytearray(path.read_bytes())
    del data[(place := chance.randrange(len(data)))]
    path.write_bytes(data)
    return f"byte {place} cut from {path}"


def remove_a_file(chance: random.Random, archive: Archive) -> str:
    path = _some_file(chance, chance.choice(archive.folders))
    path.unlink()
    return f"{path} removed"


def add_a_file(chance: random.Random, archive: Archive) -> str:
    names = ["note.txt", ".hidden", "attached.json", ".sealing", "x.sig"]
    path = chance.choice(archive.folders) / chance.choice(names)
    path.write_text(chance.choice(["more", ""]))
    return f"{path} added"


def add_a_folder(chance: random.Random, archive: Archive) -> str:
    path = chance.choice(archive.folders) / "more"
    path.mkdir()
    return f"{path} added"


def remove_a_change(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.changes)
    shutil.rmtree(folder)
    return f"{folder} removed"


def remove_a_verify(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.light)
    shutil.rmtree(folder)
    return f"{folder} removed"


def swap_two_records(chance: random.Random, archive: Archive) -> str:
    one, other = chance.sample(archive.folders, 2)
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    return f"{one} and {other} swapped"


def swap_two_files(chance: random.Random, archive: Archive) -> str:
    one, other = chance.sample(archive.folders, 2)
    names = ["journal.jsonl", "record.json", "report.html", manifest.MANIFEST, manifest.SIGNATURE]
    name = chance.choice(names)
    first, second = (one / name).read_bytes(), (other / name).read_bytes()
    (one / name).write_bytes(second)
    (other / name).write_bytes(first)
    return f"{name} of {one} and {other} swapped"


def hide_a_record(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    hidden = folder.with_name(chance.choice([f".{folder.name}", "old", f"{folder.name}.bak"]))
    folder.rename(hidden)
    return f"{folder} hidden as {hidden.name}"


def rename_a_record(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    other = folder.with_name(folder.name.replace("2026", "2025", 1))
    folder.rename(other)
    return f"{folder} renamed to {other.name}"


def put_a_link_in_its_place(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    aside = folder.with_name("elsewhere")
    folder.rename(aside)
    folder.symlink_to(aside)
    return f"{folder} is a link"


def forge_a_change(chance: random.Random, archive: Archive) -> str:
    """A line is edited, the journal's own chain and the manifest are made anew, and the signature
    is taken away.
    """
    folder = chance.choice(archive.changes)
    forge_journal(folder, lambda lines: chance.choice(lines).update(at="2020-01-01T00:00:00.000Z"))
    remake_manifest(folder)
    return f"{folder} forged"


def forge_the_oldest(chance: random.Random, archive: Archive) -> str:
    folder = archive.folders[-1]
    forge_journal(folder, lambda lines: lines[0].update(operator="somebody"))
    remake_manifest(folder)
    return f"{folder} forged"


def forge_a_report(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    (folder / "report.html").write_text("all was well")
    remake_manifest(folder)
    return f"the report of {folder} forged"


def add_an_attachment(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    (folder / "notebook.html").write_text("all was well")
    told = {
        "format": 1,
        "to": manifest.sha256(folder / manifest.MANIFEST),
        "files": {"notebook.html": manifest.sha256(folder / "notebook.html")},
    }
    (folder / manifest.ATTACHED).write_bytes(manifest.manifest_bytes(told))
    return f"attached to {folder}"


def _invent(archive: Archive, like: Path, edit: Callable[[dict[str, object]], object]) -> Path:
    """A record like another one, of a run that never was."""
    run = "deadbeef"
    folder = like.with_name(
        f"20991231T235959Z-{archive.pair.name}-{like.name.split('-')[-2]}-{run}"
    )
    shutil.copytree(like, folder)

    def all_lines(lines: list[dict[str, object]]) -> None:
        for line in lines:
            edit(line)
            if line["event"] == "run begun":
                line["run"] = run

    forge_journal(folder, all_lines)
    remake_manifest(folder, record=folder.name, run=run)
    return folder


def invent_a_change(chance: random.Random, archive: Archive) -> str:
    """It continues the chain as it should."""
    newest = archive.changes[0]
    last = sha256((newest / "journal.jsonl").read_bytes().splitlines()[-1]).hexdigest()
    told = {"run": newest.name[-8:], "journal": last, "manifest": ""}

    def continues(line: dict[str, object]) -> None:
        if line["event"] == "chained":
            number = line["number"]
            line |= {"number": int(str(number)) + 1, "previous": {**told, "number": number}}

    return f"{_invent(archive, newest, continues)} invented"


def invent_a_verify_and_let_it_be_completed(chance: random.Random, archive: Archive) -> str:
    folder = _invent(archive, archive.light[0], lambda line: None)
    for path in folder.iterdir():
        if path.name not in ("journal.jsonl", "notebook.ipynb"):
            path.unlink()
    complete_all(archive.pair)
    return f"{folder} invented"


def launder_a_record(chance: random.Random, archive: Archive) -> str:
    """Unsealed, edited, and sealed again by the next `pgha records`."""
    folder = chance.choice(archive.folders)
    for path in folder.iterdir():
        if path.name not in ("journal.jsonl", "notebook.ipynb"):
            path.unlink()
    forge_journal(folder, lambda lines: lines[0].update(reason="all was planned"))
    complete_all(archive.pair)
    return f"{folder} laundered"


def falsify_the_page(chance: random.Random, archive: Archive) -> str:
    page = Path(archive.pair.records) / "index.html"
    page.write_text(page.read_text().replace("promote", "verify"))
    return f"{page} falsified"


def put_a_folder_in_place_of_a_journal(chance: random.Random, archive: Archive) -> str:
    path = chance.choice(archive.folders) / "journal.jsonl"
    path.unlink()
    path.mkdir()
    return f"{path} is a folder"


def let_somebody_else_sign(chance: random.Random, archive: Archive) -> str:
    """A record is changed and signed by a key that is no signer's."""
    folder, key = chance.choice(archive.folders), Path(f"{archive.pair.allowed_signers}.eve")
    make_key(key, "eve")
    (folder / "report.html").write_text("all was well")
    remake_manifest(folder, str(key))
    return f"{folder} signed by eve"


def add_a_signer(chance: random.Random, archive: Archive) -> str:
    """Root of the operator's machine lists one more, and lets him sign a record that he changed."""
    what = let_somebody_else_sign(chance, archive)
    listed = Path(archive.pair.allowed_signers)
    public = Path(f"{listed}.eve.pub").read_text()
    listed.write_text(f'{listed.read_text()}eve namespaces="pgha" {public}')
    return f"{what}, who is listed now"


def only_add_a_signer(chance: random.Random, archive: Archive) -> str:
    listed = Path(archive.pair.allowed_signers)
    key = Path(f"{listed}.eve")
    make_key(key, "eve")
    listed.write_text(f'{listed.read_text()}eve namespaces="pgha" {Path(f"{key}.pub").read_text()}')
    return "eve is listed"


def sign_a_changed_record(chance: random.Random, archive: Archive) -> str:
    """Root of the operator's machine has the key."""
    folder = chance.choice(archive.folders)
    forge_journal(folder, lambda lines: lines[0].update(reason="all was planned"))
    remake_manifest(folder, archive.signs)
    return f"{folder} changed and signed"


def sign_a_changed_record_and_the_sequence(chance: random.Random, archive: Archive) -> str:
    what = sign_a_changed_record(chance, archive)
    sealed_again(archive, archive.signs)
    return f"{what}, and the sequence after it"


_HERE, _SIGNS = "who may write here", "root here, who signs"
RECORD_EDITS = (
    *(
        (deed, _HERE, "here")
        for deed in (
            edit_a_byte,
            cut_a_byte,
            remove_a_file,
            add_a_file,
            add_a_folder,
            remove_a_change,
            remove_a_verify,
            swap_two_records,
            swap_two_files,
            hide_a_record,
            rename_a_record,
            put_a_link_in_its_place,
            forge_a_change,
            forge_the_oldest,
            forge_a_report,
            add_an_attachment,
            invent_a_change,
            invent_a_verify_and_let_it_be_completed,
            launder_a_record,
            falsify_the_page,
            put_a_folder_in_place_of_a_journal,
            let_somebody_else_sign,
        )
    ),
    (add_a_signer, _SIGNS, "here"),
    (only_add_a_signer, _SIGNS, "here"),
    (sign_a_changed_record, _SIGNS, "here"),
    (sign_a_changed_record_and_the_sequence, _SIGNS, "nodes"),
)
