"""The outage window's own cost: what of ours works in it, and how often it asks and waits."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import pytest

from pgha_helpers.changes import switchover
from pgha_helpers.changes.deeds import standby
from pgha_helpers.run.journal import Story, read

from ..conftest import pgha
from ..embedded import Lab, Load
from .far import far_away
from .nights import once_before
from .runs import carry_out, to_promote
from .servers import records, standby_of

TRIPS = 4  # that a switchover waits for, one after the other: arm, stop, prove, promote
WORK = 0.020  # seconds of the processor
AWAY = 0.3  # seconds to the nodes and back
MOMENT = 0.01  # seconds: times in the journal are rounded
BREATH = 1.0  # seconds: ten times as long as from one sample to the next, on a busy machine
SAMPLING = 0.02  # of a processor: twice what it takes, because a busy machine counts more for it


def switched(pair: Lab, by: Path | None = None) -> Story:
    """Switch over in this process; the record."""
    carry_out(by or pair, "promote", to_promote(standby_of(pair)))
    return read(list(records(pair))[-1])


def waited(story: Story) -> int:
    """How many answers the window has waited for, but for the one more where the startup process
    had to be woken.
    """
    trips: dict[str, int] = story.last("outage ended")["trips"]
    assert not any("connection" in kind for kind in trips), (
        f"something was opened in the window: {trips}"
    )
    return sum(count for kind, count in trips.items() if "beside" not in kind) - woken(story)


def woken(story: Story) -> int:
    return sum(event["event"] == "woken" for event in story.events)


def test_a_switchover_waits_for_four_answers_and_works_little(pair: Lab) -> None:
    """By the command, with a kernel, papermill, and a canary, each a process of its own."""
    words = (f"confirm={to_promote(standby_of(pair))}", "canary=true")
    done = pgha(
        "run", "promote", str(pair.pair_file), *(word for one in words for word in ("-p", one))
    )
    assert done.returncode == 0, done.stdout
    story = read(list(records(pair))[-1])
    ended, worked = story.last("outage ended"), story.last("outage ended")["processor"]
    assert waited(story) <= TRIPS, ended["trips"]
    assert set(worked) == {"kernel", "engine", "canary"}
    assert worked["kernel"] + worked["engine"] < WORK, worked
    began, over = (
        datetime.fromisoformat(event["at"]) for event in (story.last("outage begins"), ended)
    )
    assert worked["canary"] < 0.25 * (over - began).total_seconds(), (
        "it asks on, and each time with a password"
    )
    lag = list(csv.DictReader((list(records(pair))[-1] / "lag.csv").read_text().splitlines()))
    at = [float(row["at"]) for row in lag]
    assert not [when for when in at if began.timestamp() + MOMENT < when < over.timestamp()], (
        "nothing was sampled in it"
    )
    before = [row for row, when in zip(lag, at, strict=True) if when < began.timestamp() + MOMENT]
    told = [(row["primary"], row["standby"]) for row in (before[-1], lag[len(before)], lag[-1])]
    new = ended["new"]
    old = "db1" if new == "db0" else "db0"
    assert told == [(old, new), (new, ""), (new, old)], "but before and after, and unasked"
    assert len(before) > 5 and began.timestamp() - float(before[-1]["at"]) < BREATH
    assert float(lag[len(before)]["at"]) - over.timestamp() < BREATH
    sampled = story.last("sampled")
    assert sampled["processor"] < SAMPLING * (at[-1] - at[0]), sampled


def test_an_operator_who_is_far_away_pays_for_those_and_no_others(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From before the first to after the last of them every answer takes 0.3 s longer."""
    with Load(pair.dsn, clients=2) as load, far_away(pair, tmp_path) as far:
        once_before(monkeypatch, standby, "arm", lambda: far.be(AWAY))
        once_before(monkeypatch, switchover, "confirm", lambda: far.be(0))
        story = switched(pair, far.pair_file)
    assert load.missing(pair.dsn) == []
    # the clients do not see the arming, nor the first half of the way to the stop and the last of
    # the one back
    assert (TRIPS - 2) * AWAY < load.longest_gap() < (TRIPS - 1 + woken(story)) * AWAY + 0.5
