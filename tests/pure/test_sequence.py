"""The sequence of a pair's records: two machines, torn lines, many runs at once, older archives."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgha_helpers.facts.chain_notes import Ledger
from pgha_helpers.model import Head, Note, Pair
from pgha_helpers.model.errors import BadParameters, Refusal
from pgha_helpers.records.making.chain_notes import notes_of
from pgha_helpers.records.making.numbering import add_line, make_folder, new_id, own_sequence
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.records.making.sequence import NOTED, SEALED, SequenceLine, head_of, standings
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.journal import Journal, read

from .made_records import found_in, left, ran


@pytest.fixture
def signing(here: Pair, tmp_path: Path) -> Pair:
    key, signers = tmp_path / "key", tmp_path / "signers"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key]
    subprocess.run(words, check=True)
    signers.write_text(f'ann namespaces="pgha" {Path(f"{key}.pub").read_text()}')
    return replace(here, signing_key=str(key), allowed_signers=str(signers))


def changed(pair: Pair, number: int = 1, previous: object = None) -> Path:
    """The record of a change, sealed."""
    folder = make_folder(pair, "promote", new_id())
    journal = Journal(folder)
    told = {"run": folder.name[-8:], "pair": pair.name, "notebook": "promote"}
    journal.write("run begun", **told, **{"from": platform.node()})
    journal.write("chained", system_id="7711", number=number, previous=previous)
    journal.write("gate passed", locked=["db0", "db1"])
    journal.write("run ended", outcome="done")
    journal.close()
    assert complete_all(pair, "a test") == []
    return folder


def noted(pair: Pair, *folders: Path) -> tuple[Note, ...]:
    """What a node has noted of these changes."""
    known = standings(Path(pair.records), pair.name)
    return tuple(
        note
        for folder in folders
        for _, note in notes_of(folder, read(folder), known[folder.name][SEALED])
    )


def test_each_record_has_its_lines_and_each_line_names_the_one_before(signing: Pair) -> None:
    folders = [ran(signing), ran(signing)]
    lines = own_sequence(signing).lines()
    assert [line.what for line in lines] == ["opened", "begun", "sealed", "begun", "sealed"]
    assert [line.record for line in lines[1:]] == [f.name for f in folders for _ in range(2)]
    for before, line in pairwise(lines):
        assert line.told["prev"] == before.digest and line.number == before.number + 1
    assert [bool(line.signature) for line in lines] == [line.what == "sealed" for line in lines]
    assert verify(signing).findings == []


def test_two_machines_have_a_sequence_each_and_share_the_chain(
    signing: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each keeps its own records; the nodes know both, and vouch for what is not here."""
    there = replace(signing, records=str(tmp_path / "there"))
    monkeypatch.setattr(platform, "node", lambda: "ops2")
    first = changed(there)
    theirs = noted(there, first)
    monkeypatch.setattr(platform, "node", lambda: "ops1")
    before = {"number": 1, "run": first.name[-8:], "host": "ops2", "journal": "", "manifest": ""}
    second = changed(signing, 2, before)
    notes = (*theirs, *noted(signing, second))
    both = {name: Ledger(notes) for name in signing.names}
    done = verify(signing, both)
    assert done.findings == [] and any("made on ops2" in note for note in done.notes)
    bare = tuple(replace(note, proof="") if note.host == "ops2" else note for note in notes)
    old = {name: Ledger(bare) for name in signing.names}
    assert verify(signing, old).findings == [], "an older version proves nothing, and is older"
    later = tuple(replace(note, number=3) if note.host == "ops2" else note for note in bare)
    (found,) = verify(signing, {"db0": Ledger(later), "db1": Ledger(later)}).findings
    assert "said to be made on ops2, is signed by nobody" in found.what


