"""An archive of ten changing runs, signed and noted on the nodes: whatever is done to it afterwards
is found.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pgha_helpers import judged, look
from pgha_helpers.facts.chain_notes import read_ledgers
from pgha_helpers.judgement.checks import HEALTHY
from pgha_helpers.records.making.chain_notes import note_completion
from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.records.making.seal import complete_all, seal
from pgha_helpers.records.reading import by_hand, manifest
from pgha_helpers.records.reading.retention import thin
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters import load_pair

from .. import embedded as lab
from ..conftest import pgha
from .edits import (
    Archive,
    _changes,
    add_a_file,
    add_an_attachment,
    cut_a_byte,
    edit_a_byte,
    forge_a_journal,
    forge_a_report,
    forge_a_verify,
    invent_a_change,
    remove_a_file,
    remove_a_record,
    swap_two_files,
    swap_two_records,
)
from .runs import carry_out, changed_pair, running, to_promote

SEED = int(os.environ.get("PGHA_SEED", "0")) or random.randrange(10**6)
EDITS = int(os.environ.get("PGHA_EDITS", "200"))


@pytest.fixture(scope="module")
def archive(clusters: lab.Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    home = tmp_path_factory.mktemp("archive")
    key, signers = home / "key", home / "signers"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key], check=True
    )
    signers.write_text(f'ann namespaces="pgha" {key.with_suffix(".pub").read_text()}')
    told = {
        "records": str(home / "records"),
        "signing_key": str(key),
        "allowed_signers": str(signers),
    }
    path = changed_pair(clusters, home, **told)
    found = load_pair(str(path))
    for number in range(10):
        if number:
            target = "db1" if number % 2 else "db0"
            carry_out(
                path,
                "promote",
                to_promote(target),
                operator="Ünal \u202e",
                reason="a 'quoted' reason",
            )
        else:
            carry_out(path, "setup", "setup db1", primary="db0")
        newest = record_folders(home / "records")[0]
        (newest / "notebook.ipynb").write_text('{"cells": []}')
        story = read(newest)
        seal(newest, story, found, "a test")
        note_completion(newest, story, found)
    for light in (True, True):
        with running(path, "verify", light=light) as run:
            run.end("done", words=str(judged(run, HEALTHY, look(run))))
    assert complete_all(found) == []
    ledgers, silent = read_ledgers(found)
    assert not silent
    yield Archive(found, path, ledgers)


def test_the_untouched_archive_raises_no_alarm(archive: Archive) -> None:
    done = archive.verified()
    assert (done.findings, done.records, done.signers, done.chained) == ([], 12, ["ann"] * 12, 10)
    assert archive.verified(heads=False).findings == []
    said = pgha("records", "verify", str(archive.path), "--nodes")
    assert (
        said.returncode == 0
        and "12 records, 12 signed by ann, 10 chained: all are as they were" in said.stdout
    )
    assert "--nodes" in pgha("records", "verify", str(archive.path)).stdout, (
        "what was not looked at is said"
    )


def test_numbers_go_up_by_one_and_each_names_the_one_before(archive: Archive) -> None:
    changes = [folder for folder in reversed(archive.folders) if "-verify-" not in folder.name]
    told = [json.loads((folder / "record.json").read_text()) for folder in changes]
    assert [one["chain"]["number"] for one in told] == list(range(1, 11))
    assert told[0]["chain"]["previous"] is None
    for before, after in pairwise(told):
        assert after["chain"]["previous"]["run"] == before["run"]
        assert all(after["chain"]["previous"].values())


DEEDS: list[Callable[[random.Random, Archive], str]] = [
    *(
        edit_a_byte,
        cut_a_byte,
        remove_a_file,
        add_a_file,
        remove_a_record,
        swap_two_records,
        swap_two_files,
    ),
    *(forge_a_journal, forge_a_report, forge_a_verify, add_an_attachment, invent_a_change),
]


def test_whatever_is_done_to_it_is_found(archive: Archive, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for number in range(EDITS):
        forged = archive.copied_to(tmp_path / str(number))
        what = DEEDS[number % len(DEEDS)](chance, forged)
        assert forged.verified().findings, f"seed {SEED}: {what}"
        shutil.rmtree(forged.pair.records)


@pytest.mark.parametrize(
    "deed", [remove_a_record, swap_two_records, forge_a_journal, forge_a_report, invent_a_change]
)
def test_the_notes_of_the_nodes_suffice_without_signatures(
    archive: Archive, tmp_path: Path, deed: Callable[[random.Random, Archive], str]
) -> None:
    bare = archive.copied_to(tmp_path / "bare")
    what = deed(random.Random(SEED), bare)
    found = [finding for finding in bare.verified().findings if "sign" not in finding.what]
    assert found, f"seed {SEED}: {what}"


def test_the_newest_is_missed_only_where_the_nodes_are_asked(
    archive: Archive, tmp_path: Path
) -> None:
    shorter = archive.copied_to(tmp_path / "shorter")
    shutil.rmtree(_changes(shorter)[0])
    assert not shorter.verified(heads=False).findings, "nothing on this machine can know of it"
    assert [
        str(finding)
        for finding in shorter.verified().findings
        if "number 10, is not here" in str(finding)
    ]


def test_what_another_machine_has_made_is_no_accusation(archive: Archive, tmp_path: Path) -> None:
    """Two operators' machines, one chain: here, the runs 1 and 2 were made on the other one."""
    here = archive.copied_to(tmp_path / "here")
    there = {json.loads((f / manifest.MANIFEST).read_text())["run"] for f in _changes(here)[-2:]}
    for folder in _changes(here)[-2:]:
        shutil.rmtree(folder)
    assert here.verified().findings, "removed, as long as they were made on this machine"
    moved = {
        name: replace(
            led, notes=tuple(replace(n, host="ops2") if n.run in there else n for n in led.notes)
        )
        for name, led in here.ledgers.items()
    }
    done = replace(here, ledgers=moved).verified()
    assert done.findings == [] and any(
        "made on ops2: its record is there" in note for note in done.notes
    )


