"""The journal tells running, ended and interrupted apart, and notices an edited line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgha_helpers.errors import Refusal
from pgha_helpers.journal import NAME, Journal, Story, read
from pgha_helpers.records.outcome import exit_code
from pgha_helpers.records.summary import summarise


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
        journal.write("seen", number=number, words="ünï\n")
    journal.close()
    assert not read(tmp_path).broken
    path = tmp_path / NAME
    path.write_text(path.read_text().replace('"number": 1', '"number": 7'))
    assert read(tmp_path).broken == "line 3 does not continue line 2"


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("run begun", run="a")
    journal.close()
    with (tmp_path / NAME).open("a") as file:
        file.write('{"n": 1, "ev')
    assert [event["event"] for event in read(tmp_path).events] == ["run begun"]


def test_a_folder_that_cannot_be_written_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no journal can be written"):
        Journal(tmp_path / "absent")


def story(*events: str, state: str = "interrupted", outcome: str = "") -> Story:
    lines = [{"event": event, "at": "t"} for event in events]
    return Story([*lines, {"event": "run ended", "outcome": outcome, "at": "t"}] if outcome else lines, state)


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
def test_exit_codes_are_decided_by_whether_a_deed_has_begun(told: Story, signal: int, code: int) -> None:
    assert exit_code(told, signal) == code


def test_the_summary_of_an_interrupted_run_says_so() -> None:
    told = summarise(story("run begun", "deed begun"))
    assert (told["outcome"], told["changed"], told["deeds"]) == ("interrupted", True, [])
