"""Could we move the primary now, or lose it, and at what cost? On made-up pairs and records."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge, readiness
from pgha_helpers.judgement.checks.readiness import Readiness
from pgha_helpers.model import Fence, Past, Silent, Snapshot, Spread
from pgha_helpers.model.survey import Archiver, Pace, Transaction
from pgha_helpers.records.reading.past import past_of
from pgha_helpers.run.events import SAMPLED

from .pictures import EARLIER, HERE, healthy, pair, primary, seen, standby, stopped, survey

MB = 1024 * 1024
PAST = Past(
    Spread.of([0.07, 0.05, 0.12]), Spread.of([1.4]), Spread.of([0, 0, 4096]), Spread.of([0, 0.5, 2])
)


def ready(now: Snapshot, past: Past = PAST) -> Readiness:
    return readiness(now, judge(HEALTHY, now), past)


def fed(sync_state: str = "async", at: Any = HERE) -> Any:
    return (replace(primary().senders[0], sync_state=sync_state, flushed=at, replayed=at),)


def test_a_healthy_pair_is_ready_for_both_and_its_records_tell_the_cost() -> None:
    told = ready(healthy())
    assert (told.switchover.answer, told.failover.answer) == ("yes", "yes")
    assert str(told).splitlines() == [
        "planned switchover: yes, to db1",
        "    Nothing is lost, and clients have no primary for about 70 ms "
        "(50 ms to 120 ms in 3 earlier ones).",
        "failover: yes, to db1",
        "    Without the primary's disk 0 B would be lost now.",
        "    The lag that 3 runs saw in 30 days: 0 B at the median, 4 kB and 2 s at most.",
        "    It takes about 1.4 s (as the one before), from the gate to the first write.",
        "    The old primary is fenced over ssh, else on somebody's word (fenced_by).",
    ]


def test_without_records_it_is_said_that_nobody_knows() -> None:
    told = str(ready(healthy(), Past()))
    assert told.count("no record of this pair tells yet") == 2 and "The lag that" not in told


@pytest.mark.parametrize(
    ("now", "switchover", "failover"),
    [
        (seen(primary(), standby(replay_paused=True)), "no", "yes"),
        (seen(primary(), Silent("db1", "no route")), "no", "unknown"),
        (seen(primary(), stopped("db1", "shut down in recovery")), "no", "no"),
        (seen(stopped("db0"), standby()), "no", "yes"),
        (seen(Silent("db0", "no route"), standby()), "no", "yes"),
        (seen(primary(), standby(system_id="7")), "no", "no"),
        (seen(primary(timeline=2), standby()), "no", "unknown"),
        (seen(primary(), primary("db1")), "no", "no"),
        (seen(primary(), standby(), {"db0": "refused"}), "unknown", "yes"),
    ],
)
def test_each_verdict_is_yes_no_or_unknown(now: Snapshot, switchover: str, failover: str) -> None:
    told = ready(now)
    assert (told.switchover.answer, told.failover.answer) == (switchover, failover)
    for verdict in (told.switchover, told.failover):
        assert bool(verdict.why) == (verdict.answer != "yes")


def test_what_the_present_state_adds_to_a_switchover_is_told() -> None:
    archiver = Archiver("on", "", "", False, waiting=2, oldest=0.5, segment=0.75)
    open_ = Transaction(7, "ann", "psql", "app", "idle in transaction", 4.0, 0)
    pace = Pace(1000, 400 * MB, 60.0)
    db0 = survey(archiver=archiver, transactions=(open_,), pace=pace)
    told = ready(seen(primary(), standby(), {"db0": db0})).switchover
    assert told.answer == "yes"
    assert [(added.kind, added.seconds) for added in told.added] == [
        ("checkpoint", None),
        ("transactions", None),
        ("archive", 2.25),
    ]
    words = "\n".join(told.lines())
    assert "400 MB of WAL were written since the last checkpoint: one comes first" in words
    assert "1 transaction is open, the oldest for 4 s: the stop ends all" in words
    assert "2 segments wait for the archive, about 2.25 s" in words


def test_what_a_failover_would_lose_is_counted_by_the_pace_of_the_primary() -> None:
    db0 = survey(pace=Pace(1000, 640 * 1024, 10.0))
    loss = ready(seen(primary(senders=fed(at=EARLIER)), standby(), {"db0": db0})).failover.loss
    assert (loss.bytes, loss.commits, loss.seconds) == (64 * 1024, 100, 1.0)
    assert str(loss) == "64 kB would be lost now: about 100 commits of 1 s"


def test_a_synchronous_standby_loses_nothing_that_was_acknowledged() -> None:
    told = ready(seen(primary(senders=fed("sync", EARLIER)), standby())).failover
    assert told.loss.none and "no acknowledged commit" in "\n".join(told.lines())


def test_the_fence_is_told_in_the_order_in_which_it_is_tried() -> None:
    now = seen(Silent("db0", "no route"), standby())
    assert ready(now).failover.fence == ("word",)
    node = replace(pair()["db0"], fence=Fence(("off",), ("is-off",)))
    fenced = replace(now, pair=pair(nodes=(node, pair()["db1"])))
    assert ready(fenced).failover.fence == ("command", "word")
    assert ready(replace(fenced, sightings=healthy().sightings)).failover.fence == (
        ("ssh", "command", "word")
    )


def record(records: Path, notebook: str, days: float, number: int, **told: Any) -> Path:
    at = datetime.now(UTC) - timedelta(days=days)
    folder = records / f"{at:%Y%m%dT%H%M%SZ}-prod-{notebook}-{number:08x}"
    folder.mkdir(parents=True)
    worst = told.pop("lag", None)
    events = [{"event": "run begun"}]
    if worst is not None:
        events.append({"event": SAMPLED, "worst_bytes": worst[0], "worst_seconds": worst[1]})
    (folder / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / "record.json").write_text(json.dumps(told))
    return folder


def test_the_past_is_what_done_promotions_and_recent_samples_tell(tmp_path: Path) -> None:
    switchover = {"outcome": "done", "parameters": {"occasion": "switchover"}}
    record(tmp_path, "promote", 1, 1, outage_seconds=0.07, **switchover)
    record(tmp_path, "promote", 2, 2, outage_seconds=0.09, **switchover)
    record(tmp_path, "promote", 3, 3, **{**switchover, "outcome": "failed"}, outage_seconds=60.0)
    failover = {"outcome": "done", "parameters": {"occasion": "failover"}}
    record(tmp_path, "promote", 4, 4, outage_seconds=99.0, failover_seconds=1.5, **failover)
    record(tmp_path, "verify", 5, 5, lag=(0.0, 0.0))
    record(tmp_path, "verify", 6, 6, lag=(2048.0, None))
    record(tmp_path, "verify", 31, 7, lag=(9e9, 900.0))
    (record(tmp_path, "verify", 7, 8) / "journal.jsonl").write_text("half a li")
    past = past_of(tmp_path, "prod")
    assert past.switchovers == Spread.of([0.07, 0.09]) and past.failovers == Spread.of([1.5])
    assert past.lag_bytes == Spread.of([0.0, 2048.0]) and past.lag_seconds == Spread.of([0.0])
    assert past_of(tmp_path / "nowhere", "prod") == past_of(tmp_path, "other") == Past()


def test_thousands_of_records_cost_a_moment(tmp_path: Path) -> None:
    for number in range(5000):
        at = datetime.now(UTC) - timedelta(minutes=5 * number)
        (tmp_path / f"{at:%Y%m%dT%H%M%SZ}-prod-verify-{number:08x}").mkdir()
    record(tmp_path, "verify", 0, 9999, lag=(1.0, 0.0))
    began = time.process_time()
    past = past_of(tmp_path, "prod")
    assert time.process_time() - began < 0.2
    assert past.lag_bytes == Spread.of([1.0]), "the newest is always among those that are read"
