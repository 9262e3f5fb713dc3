"""What status says of made-up pairs: each node in a row, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge, readiness
from pgha_helpers.model import Hung, Silent, Slot, Snapshot
from pgha_helpers.monitoring.forms import nagios_line
from pgha_helpers.monitoring.node_status import rows_of, table_of
from pgha_helpers.monitoring.status import Looks, PairStatus, in_words, worst_of

from .pictures import EARLIER, HERE, disk, healthy, primary, seen, standby, stopped

STARTED = "2026-11-22 19:46:31.25+00"


def status(now: Snapshot, name: str = "prod") -> PairStatus:
    verdicts = judge(HEALTHY, now)
    ready = readiness(now, verdicts)
    return PairStatus(name, now.taken, 0.5, rows_of(now), verdicts, ready, now)


def test_a_healthy_pair_is_two_rows_and_a_yes() -> None:
    now = seen(primary(started=STARTED), standby(started=STARTED))
    first, second = rows_of(now)
    assert (first.role, first.state, first.timeline, first.version) == (
        ("primary", "writable", 1, "18.6")
    )
    assert first.since == second.since == "2026-11-22T19:46:31.250Z"
    assert (second.role, second.state, second.sync_state) == ("standby", "streaming", "async")
    assert (second.lag_bytes, second.lag_seconds) == (0, 0.0)
    assert (second.slot, second.slot_state, second.slot_keeps) == ("pgha_db1", "active", 0)
    words = status(now).told()
    assert words.splitlines()[0].split()[:4] == ["node", "role", "address", "state"]
    assert "0 B and 0 ms  pgha_db1, active  async" in words
    assert f"✓ ok: {len(HEALTHY)} of {len(HEALTHY)} checks say yes" in words
    assert "planned switchover: yes, to db1" in words and "failover: yes, to db1" in words


def test_a_primary_is_one_since_its_promotion() -> None:
    now = seen(primary(started=STARTED, disk=disk(forked=1795376800.0)), standby())
    assert rows_of(now)[0].since == "2026-11-22T19:46:40.000Z"


def test_how_far_a_standby_is_behind_is_told_in_bytes_and_time() -> None:
    sender = replace(primary().senders[0], replay_lag=12.0)
    slot = Slot("pgha_db1", "physical", False, EARLIER, "lost")
    behind = standby(replayed=EARLIER, replay_paused=True)
    now = seen(primary(senders=(sender,), slots=(slot,)), behind)
    row = " ".join(table_of(rows_of(now)).rows[1])
    assert f"replay paused 1 {HERE}, replayed {EARLIER} 64 kB and 12 s" in row
    assert "pgha_db1, not active, WAL lost async" in row


def test_seconds_that_no_server_before_10_tells_are_not_made_up() -> None:
    sender = replace(primary().senders[0], replayed=EARLIER, replay_lag=None)
    told = status(seen(primary(senders=(sender,)), standby(replayed=EARLIER)))
    assert told.nodes[1].behind == "64 kB" and told.nodes[1].lag_seconds is None
    in_time = next(verdict for verdict in told.verdicts if verdict.value == "not told before 10")
    assert "in seconds" in in_time.title and in_time.level == "ok"
    assert "'lag_bytes'=65536B" in nagios_line([told]) and "lag_seconds" not in nagios_line([told])


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (seen(primary(), Silent("db1", "no route")), "did not answer"),
        (seen(primary(), Hung("db1", "no answer", disk())), "does not answer SQL"),
        (seen(primary(), stopped("db1", "shut down in recovery")), "stopped"),
        (seen(primary(), standby(receiver=None)), "not streaming"),
    ],
)
def test_whoever_does_not_run_or_stream_says_so(now: Snapshot, state: str) -> None:
    assert rows_of(now)[1].state == state
    told = status(now)
    assert told.level in ("critical", "unknown")
    assert f"{len(HEALTHY)} checks" in told.told() and len(told.verdicts.reasons) >= 1


def test_two_standbys_have_no_lag_that_anybody_knows() -> None:
    for node in rows_of(seen(standby("db0"), standby())):
        assert node.lag_bytes is None and node.lag_seconds is None and not node.slot


def test_a_pair_whose_file_cannot_be_read_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text("nodes: nobody\n")
    with Looks([str(tmp_path / "prod.yaml")]) as looks:
        (told,) = looks.look()
    assert (told.pair, told.level) == ("prod", "unknown")


def test_columns_that_nobody_has_anything_in_are_left_out() -> None:
    assert "slot" not in table_of(rows_of(seen(standby("db0"), standby()))).head


def test_several_pairs_end_with_a_count_and_the_worst_of_them() -> None:
    well, lost = status(healthy()), PairStatus("lost", "", trouble="there is no pair 'lost'")
    bad = status(seen(primary(), Silent("db1", "no route")), "bad")
    assert in_words([well, bad, lost]).splitlines()[-1] == ("3 pairs: 1 ok, 1 critical, 1 unknown")
    assert worst_of([well, lost]) == "unknown" and worst_of([well, bad, lost]) == "critical"
    assert worst_of([well]) == "ok"
    assert in_words([bad]).split("\n\n")[1].startswith("✗ critical: db1: no answer"), "first"
    assert "the record names" not in bad.told(), "there is none"
