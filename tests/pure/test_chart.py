"""The chart: the same bytes for the same data, its digest in the journal, and live pictures that
hold nothing up.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pgha_helpers.facts import lag_chart, live_chart
from pgha_helpers.facts.charts import chart
from pgha_helpers.facts.lag import Lag, sample
from pgha_helpers.facts.live_chart import live
from pgha_helpers.model import frontend as front_end
from pgha_helpers.model.errors import Refusal
from pgha_helpers.model.lag_file import LagRow
from pgha_helpers.run.checkout import CHECKOUT
from pgha_helpers.run.run import Run

from .made_runs import DEEDS, ROWS, run_in


def lag() -> Lag:
    return Lag(tuple(ROWS))


def rows() -> list[LagRow]:
    return ROWS


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = run_in(tmp_path)
    yield made
    made.journal.close()


def test_two_processes_draw_the_same_bytes_whatever_their_users_prefer(tmp_path: Path) -> None:
    """One of them has another hash seed, another time zone, and a taste of his own in matplotlib's
    settings.
    """
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 20\nlines.linewidth: 5\nsvg.fonttype: none\naxes.grid: True\n"
    )
    taste = {"MATPLOTLIBRC": str(tmp_path), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    drawn = []
    for name, environment in (("one", {"PYTHONHASHSEED": "1"}), ("other", taste)):
        folder = tmp_path / name
        folder.mkdir()
        words = (
            "import sys; from pathlib import Path; from pgha_helpers.facts.charts import chart\n"
            "from pgha_helpers.facts.lag import Lag; from tests.pure.made_runs import *\n"
            "chart(run_in(Path(sys.argv[1])), Lag(tuple(ROWS)), steps=DEEDS)"
        )
        command = [sys.executable, "-W", "error", "-c", words, str(folder)]
        subprocess.run(
            command, check=True, cwd=CHECKOUT, env={**os.environ, **environment}, timeout=120
        )
        drawn.append((folder / "lag.svg").read_bytes())
    assert drawn[0] == drawn[1] and b"<svg" in drawn[0] and b"<dc:date>" not in drawn[0]


def test_the_journal_holds_the_digest_of_what_was_drawn(tmp_path: Path, run: Run) -> None:
    assert chart(run, lag()).data.startswith(b"\x89PNG"), (
        "where nobody looks the picture is given back"
    )
    drawn = [e for e in run.journal.events if e["event"] == "drawn"]
    assert [event["file"] for event in drawn] == ["lag.svg", "lag-phone.svg"]
    for event in drawn:
        data = (tmp_path / event["file"]).read_bytes()
        assert event["sha256"] == hashlib.sha256(data).hexdigest()


def test_nothing_is_measured_or_drawn_into_the_record_of_a_run_that_has_ended(
    tmp_path: Path, run: Run
) -> None:
    run.ended = "done"
    now: Any = None
    for late in (lambda: chart(run, lag()), lambda: sample(run, now)):
        with pytest.raises(Refusal, match="this run has ended"):
            late()
    assert {path.name for path in tmp_path.iterdir()} == {"journal.jsonl"}


def test_a_light_run_loads_neither_pandas_nor_matplotlib(tmp_path: Path) -> None:
    """They take a second to load, and cron has no eyes."""
    words = (
        "import sys; from pathlib import Path; from pgha_helpers.facts.lag import Lag; "
        "from pgha_helpers.facts.charts import chart\n"
    )
    words += (
        "from types import SimpleNamespace as R; run = R(parameters={'light': True}, ended='')\n"
    )
    words += "from pgha_helpers.model.lag_file import LagRow\n"
    words += "assert '5 B' in str(chart(run, Lag((LagRow(1.0, 5.0, None, 0.1, None),))))\n"
    words += "assert not {'pandas', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", words], check=True, timeout=60)


def test_what_was_taken_in_passing_is_drawn_once_something_was_done(
    tmp_path: Path, run: Run
) -> None:
    """To draw a lost primary before the gate took 3.6 s of a failover, while clients waited."""
    seen = Lag(tuple(ROWS), in_passing=True)
    assert chart(run, seen) is seen and not (tmp_path / "lag.svg").exists()
    chart(run, seen, steps=DEEDS)
    assert (tmp_path / "lag.svg").exists()


def test_the_worst_of_what_was_seen_is_told() -> None:
    assert str(lag()).splitlines()[1].split() == ["10", "36", "kB", "90", "ms"]
    assert str(Lag((LagRow(1.0),))).splitlines()[1].split() == ["1"]
    frame = lag().frame
    assert frame["primary_bytes"].max() == 9 * 4096 and set(frame["primary"]) == {"db0"}


def test_where_nobody_looks_nothing_is_drawn_live(run: Run) -> None:
    threads = threading.active_count()
    with live(run, rows, 2.0):
        assert threading.active_count() == threads and run.seen.live is None


class Front:
    """A front end that remembers what it was told to show."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell = SimpleNamespace(execution_count=3)
        self.outputs = 0
        self.pictures: list[bytes] = []
        self.times: list[float] = []
        self.came = threading.Event()
        monkeypatch.setattr(front_end, "somebody", lambda: True)
        monkeypatch.setattr(front_end, "shell", lambda: self.shell)
        monkeypatch.setattr("IPython.display.display", self._display)

    def _display(self, _: Any, display_id: bool) -> Any:
        assert display_id
        self.outputs += 1
        return SimpleNamespace(update=self._update)

    def _update(self, picture: Any) -> None:
        self.pictures.append(picture.data)
        self.times.append(time.monotonic())
        self.came.set()


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Front:
    return Front(monkeypatch)


