"""The journal tells running, ended and interrupted apart, and notices an edited line."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.model.errors import Refusal
from pgha_helpers.records.making.outcome import exit_code
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.run.journal import JOURNAL, Journal, Story, read, release
from pgha_helpers.run.redaction import Redactor


def test_a_journal_is_running_until_its_writer_lets_go(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("run begun", run="a", pair="prod")
    assert read(tmp_path).state == "running"
    journal.close()
    assert read(tmp_path).state == "interrupted"


def test_an_end_line_ends_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("run ended", outcome="done")
    assert (read(tmp_path).state, read(tmp_path).outcome) == ("ended", "done")
    journal.close()


def test_an_edited_line_is_noticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(3):
        journal.write("seen", facts=number, nodes="ünï\n")
    journal.close()
    assert not read(tmp_path).broken
    path = tmp_path / JOURNAL
    path.write_text(path.read_text().replace('"facts": 1', '"facts": 7'))
    assert read(tmp_path).broken == "line 3 does not continue line 2"


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("run begun", run="a")
    journal.close()
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"n": 1, "ev')
    assert [event["event"] for event in read(tmp_path).events] == ["run begun"]


def test_a_folder_that_cannot_be_written_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no journal can be written"):
        Journal(tmp_path / "absent")


def story(*events: str, state: str = "interrupted", outcome: str = "") -> Story:
    lines = [{"event": event, "at": "2026-11-22T00:00:00.000Z"} for event in events]
    return Story(
        [*lines, {"event": "run ended", "outcome": outcome, "at": "2026-11-22T00:00:00.000Z"}]
        if outcome
        else lines,
        state,
    )


@pytest.mark.parametrize(
    ("told", "signal", "code"),
    [
        (story("run begun", state="ended", outcome="done"), 0, 0),
        (story("run begun", state="ended", outcome="rehearsed"), 0, 0),
        (story("run begun", state="ended", outcome="warning"), 0, 1),
        (story("run begun", state="ended", outcome="critical"), 0, 2),
        (story("run begun", state="ended", outcome="unknown"), 0, 3),
        (story("run begun", "error"), 0, 4),
        (story("run begun", "deed begun", "error"), 0, 5),
        (story("run begun"), 15, 143),
        (story("run begun", "deed begun"), 15, 5),
        (story("run begun", state="ended", outcome="abandoned"), 2, 130),
    ],
)
def test_exit_codes_are_decided_by_whether_a_deed_has_begun(
    told: Story, signal: int, code: int
) -> None:
    assert exit_code(told, signal) == code


def test_the_summary_of_an_interrupted_run_says_so() -> None:
    told = summarise(story("run begun", "deed begun"))
    assert (told["outcome"], told["changed"], told["deeds"]) == ("interrupted", True, [])


@contextlib.contextmanager
def a_disk_with_room_for(count: int) -> Iterator[None]:
    """No file of this process grows beyond `count` bytes: what a full disk looks like to a
    writer.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_refuses_the_run_before_its_first_deed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("run begun", run="a")
    with a_disk_with_room_for(200), pytest.raises(Refusal, match="the journal cannot be written"):
        journal.write("seen", facts="x" * 300)
    journal.write("run ended", outcome="refused")
    assert [e["event"] for e in read(tmp_path).events] == ["run begun", "run ended"]
    assert not read(tmp_path).broken, "no half of a line is left in between"
    journal.close()


def test_a_disk_that_fills_later_keeps_no_deed_from_being_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path)
    journal.write("deed begun", node="db0", did="stop")
    with a_disk_with_room_for(journal.path.stat().st_size + 20):
        journal.write("deed ended", node="db0", did="stopped")
        said = capsys.readouterr().out
        assert "THE JOURNAL CANNOT BE WRITTEN" in said and '"did": "stopped"' in said
        assert [e["event"] for e in read(tmp_path).events] == ["deed begun"]
    journal.write("run ended", outcome="done")
    assert [e["event"] for e in read(tmp_path).events] == ["deed begun", "deed ended", "run ended"]
    assert not read(tmp_path).broken, "what was kept in memory is written when there is room"
    journal.close()


def test_a_disk_that_stays_full_is_told_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path)
    journal.write("deed begun", node="db0", did="stop")
    with a_disk_with_room_for(journal.path.stat().st_size):
        journal.write("run ended", outcome="done")
        journal.close()
    assert "1 lines are not on disk" in capsys.readouterr().out
    assert read(tmp_path).state == "interrupted", "the file tells no more than it holds"


def test_secrets_are_taken_out_of_facts_and_not_of_digests(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Redactor(["hunter2"]).whole)
    journal.write(
        "error", error="password=hunter2", unforeseen=[{"a": "xhunter2"}], type=Refusal("hunter2")
    )
    journal.write("run ended", outcome="refused")
    assert "hunter2" not in journal.path.read_text() and not read(tmp_path).broken
    journal.close()


def test_a_line_that_is_no_event_breaks_the_chain(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text('{"n": 0}\n[1]\n"x"\n')
    assert read(tmp_path).broken == "line 1 is not an event" and not read(tmp_path).events


def test_what_is_reserved_makes_no_journal_longer_and_is_given_back(tmp_path: Path) -> None:
    """Of a run that was killed the next `pgha records` gives it back."""
    journal = Journal(tmp_path)
    journal.write("run begun", run="a")
    journal.reserve()
    path = tmp_path / JOURNAL
    size, blocks = path.stat().st_size, path.stat().st_blocks
    journal.write("seen")
    assert read(tmp_path).events[-1]["event"] == "seen" and not read(tmp_path).broken
    assert size < 1024 and (blocks > 1024 or blocks == path.stat().st_blocks), (
        "as far as the file system can"
    )
    release(path)
    journal.write("run ended", outcome="done")
    journal.close()
    assert path.stat().st_blocks <= 16 and read(tmp_path).outcome == "done"
