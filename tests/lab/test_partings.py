"""A loser whose history parts where hardly any WAL is left to compare, on real servers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ..embedded import Lab
from .losers import open_by_hand
from .runs import carry_out, planned
from .servers import ask, records, wait_for_answer

SEGMENT = 16 * 1024 * 1024


def _wal(pair: Lab, node: str, timeline: int = 1) -> list[Path]:
    return sorted((pair.node(node).data_directory / "pg_wal").glob(f"{timeline:08X}0*"))


def _switched(pair: Lab) -> None:
    """Both nodes are at the very begin of a segment, and db0 is killed there."""
    ask(pair, "db0", "create table t (word text)")
    for _ in range(9):  # a record of the background writer may come between
        ask(pair, "db0", "select pg_switch_wal()")
        for _ in range(200):
            at = [
                ask(pair, node, f"select {what}::text")[0][0]
                for node, what in (
                    ("db0", "pg_current_wal_lsn()"),
                    ("db1", "pg_last_wal_replay_lsn()"),
                )
            ]
            if at[0] == at[1] or not at[0].endswith("000000"):
                break
            time.sleep(0.01)
        if at[0] == at[1] and at[0].endswith("000000"):
            pair.kill("db0")
            return
    raise AssertionError(f"no segment was left: {at}")


def _scribble(pair: Lab, node: str) -> None:
    """Behind the switch, what 9.3 and older have there: the file's own past."""
    file = [path for path in _wal(pair, node) if path.stat().st_size == SEGMENT]
    with next(path for path in file if _left(path)).open("r+b") as newest:
        newest.seek(SEGMENT - 8192)
        newest.write(b"of another time " * 512)


def _left(path: Path) -> bool:
    """Whether a segment was written and left: it ends with nothing."""
    data = path.read_bytes()
    return any(data[:8192]) and not any(data[-8192:])


def test_a_failover_at_a_segments_begin_takes_no_notice_of_what_is_no_wal(own_pair: Lab) -> None:
    """Nothing lies beyond the switch, and what lies behind it is another thing on each node."""
    _switched(own_pair)
    _scribble(own_pair, "db0")
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    assert planned(own_pair).consent == "rebuild db0"
    assert planned(own_pair).kind == "follow"
    open_by_hand(own_pair, "db0")
    for number in range(3):
        ask(own_pair, "db0", "insert into t values (%s)", f"only on db0: {number}")
    own_pair.kill("db0")
    for file in _wal(own_pair, "db1")[:-2]:
        file.unlink()
    plan = planned(own_pair, method="rsync")
    assert plan.kind == "rsync" and plan.consent == "rebuild db0, leave 3 transactions"


@pytest.mark.parametrize("gone", ["db0", "db1"])
def test_what_is_known_at_least_is_listed_where_no_wal_is_left_to_compare(
    own_pair: Lab, gone: str
) -> None:
    """Both nodes have removed what lies before the fork. Nothing is overwritten."""
    _switched(own_pair)
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    open_by_hand(own_pair, "db0")
    for number in range(3):
        ask(own_pair, "db0", "insert into t values (%s)", f"only on db0: {number}")
    fork = ask(own_pair, "db0", "select pg_walfile_name(pg_current_wal_lsn())")[0][0]
    own_pair.kill("db0")
    for file in _wal(own_pair, gone):
        if file.name < fork:
            file.unlink()
    plan = planned(own_pair, method="rsync")
    assert plan.kind == "rsync beside"
    assert plan.consent == "rebuild db0, leave at least 3 transactions"
    assert "no WAL is left to compare from before" in str(plan)
    carry_out(own_pair, "rebuild", plan.consent, method="clone")
    assert planned(own_pair).already
    (listed,) = [path for path in records(own_pair) if (path / "diverged.csv").exists()]
    assert (listed / "diverged.csv").read_text().count("public.t") == 3


@pytest.mark.parametrize("restartpoint", [False, True], ids=["on the one before", "on the same"])
def test_a_standby_that_is_opened_right_after_a_promotion_is_read_on_its_own_timeline(
    own_pair: Lab, restartpoint: bool
) -> None:
    """It opens on that of its last restartpoint, whatever it has streamed of a newer one.

    On the same one there is no whole segment yet to compare: the one before is another timeline's.
    """
    ask(own_pair, "db0", "create table t (word text)")
    carry_out(own_pair, "promote", "promote db1")
    if restartpoint:
        ask(own_pair, "db1", "create table one_more (n int)")
        ask(own_pair, "db1", "checkpoint")
        wait_for_answer(
            own_pair, "db0", "select count(*) from pg_class where relname = 'one_more'", 1
        )
        ask(own_pair, "db0", "checkpoint")
    own_pair.kill("db0")
    open_by_hand(own_pair, "db0")
    for number in range(2):
        ask(own_pair, "db0", "insert into t values (%s)", f"only on db0: {number}")
    ask(own_pair, "db1", "insert into t values ('the primary''s')")
    on = ask(own_pair, "db0", "select timeline_id from pg_control_checkpoint()")
    assert on == [(2 if restartpoint else 1,)]
    assert planned(own_pair, node="db0").consent.endswith("leave at least 2 transactions")
    own_pair.kill("db0")
    assert planned(own_pair).consent == "rebuild db0, leave 2 transactions"
