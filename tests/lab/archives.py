"""A signed archive of a pair, and copies of it for whoever wants to edit one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.facts.chain_notes import Ledger, read_ledgers
from pgha_helpers.model import Head, Pair
from pgha_helpers.records.making.chain_notes import note_completion
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.records.making.numbering import own_sequence
from pgha_helpers.records.making.seal import complete_all, seal
from pgha_helpers.records.making.sequence import BEGUN, CLOSING, head_of
from pgha_helpers.records.reading.verification import Verified, verify
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from .. import embedded as lab
from ..conftest import pgha
from .runs import carry_out, changed_pair, running, to_promote

#: A setup and so many promotions there and back; around them verifies and one rehearsal.
CHANGES, LIGHT = 6, 4


@dataclass
class Archive:
    """Records, the pair that they are of, what its nodes hold, and what an auditor does.

    `signs` is the key of who signs: only root of the operator's machine has it.
    """

    pair: Pair
    path: Path
    ledgers: dict[str, Ledger]
    held: dict[str, Head]
    signs: str

    def copied_to(self, folder: Path) -> Archive:
        """A copy of the records, and of the list of signers, to be edited."""
        shutil.copytree(self.pair.records, folder, symlinks=True)
        signers = shutil.copyfile(
            self.pair.allowed_signers, folder.with_name(f"{folder.name}.list")
        )
        pair = replace(self.pair, records=str(folder), allowed_signers=str(signers))
        return replace(self, pair=pair, ledgers=dict(self.ledgers))

    def verified(self, heads: bool = True, held: bool = False) -> Verified:
        """What `records verify` says, with --nodes or without, and with --head."""
        return verify(self.pair, self.ledgers if heads else None, self.held if held else None)

    @property
    def folders(self) -> list[Path]:
        """Those of its records, the newest first."""
        return record_folders(Path(self.pair.records))

    @property
    def changes(self) -> list[Path]:
        """Those that are chained."""
        return [folder for folder in self.folders if folder.name in self._chained]

    @property
    def light(self) -> list[Path]:
        """Those that are not: verifies, and a rehearsal."""
        return [folder for folder in self.folders if folder.name not in self._chained]

    @property
    def _chained(self) -> set[str]:
        lines = own_sequence(self.pair).lines()
        return {line.record for line in lines if line.told.get("number") is not None}


def make_archive(clusters: lab.Lab, home: Path) -> Archive:
    """Signed by ann: a setup, promotions there and back, verifies and a rehearsal."""
    key, signers = home / "key", home / "signers"
    make_key(key, "ann")
    signers.write_text(f'ann namespaces="pgha" {key.with_suffix(".pub").read_text()}')
    told = {
        "records": str(home / "records"),
        "signing_key": str(key),
        "allowed_signers": str(signers),
    }
    path = changed_pair(clusters, home, **told)
    pair = load_pair(str(path))
    _verify(path, pair)
    carry_out(path, "setup", "setup db1", primary="db0")
    _seal(pair)
    for number in range(1, CHANGES):
        target = "db1" if number % 2 else "db0"
        words = {"operator": "Ünal \u202e", "reason": "a 'quoted' reason"}
        carry_out(path, "promote", to_promote(target), **words)
        _seal(pair)
        if number in (2, 4):
            _verify(path, pair)
    with running(path, "promote") as run:
        run.end("rehearsed")
    _seal(pair)
    assert complete_all(pair) == []
    assert pgha("records", "page", str(path)).returncode == 0
    ledgers, silent = read_ledgers(pair)
    assert not silent
    own = own_sequence(pair)
    newest = [line for line in own.lines() if line.what in CLOSING][-1]
    held = {"a ticket": head_of(newest, own.pair, own.host)}
    return Archive(pair, path, ledgers, held, str(key))


def make_key(key: Path, who: str) -> None:
    """A key without a passphrase."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", key]
    subprocess.run(words, check=True)


def _verify(path: Path, pair: Pair) -> None:
    with running(path, "verify", light=True) as run:
        run.end("done", words=str(judged(run, HEALTHY, look(run))))
    _seal(pair)


def _seal(pair: Pair) -> None:
    """Complete the newest record as `pgha run` does, with a notebook of its own."""
    begun = [line.record for line in own_sequence(pair).lines() if line.what == BEGUN]
    newest = Path(pair.records) / begun[-1]
    (newest / "notebook.ipynb").write_text('{"cells": []}')
    story = read(newest)
    seal(newest, story, pair, "a test")
    note_completion(newest, story, pair)
