"""Watching the lag beside a run: at its own pace, never in the outage window, and for nobody."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pgha_helpers.facts import sampler as watching
from pgha_helpers.facts.lag import sample
from pgha_helpers.facts.sampler import Sampler, hurry
from pgha_helpers.model.errors import Unreachable
from pgha_helpers.run.run import Run
from pgha_helpers.run.window import window

from .made_runs import run_in

STANDBY = {"in_recovery": True, "ahead": "0/2000", "replayed": "0/1000", "seconds": 0.5}
PRIMARY = {"in_recovery": False, "ahead": "0/3000", "replayed": "0/1000", "seconds": 0.25}


class Server:
    """A node as its door's sessions meet it; every session is to the same server."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer: dict[str, Any] | None = answer  # None: nobody answers
        self.there = threading.Event()  # unset: a connection is neither made nor refused
        self.there.set()
        self.is_open = False
        self.opened = 0

    @property
    def sql(self) -> Server:
        return self

    def session(self, _: str) -> Server:
        return self

    def spelled(self, statement: object) -> str:
        return str(statement)

    def do(self, *_: object) -> None:
        self.opened += 1
        self.there.wait(30)
        if self.answer is None:
            raise Unreachable("SQL: no")
        self.is_open = True

    def ask(self, *_: object, within: float) -> Callable[[], list[dict[str, Any]]]:
        def rows() -> list[dict[str, Any]]:
            if self.answer is None:
                self.is_open = False
                raise Unreachable("SQL: gone")
            return [self.answer]

        return rows

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def db0() -> Server:
    return Server(PRIMARY)


@pytest.fixture
def db1() -> Server:
    return Server(STANDBY)


@pytest.fixture
def run(tmp_path: Path, db0: Server, db1: Server) -> Iterator[Run]:
    made = run_in(tmp_path)
    made.lock = SimpleNamespace(release=lambda: None)  # type: ignore[assignment]
    made.doors = {"db0": db0, "db1": db1}  # type: ignore[dict-item]
    yield made
    made.end("done")
    made.journal.close()


def watched(run: Run, rows: int = 1) -> Sampler:
    """A sampler that has taken so many samples."""
    found = Sampler(run)
    run.beside.attend(found)
    until(lambda: len(found.rows) >= rows)
    return found


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_sample_has_both_views_and_who_was_what(run: Run, db1: Server) -> None:
    seen = watched(run, 3)
    until(lambda: bool(seen.rows[-1].standby))
    assert seen.rows[-1][1:] == (0x2000, 0x1000, 0.25, 0.5, "db0", "db1")
    db1.answer = PRIMARY
    until(lambda: seen.rows[-1].primary == "db0 db1")
    assert seen.rows[-1].standby == "", "two that are writable are both told"


def test_ten_samples_are_taken_in_a_second(run: Run) -> None:
    seen = watched(run, 11)
    lasted = seen.rows[10].at - seen.rows[0].at
    assert 0.9 < lasted < 2.0, "it may be late on a busy machine, never early"


def test_a_node_that_neither_answers_nor_refuses_holds_nobody_up(run: Run, db0: Server) -> None:
    db0.there.clear()
    began = time.monotonic()
    seen = watched(run, 5)
    assert {(row.primary, row.standby) for row in seen.rows} == {("", "db1")}
    run.end("done")
    assert time.monotonic() - began < 5
    db0.there.set()


def test_a_node_that_is_lost_is_silent_and_seen_again_when_it_is_back(
    run: Run, db0: Server
) -> None:
    seen = watched(run)
    until(lambda: seen.rows[-1].primary == "db0")
    db0.answer = None
    until(lambda: seen.rows[-1].primary == "")
    db0.answer, db0.is_open = STANDBY, True
    until(lambda: "db0" in seen.rows[-1].standby)


def test_a_node_that_could_not_be_reached_is_left_to_the_run(run: Run, db0: Server) -> None:
    """A wrong password is not to be said ten times a second."""
    db0.answer = None
    seen = watched(run, 8)
    assert db0.opened == 1
    db0.answer, db0.is_open = PRIMARY, True
    until(lambda: seen.rows[-1].primary == "db0")


def test_nothing_is_sampled_in_the_outage_window_and_at_once_after_it(
    run: Run, db0: Server, db1: Server
) -> None:
    seen = watched(run, 2)
    until(lambda: seen.rows[-1].primary == "db0")
    with window(run):
        assert (db0.is_open, db1.is_open) == (False, True), "one session less to end for db0"
        before = len(seen.rows)
        time.sleep(0.5)
        assert len(seen.rows) == before
    until(lambda: len(seen.rows) > before)
    assert seen.rows[before].at - seen.rows[before - 1].at < 3


def test_a_night_at_the_gate_is_watched_slowly_until_the_gate_is_passed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_CLOSELY", 0.001)
    seen = watched(run)
    until(lambda: time.time() - seen.rows[-1].at > 0.5)
    monkeypatch.setattr(watching, "_CLOSELY", 600.0)
    known = len(seen.rows)
    hurry(run)
    until(lambda: len(seen.rows) >= known + 3)


def test_whoever_asks_does_not_wait_and_the_file_has_the_rest_at_the_end(
    run: Run, tmp_path: Path
) -> None:
    watched(run, 3)
    fed: Any = SimpleNamespace(primaries=[SimpleNamespace(senders=["db1"])])
    began = time.monotonic()
    first = sample(run, fed)
    assert time.monotonic() - began < 1 and len(first.rows) >= 4, "and it is of this moment"
    second = sample(run, fed, seconds=0.8)
    assert second.rows[: len(first.rows)] == first.rows and len(second.rows) > len(first.rows)
    run.end("done")
    with (tmp_path / "lag.csv").open() as file:
        rows = list(csv.DictReader(file))
    told = [event for event in run.journal.events if event["event"] == "sampled"]
    assert len(rows) == told[-1]["rows"] >= len(second.rows)
    assert float(rows[0]["at"]) == pytest.approx(first.rows[0].at)
    assert rows[-1]["primary"] == "db0" and told[-1]["processor"] > 0


def test_nobody_waits_in_a_failover(run: Run) -> None:
    watched(run, 2)
    lost: Any = SimpleNamespace(primaries=[])
    began = time.monotonic()
    seen = sample(run, lost, seconds=60)
    assert time.monotonic() - began < 5 and seen.in_passing
