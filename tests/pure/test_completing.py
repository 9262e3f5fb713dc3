"""Completing a record: it may be killed, left to others, or put off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.model import Pair
from pgha_helpers.model.errors import Refusal
from pgha_helpers.model.units import Seconds
from pgha_helpers.records.making import seal as sealing
from pgha_helpers.records.making.folder import FolderLock
from pgha_helpers.records.making.numbering import add_line, make_folder, new_id
from pgha_helpers.records.making.seal import complete_all, seal, was_sealed
from pgha_helpers.records.making.sequence import THINNED, standings
from pgha_helpers.records.reading import manifest
from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.records.reading.retention import thin
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.journal import Journal, read

from .made_records import found_in, left, ran


def test_a_record_that_goes_on_is_no_finding(here: Pair) -> None:
    folder = make_folder(here, "verify", new_id())
    journal = Journal(folder)
    journal.write("run begun", run=folder.name[-8:], pair=here.name)
    assert complete_all(here) == [] and not (folder / manifest.MANIFEST).exists()
    assert verify(here).findings == [] and any("goes on" in note for note in verify(here).notes)
    journal.close()
    assert complete_all(here) == [] and (folder / manifest.MANIFEST).exists()
    assert (
        read_manifest(folder / manifest.MANIFEST)
        .told["completed"]["late"]
        .startswith("the run was interrupted")
    )


def test_a_record_that_somebody_completes_now_is_left_to_him(here: Pair) -> None:
    folder = left(here, outcome="done")
    with FolderLock(folder) as first:
        assert first.held and complete_all(here) == []
        assert not (folder / manifest.MANIFEST).exists()
    complete_all(here)
    assert (folder / manifest.MANIFEST).exists()


@pytest.mark.parametrize(
    "kept", [(".sealing",), (".sealing", "report.html"), (".sealing", "report.html", "record.json")]
)
def test_completing_may_be_killed_and_is_begun_again(here: Pair, kept: tuple[str, ...]) -> None:
    folder = left(here, outcome="done")
    for name in kept:
        (folder / name).write_text("")
    (folder / ".report.html.new").write_text("half")
    assert not was_sealed(folder) and complete_all(here) == []
    assert verify(here).findings == [] and not list(folder.glob(".*"))


def test_completing_that_was_killed_in_its_last_steps(
    here: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest is written, and the sequence does not tell of it."""
    monkeypatch.setattr(sealing, "add_line", lambda *_, **__: None)
    folder = ran(here)
    monkeypatch.undo()
    before = (folder / manifest.MANIFEST).read_bytes()
    (folder / ".sealing").touch()
    assert any("not in the sequence yet" in note for note in verify(here).notes)
    assert complete_all(here) == [] and not (folder / ".sealing").exists()
    assert (folder / manifest.MANIFEST).read_bytes() == before
    assert standings(Path(here.records), here.name)[folder.name].keys() == {"begun", "sealed"}
    assert verify(here).findings == [] and verify(here).notes == []


def test_a_record_without_its_manifest_is_not_completed_again(here: Pair) -> None:
    folder = ran(here)
    (folder / manifest.MANIFEST).unlink()
    assert complete_all(here) == [] and "manifest.json is gone" in found_in(verify(here))
    with pytest.raises(Refusal, match="has lost its manifest"):
        seal(folder, read(folder), here, "a test")


def test_an_unknown_signing_key_leaves_the_record_to_be_completed_later(
    here: Pair, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("no key")
    folder = left(here, outcome="done")
    (complaint,) = complete_all(replace(here, signing_key=str(tmp_path / "key")))
    assert "signing_key" in complaint and not (folder / manifest.MANIFEST).exists()
    assert complete_all(here) == [] and verify(here).findings == []


def test_what_a_person_has_saved_there_is_moved_beside_and_not_sealed_in(here: Pair) -> None:
    """JupyterLab's file browser shows the record's folder."""
    folder = left(here, outcome="done")
    (folder / "notes.md").write_text("password=hunter2")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "notes-checkpoint.md").write_text("password=hunter2")
    (folder / "more").mkdir()
    (folder / "more" / "x").write_text("x")
    (folder / ".notebook.ipynb.4711.new").write_text("half")
    assert complete_all(here) == [] and verify(here).findings == []
    beside = folder.with_name(f"{folder.name}.others")
    assert {path.name for path in beside.iterdir()} == {"notes.md", "more"}
    assert set(read_manifest(folder / manifest.MANIFEST).files) == {
        "journal.jsonl",
        "record.json",
        "report.html",
    }


@pytest.mark.parametrize(
    "line", ['{"n": 0, "event": "run begun", "prev": "", "run": "RUN", "pair": "prod"}', "\xff"]
)
def test_one_odd_record_hides_no_other(here: Pair, line: str) -> None:
    odd, other = left(here), left(here, outcome="done")
    (odd / "journal.jsonl").write_text(line.replace("RUN", odd.name[-8:]) + "\n")
    complete_all(here)
    assert (other / manifest.MANIFEST).exists()


def test_thinning_may_be_killed(here: Pair) -> None:
    folder = ran(here)
    add_line(here, THINNED, records={folder.name: "…"})
    half = folder.rename(folder.with_name(f".thinned-{folder.name}"))
    (half / "journal.jsonl").unlink()
    assert verify(here).findings == []
    thin(replace(here, records_keep=Seconds(3600)))
    assert not half.exists()
