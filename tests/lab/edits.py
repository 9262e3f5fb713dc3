"""What somebody may do to an archive: each edit says what it did."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pgha_helpers.facts.chain_notes import Ledger
from pgha_helpers.model import Pair
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.records.reading import manifest
from pgha_helpers.records.reading.verification import Verified, verify


@dataclass
class Archive:
    """Records, the pair that they are of, and what its nodes have noted."""

    pair: Pair
    path: Path
    ledgers: dict[str, Ledger]

    def copied_to(self, folder: Path) -> Archive:
        shutil.copytree(self.pair.records, folder)
        return replace(self, pair=replace(self.pair, records=str(folder)))

    def verified(self, heads: bool = True) -> Verified:
        return verify(self.pair, self.ledgers if heads else None)

    @property
    def folders(self) -> list[Path]:
        return record_folders(Path(self.pair.records))


def _some_file(chance: random.Random, folder: Path) -> Path:
    return chance.choice(sorted(folder.iterdir()))


def _changes(archive: Archive) -> list[Path]:
    return [folder for folder in archive.folders if "-verify-" not in folder.name]


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
    path = chance.choice(archive.folders) / chance.choice(
        ["note.txt", ".hidden", "attached.json", ".sealing", "x.sig"]
    )
    path.write_text("more")
    return f"{path} added"


def remove_a_record(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(_changes(archive))
    shutil.rmtree(folder)
    return f"{folder} removed"


def swap_two_records(chance: random.Random, archive: Archive) -> str:
    one, other = chance.sample(_changes(archive), 2)
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    return f"{one} and {other} swapped"


def swap_two_files(chance: random.Random, archive: Archive) -> str:
    one, other = chance.sample(_changes(archive), 2)
    name = chance.choice(
        ["journal.jsonl", "record.json", "report.html", "manifest.json", "manifest.json.sig"]
    )
    first, second = (one / name).read_bytes(), (other / name).read_bytes()
    (one / name).write_bytes(second)
    (other / name).write_bytes(first)
    return f"{name} of {one} and {other} swapped"


def forge_a_journal(chance: random.Random, archive: Archive) -> str:
    """A line is edited, the journal's own chain and the manifest are made anew, and the signature
    is taken away.
    """
    folder = chance.choice(_changes(archive))
    journal = folder / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    chance.choice(lines)["at"] = "2020-01-01T00:00:00.000Z"
    text, previous = "", ""
    for line in lines:
        new = json.dumps({**line, "prev": previous}, ensure_ascii=False)
        previous = sha256(new.encode()).hexdigest()
        text += new + "\n"
    journal.write_text(text)
    _remake_manifest(folder, journal_ends=previous)
    return f"{journal} forged"


def _remake_manifest(folder: Path, **changes: str) -> None:
    told = json.loads((folder / manifest.MANIFEST).read_text())
    (folder / manifest.MANIFEST).write_bytes(
        manifest.manifest_bytes(
            {**told, **changes, "signer": "", "files": manifest.digests(folder)}
        )
    )
    (folder / manifest.SIGNATURE).unlink(missing_ok=True)


def forge_a_report(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(_changes(archive))
    (folder / "report.html").write_text("all was well")
    _remake_manifest(folder)
    return f"the report of {folder} forged"


def forge_a_verify(chance: random.Random, archive: Archive) -> str:
    """Nothing is chained there; only the signature is missing afterwards."""
    folder = chance.choice([folder for folder in archive.folders if "-verify-" in folder.name])
    (folder / "report.html").write_text("all was well")
    _remake_manifest(folder)
    return f"the report of {folder} forged"


def add_an_attachment(chance: random.Random, archive: Archive) -> str:
    folder = chance.choice(archive.folders)
    (folder / "evil.html").write_text("all was well")
    told = {
        "format": 1,
        "to": manifest.sha256(folder / manifest.MANIFEST),
        "files": {"evil.html": manifest.sha256(folder / "evil.html")},
    }
    (folder / "attached.json").write_bytes(manifest.manifest_bytes(told))
    return f"attached to {folder}"


def invent_a_change(chance: random.Random, archive: Archive) -> str:
    """A record that continues the chain as it should, of a run that never was."""
    newest = _changes(archive)[0]
    run = "deadbeef"
    folder = newest.with_name(f"20991231T235959Z-changed-promote-{run}")
    shutil.copytree(newest, folder)
    lines = [json.loads(line) for line in (newest / "journal.jsonl").read_text().splitlines()]
    host = lines[0]["from"]
    last = sha256((newest / "journal.jsonl").read_bytes().splitlines()[-1]).hexdigest()
    told = {"number": 10, "run": newest.name[-8:], "host": host, "journal": last, "manifest": ""}
    text, previous = "", ""
    for line in lines:
        if line["event"] == "chained":
            line |= {"number": 11, "previous": told}
        if line["event"] == "run begun":
            line["run"] = run
        new = json.dumps({**line, "prev": previous}, ensure_ascii=False)
        previous = sha256(new.encode()).hexdigest()
        text += new + "\n"
    (folder / "journal.jsonl").write_text(text)
    _remake_manifest(folder, journal_ends=previous, record=folder.name, run=run)
    return f"{folder} invented"