def test_a_line_that_a_crash_has_torn_is_told_and_no_accusation(
    archive: Archive, tmp_path: Path
) -> None:
    torn = {
        name: replace(ledger, torn=('{"number": 2, "ru',))
        for name, ledger in archive.ledgers.items()
    }
    done = replace(archive, ledgers=torn).verified()
    assert (
        done.findings == []
        and sum("lines among its notes that are none" in note for note in done.notes) == 2
    )


def test_a_key_that_is_no_longer_valid_has_signed_well(archive: Archive, tmp_path: Path) -> None:
    later = tmp_path / "signers"
    listed = Path(archive.pair.allowed_signers).read_text()
    later.write_text(listed.replace("namespaces", 'valid-before="20991231",namespaces'))
    assert (
        not replace(archive, pair=replace(archive.pair, allowed_signers=str(later)))
        .verified()
        .findings
    )
    later.write_text(listed.replace("namespaces", 'valid-before="20200101",namespaces'))
    assert (
        len(
            replace(archive, pair=replace(archive.pair, allowed_signers=str(later)))
            .verified()
            .findings
        )
        == 12
    )


def test_somebody_elses_signature_is_refused(archive: Archive, tmp_path: Path) -> None:
    other = archive.copied_to(tmp_path / "other")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    folder = other.folders[0]
    (folder / manifest.MANIFEST).with_name("manifest.json.sig").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "pgha", "-f", key, folder / manifest.MANIFEST],
        check=True,
    )
    assert any("is not in" in finding.what for finding in other.verified().findings)


def test_retention_thins_only_verifies_that_were_well_and_rehearsals(
    archive: Archive, tmp_path: Path
) -> None:
    kept = archive.copied_to(tmp_path / "kept")
    old = replace(kept.pair, records_keep=0.001)
    (spoiled,) = [folder for folder in kept.folders if "-verify-" in folder.name][:1]
    (spoiled / "note.txt").write_text("somebody else's")
    gone = thin(old)
    assert len(gone) == 1 and "-verify-" in gone[0]
    assert spoiled.exists(), "what holds something that is not ours is left alone"
    (spoiled / "note.txt").unlink()
    assert len(thin(old)) == 1 and len(kept.folders) == 10
    done = kept.verified()
    assert (done.findings, done.chained) == ([], 10), "no false alarm after thinning"
    assert thin(replace(old, records_keep=0)) == []


def test_the_printed_procedure_finds_what_verify_finds(archive: Archive, tmp_path: Path) -> None:
    """Nothing but sha256sum, sed and ssh-keygen, as the report prints it."""
    by = archive.copied_to(tmp_path / "by hand")
    folder = _changes(by)[0]
    text = by_hand.words(folder, by.pair)
    text = text.replace("ALLOWED_SIGNERS", by.pair.allowed_signers).replace("-I WHO", "-I ann")

    def typed() -> str:
        done = subprocess.run(["sh", "-c", text], cwd=folder.parent, capture_output=True, text=True)
        return done.stdout + done.stderr

    said = typed()
    assert "FAILED" not in said and "BROKEN" not in said, said
    assert len(re.findall(r": OK$", said, re.M)) == len(manifest.contents(folder))
    assert said.count('Good "pgha" signature') == 2 and "\nann\n" in said
    last = re.search(r"the last one is ([0-9a-f]{64})", said)
    assert last and f'"journal_ends": "{last[1]}"' in said
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace("promote", "demote_", 1))
    assert "journal.jsonl: FAILED" in typed() and "BROKEN" in typed()
    (folder / manifest.MANIFEST).write_text(
        (folder / manifest.MANIFEST).read_text().replace("done", "lost")
    )
    assert "Could not verify signature" in typed() or "incorrect signature" in typed()