def test_the_last_picture_takes_the_place_of_the_live_ones(run: Run, front: Front) -> None:
    with live(run, rows, 2.0):
        assert front.came.wait(30)
    before = len(front.pictures)
    assert chart(run, lag()) is None, "a second output would stay beside the live one"
    assert (front.outputs, len(front.pictures)) == (1, before + 1)
    assert chart(run, lag()) is not None, "a second chart in a cell is an output of its own"


def test_live_pictures_come_twice_a_second_at_most_and_only_when_there_is_news(
    run: Run, front: Front
) -> None:
    seen: list[int] = []

    def growing() -> list[LagRow]:
        seen.append(len(front.pictures))
        return ROWS[: min(len(seen), 3)]

    with live(run, growing, 2.0):
        while seen.count(3) < 2:
            time.sleep(0.05)
    assert len(front.pictures) == 3
    assert all(later - earlier > 0.4 for earlier, later in pairwise(front.times))


def test_a_chart_in_another_cell_leaves_the_live_picture_alone(run: Run, front: Front) -> None:
    with live(run, rows, 2.0):
        assert front.came.wait(30)
    before = len(front.pictures)
    front.shell.execution_count += 1
    assert chart(run, lag()) is not None
    assert len(front.pictures) == before


def test_two_samples_of_one_cell_are_drawn_in_one_output(run: Run, front: Front) -> None:
    for _ in range(2):
        front.came.clear()
        with live(run, rows, 2.0):
            assert front.came.wait(30)
    assert front.outputs == 1


def test_drawing_that_fails_is_no_reason_to_lose_a_sample(
    run: Run, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def fail(*_: Any, **__: Any) -> None:
        tried.set()
        raise RuntimeError("no fonts, no room, no luck")

    monkeypatch.setattr(lag_chart, "lag_figure", fail)
    with live(run, rows, 2.0):
        assert tried.wait(30)
    assert front.pictures == []


def test_drawing_that_hangs_holds_the_cell_up_for_a_moment_and_its_picture_is_not_shown(
    run: Run, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, go = threading.Event(), threading.Event()

    def hang(*_: Any, **__: Any) -> bytes:
        tried.set()
        go.wait(60)
        return b""

    monkeypatch.setattr(live_chart, "render", hang)
    monkeypatch.setattr(live_chart, "_PATIENCE", 0.2)
    with live(run, rows, 2.0):
        assert tried.wait(30)
        left = time.monotonic()
    assert time.monotonic() - left < 10
    go.set()
    for thread in threading.enumerate():
        if thread.name == "pgha-live":
            thread.join(10)
    assert front.pictures == []
