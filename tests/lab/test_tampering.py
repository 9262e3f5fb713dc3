"""An archive of ten changing runs, signed and noted on the nodes: whatever is done to it afterwards
is found.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from pgha_helpers.records.reading import by_hand, manifest
from pgha_helpers.records.reading.retention import thin

from .. import embedded as lab
from ..conftest import pgha
from .archives import CHANGES, LIGHT, Archive, make_archive
from .edits import EDITS, VERIFIES, Edit
from .record_edits import (
    forge_a_change,
    forge_a_report,
    invent_a_change,
    remove_a_change,
    swap_two_records,
)

SEED = int(os.environ.get("PGHA_SEED", "0")) or random.randrange(10**6)


@pytest.fixture(scope="module")
def archive(clusters: lab.Lab, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make_archive(clusters, tmp_path_factory.mktemp("archive"))


def test_the_untouched_archive_raises_no_alarm(archive: Archive) -> None:
    done = archive.verified()
    count = CHANGES + LIGHT
    told = (done.findings, done.records, done.signers, done.chained)
    assert told == ([], count, ["ann"] * count, CHANGES)
    assert len(done.proved) == 2 and archive.verified(held=True).findings == []
    assert archive.verified(heads=False).findings == []
    said = pgha("records", "verify", str(archive.path), "--nodes")
    assert (
        said.returncode == 0
        and f"{count} records, {count} signed by ann, {CHANGES} chained: all are as they were"
        in said.stdout
    )
    assert "--nodes" in pgha("records", "verify", str(archive.path)).stdout, (
        "what was not looked at is said"
    )


def test_numbers_go_up_by_one_and_each_names_the_one_before(archive: Archive) -> None:
    changes = list(reversed(archive.changes))
    told = [json.loads((folder / "record.json").read_text()) for folder in changes]
    assert [one["chain"]["number"] for one in told] == list(range(1, CHANGES + 1))
    assert told[0]["chain"]["previous"] is None
    for before, after in pairwise(told):
        assert after["chain"]["previous"]["run"] == before["run"]
        assert all(after["chain"]["previous"].values())


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_whatever_is_done_to_it_is_found(archive: Archive, tmp_path: Path, edit: Edit) -> None:
    """By `records verify` alone, by what the nodes hold, or by a line that somebody else holds."""
    forged = archive.copied_to(tmp_path / "forged")
    what = edit.deed(random.Random(SEED), forged)
    found = edit.found_by(forged)
    told = forged.verified(heads=False)
    assert found and found[0] == edit.found, f"seed {SEED}: {what}: {told}"
    assert set(found) == set(VERIFIES[VERIFIES.index(edit.found) :])


@pytest.mark.parametrize(
    "deed", [remove_a_change, swap_two_records, forge_a_change, forge_a_report, invent_a_change]
)
def test_the_notes_of_the_nodes_suffice_without_signatures(
    archive: Archive, tmp_path: Path, deed: Callable[[random.Random, Archive], str]
) -> None:
    bare = archive.copied_to(tmp_path / "bare")
    what = deed(random.Random(SEED), bare)
    found = [finding for finding in bare.verified().findings if "sign" not in finding.what]
    assert found, f"seed {SEED}: {what}"


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
        and sum("1 line among its notes cannot be read" in note for note in done.notes) == 2
    )


def test_a_key_that_is_no_longer_valid_has_signed_well(archive: Archive, tmp_path: Path) -> None:
    later = tmp_path / "signers"
    listed = Path(archive.pair.allowed_signers).read_text()
    aged = replace(archive, pair=replace(archive.pair, allowed_signers=str(later)))
    later.write_text(listed.replace("namespaces", 'valid-before="20991231",namespaces'))
    (only,) = aged.verified().findings
    assert only.where == str(later), "that the list is another one is told until a run is sealed"
    later.write_text(listed.replace("namespaces", 'valid-before="20200101",namespaces'))
    assert len(aged.verified().findings) >= CHANGES + LIGHT


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
    assert sorted(path.name for path in kept.light) == [spoiled.name] and len(gone) == LIGHT - 1
    (spoiled / "note.txt").unlink()
    assert thin(old) == [spoiled.name] and len(kept.folders) == CHANGES
    done = kept.verified()
    assert (done.findings, done.chained) == ([], CHANGES), "no false alarm after thinning"
    assert thin(replace(old, records_keep=0)) == []


def test_the_printed_procedure_finds_what_verify_finds(archive: Archive, tmp_path: Path) -> None:
    """Nothing but sha256sum, sed and ssh-keygen, as the report prints it."""
    by = archive.copied_to(tmp_path / "by")
    folder = by.changes[0]
    text = by_hand.words(folder, by.pair)
    text = text.replace("ALLOWED_SIGNERS", by.pair.allowed_signers).replace("-I WHO", "-I ann")

    def typed() -> str:
        done = subprocess.run(["sh", "-c", text], cwd=folder.parent, capture_output=True, text=True)
        return done.stdout + done.stderr

    said = typed()
    assert "FAILED" not in said and "BROKEN" not in said, said
    assert len(re.findall(r": OK$", said, re.M)) == len(manifest.contents(folder))
    assert said.count('Good "pgha" signature') == 3 and "\nann\n" in said
    assert '"what": "begun"' in said and '"what": "sealed"' in said
    last = re.search(r"the last one is ([0-9a-f]{64})", said)
    assert last and f'"journal_ends": "{last[1]}"' in said
    journal = folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace("promote", "demote_", 1))
    assert "journal.jsonl: FAILED" in typed() and "BROKEN" in typed()
    (folder / manifest.MANIFEST).write_text(
        (folder / manifest.MANIFEST).read_text().replace("done", "lost")
    )
    assert "Could not verify signature" in typed() or "incorrect signature" in typed()
