"""What happened to a pair last, told from its journals."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pgha_helpers.records.making.newest_change import Change, newest_change
from pgha_helpers.run.journal import Journal

from .reading.made_up import write_run

OWN = "20261122T101500Z-prod-promote-000000ff"


def found(records: Path, but: str = OWN) -> Change:
    change = newest_change(records, "prod", but=records / but)
    assert change is not None
    return change


def test_a_pair_without_changes_has_none(tmp_path: Path) -> None:
    assert newest_change(tmp_path / "none", "prod") is None
    write_run(tmp_path, "0000000a", "verify")
    write_run(tmp_path, "0000000b", "promote", "rehearsed")
    write_run(tmp_path, "0000000c", "promote", pair="other")
    assert newest_change(tmp_path, "prod") is None


def test_it_is_told_who_promoted_what_when_how_it_ended_and_for_how_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_run(tmp_path, "0000000a", "promote")
    write_run(tmp_path, "0000000b", "verify", at="20261122T101110Z")
    write_run(tmp_path, "000000ff", "promote", at="20261122T101500Z")
    change = found(tmp_path)
    ended = change.story.events[-1]["at"]
    monkeypatch.setattr(time, "time", lambda: _seconds(ended) + 180)
    assert str(change).startswith("run 0000000a (promote) promoted db1 3 min ago: done;")
    assert "clients without a primary: " in str(change) and str(change).endswith(str(folder))
    assert change.young and not change.goes_on
    steps = str(change.steps())
    assert "arm: the next start makes it a standby" in steps and "promote" in steps


def test_one_that_was_killed_while_it_promoted_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, "0000000a", "promote", "interrupted", end=False)
    folder = tmp_path / "20261122T101200Z-prod-promote-0000000b"
    folder.mkdir()
    journal = Journal(folder)
    journal.write("run begun", run="0000000b", notebook="promote")
    journal.write("deed begun", node="db0", kind="promote", did="promote")
    running = found(tmp_path)
    assert running.run == "0000000b" and running.goes_on
    assert "is still running in another window or program, since " in str(running)
    journal.close()
    killed = str(found(tmp_path))
    assert "began to promote db0 " in killed and "ago: interrupted" in killed
    assert "promote: begun, and its end is not told" in str(found(tmp_path).steps())


def test_one_that_began_earlier_and_ended_later_is_newer(tmp_path: Path) -> None:
    """Two windows: the gate of the first one waited, the second one went on."""
    first = tmp_path / "20261122T101000Z-prod-promote-0000000a"
    first.mkdir()
    journal = Journal(first)
    journal.write("run begun", run="0000000a", notebook="promote")
    write_run(tmp_path, "0000000b", "promote", at="20261122T101100Z")
    assert found(tmp_path).run == "0000000b"
    journal.write("deed begun", node="db0", kind="promote", did="promote")
    journal.close()
    assert found(tmp_path).run == "0000000a"


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()
