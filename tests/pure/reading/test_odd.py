"""Whatever has become of a record, it is shown, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.archive.compare import compare
from pgha_helpers.archive.entries import entries
from pgha_helpers.archive.listing import listing
from pgha_helpers.archive.page import page
from pgha_helpers.archive.report import report
from pgha_helpers.archive.showing import shown
from pgha_helpers.errors import BadParameters
from pgha_helpers.journal import NAME as JOURNAL
from pgha_helpers.journal import Journal

from .made_up import write_run


def edited(folder: Path) -> None:
    text = (folder / JOURNAL).read_text()
    (folder / JOURNAL).write_text(text.replace('"operator": "ada"', '"operator": "eve"'))


def misshapen(folder: Path) -> None:
    (folder / JOURNAL).unlink()
    journal = Journal(folder)
    journal.write("run begun", run="x", notebook="verify", pair="prod", operator=["a"], reason={"b": 1})
    journal.write("judged", verdicts="all well")
    journal.write("run ended", outcome="done")
    journal.close()


@pytest.mark.parametrize(
    ("break_it", "outcome", "why"),
    [
        (edited, "unreadable", "does not continue"),
        (misshapen, "unreadable", "verdicts are not what"),
        (lambda folder: (folder / JOURNAL).write_bytes(b"\xff\xfe\n[1]\nnull\n"), "unreadable", "line 1"),
        (lambda folder: (folder / JOURNAL).write_bytes(b""), "interrupted", ""),
        (lambda folder: (folder / JOURNAL).unlink(), "not begun", ""),
        (lambda folder: ((folder / JOURNAL).unlink(), (folder / "record.json").touch()), "unreadable", "missing"),
        (lambda folder: (folder / "record.json").write_text('{"format": 99}'), "newer version", "newer version"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 99}'), "newer version", "newer version"),
        (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "done", ""),
    ],
)
def test_whatever_has_become_of_a_record_it_is_shown_and_says_so(
    tmp_path: Path, break_it: Any, outcome: str, why: str
) -> None:
    folder = write_run(tmp_path)
    break_it(folder)
    (found,) = entries(tmp_path)
    assert found.told["outcome"] == outcome and why in found.why
    assert (found.told["pair"], found.told["notebook"]) == ("prod", "verify")
    for told in (str(listing([found])), shown(found), page([found]), report(folder, found.told, "by hand")):
        assert outcome in told
    if found.legible:
        assert compare(found, found).text()
    else:
        with pytest.raises(BadParameters, match="cannot be compared"):
            compare(found, found)


def test_a_run_that_is_under_way_is_said_to_be_running(tmp_path: Path) -> None:
    folder = tmp_path / "20261122T101010Z-prod-verify-0000000a"
    folder.mkdir()
    journal = Journal(folder)
    journal.write("run begun", run="0000000a", notebook="verify", pair="prod")
    assert [entry.state for entry in entries(tmp_path)] == ["running"]
    journal.close()
    assert [entry.state for entry in entries(tmp_path)] == ["interrupted"]


def test_a_record_is_sealed_once_its_manifest_is_written(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    assert not entries(tmp_path)[0].sealed
    (folder / "manifest.json").write_text("{}")
    assert entries(tmp_path)[0].sealed