def test_two_machines_may_keep_their_records_in_one_place(
    signing: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("ops1", "ops2", "ops1"):
        monkeypatch.setattr(platform, "node", lambda host=host: host)
        ran(signing)
    names = sorted(path.name for path in Path(signing.records).glob("sequence-*"))
    assert names == ["sequence-prod@ops1.jsonl", "sequence-prod@ops2.jsonl"]
    assert verify(signing).findings == []


def test_a_line_that_a_crash_has_torn_is_continued(here: Pair) -> None:
    ran(here)
    path = own_sequence(here).path
    with path.open("ab") as file:
        file.write(b'{"n": 3, "at": "2026-11-30T02')
    assert any("whole line" in what for what in found_in(verify(here))), "until it is continued"
    ran(here)
    assert verify(here).findings == []
    assert [line.number for line in own_sequence(here).lines()] == [0, 1, 2, -1, 4, 5]


@pytest.mark.parametrize("torn", [b"", b'{"n": 1}', b'{"n": "x"}', b"\xff\n", b"\n\n"])
def test_whatever_a_sequence_ends_with_runs_go_on(here: Pair, torn: bytes) -> None:
    ran(here)
    with own_sequence(here).path.open("ab") as file:
        file.write(torn)
    folder = ran(here)
    assert {"begun", "sealed"} <= standings(Path(here.records), here.name)[folder.name].keys()


def test_many_runs_at_once_leave_one_chain(signing: Pair) -> None:
    each = [threading.Thread(target=ran, args=(signing,)) for _ in range(8)]
    for one in each:
        one.start()
    for one in each:
        one.join()
    assert verify(signing).findings == [] and len(own_sequence(signing).lines()) == 17


def test_an_archive_of_an_older_version_is_taken_in(here: Pair) -> None:
    folders = [ran(here), ran(here), left(here)]
    own_sequence(here).path.unlink()
    for folder in folders[:2]:
        text = (folder / "manifest.json").read_text().replace('"sequence": {', '"was": {')
        (folder / "manifest.json").write_text(text)
    assert verify(here).findings == []
    assert any("no sequence yet" in note for note in verify(here).notes)
    assert complete_all(here) == []
    (opened, *_) = own_sequence(here).lines()
    assert set(opened.told["found"]) == {folder.name for folder in folders}
    assert verify(here).findings == []
    shutil.rmtree(folders[0])
    assert "is not here: removed" in str(verify(here))


def test_a_sequence_that_was_taken_away_is_told_for_ever(here: Pair) -> None:
    ran(here)
    own_sequence(here).path.unlink()
    ran(here)
    assert any("that was taken away" in what for what in found_in(verify(here)))


def test_no_run_begins_where_it_cannot_be_numbered(here: Pair) -> None:
    ran(here)
    path = own_sequence(here).path
    path.unlink()
    path.mkdir()
    with pytest.raises(BadParameters, match="no record can be numbered"):
        make_folder(here, "verify", new_id())
    assert len(list(Path(here.records).glob("*-verify-*"))) == 1, "no empty folder is left"


def test_a_full_disk_leaves_no_half_of_a_line(here: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(here)
    before = own_sequence(here).path.read_bytes()

    def full(file: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return real(file, data[:10])

    real = os.write
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Refusal, match="No space left"):
        add_line(here, NOTED, line=1, nodes=["db0"])
    monkeypatch.undo()
    assert own_sequence(here).path.read_bytes() == before


def test_a_node_that_holds_a_newer_line_tells_of_what_was_removed(signing: Pair) -> None:
    ran(signing)
    own = own_sequence(signing)
    newest = ran(signing)
    head = head_of(own.lines()[-1], own.pair, own.host)
    shutil.rmtree(newest)
    own.path.write_bytes(b"".join(own.path.read_bytes().splitlines(keepends=True)[:3]))
    assert verify(signing).findings == []
    (found,) = verify(signing, {"db0": Ledger(heads=(head,))}).findings
    assert "here that ends with line 2: the newest were removed" in found.what
    assert verify(signing, None, {"a mail": head}).findings[0].where == "a mail"


def test_nodes_that_contradict_each_other_are_found(signing: Pair) -> None:
    folder = changed(signing)
    notes = noted(signing, folder)
    elsewhere = tuple(replace(note, host="ops9") for note in notes)
    done = verify(signing, {"db0": Ledger(notes), "db1": Ledger(elsewhere)})
    assert any("contradict each other" in finding.what for finding in done.findings)
    done = verify(signing, {"db0": Ledger(notes), "db1": Ledger()})
    assert any("db1 has noted run" in finding.what for finding in done.findings)
    assert verify(signing, {"db0": Ledger(notes)}).findings == [], "a silent node tells nothing"


def test_a_line_may_be_mailed(signing: Pair) -> None:
    ran(signing)
    own = own_sequence(signing)
    head = head_of(own.lines()[-1], own.pair, own.host)
    lines = head.text.splitlines()
    assert len(lines) == 3 and Head.parse_all(head.text) == [head]
    broken = "\n> ".join(lines[2][i : i + 72] for i in range(0, len(lines[2]), 72))
    mailed = f"Dear auditor,\n\n> {lines[0]}\r\n> {lines[1]}\n> {broken}\n\nYours,\nann\n"
    assert Head.parse_all(mailed) == [head]
    assert verify(signing, None, {"mail": head}).findings == []
    forged = replace(head, digest="0" * 64)
    (found,) = verify(signing, None, {"mail": forged}).findings
    assert "invented" in found.what


@given(st.binary())
def test_any_bytes_are_a_line_or_none(raw: bytes) -> None:
    line = SequenceLine.parse(raw)
    assert len(line.digest) == 64 and isinstance(line.number, int)


@pytest.mark.parametrize("edit", [str.upper, lambda text: text[:-9], lambda text: f"x{text}"])
def test_a_head_that_was_edited_is_none_or_another(edit: Callable[[str], str]) -> None:
    head = Head(7, "prod", "ops1", "a" * 64, "YWJj" * 30)
    assert Head.parse_all(edit(head.text)) != [head]
