"""The proof in the standby's own WAL: by the record's bytes, and by pg_waldump where they do not
tell.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pgha_helpers.facts.wal import by_bytes as wal_bytes
from pgha_helpers.model import Lsn, Position

from ..embedded import Lab
from .runs import carry_out, running, to_promote
from .servers import ask, standby_of, wait_for


def switched(pair: Lab) -> list[str]:
    """Switch over; what the record has about the shutdown checkpoint, without the deeds of
    others.
    """
    target = standby_of(pair)
    return [
        deed.did
        for deed in carry_out(pair, "promote", to_promote(target))
        if "CHECKPOINT_SHUTDOWN" in deed.did
    ]


def test_it_is_proved_by_bytes_and_told_by_pg_waldump_afterwards(pair: Lab) -> None:
    proved, told = switched(pair)
    assert proved.startswith("proved:") and proved.endswith("by its bytes and their checksum")
    assert told.startswith("pg_waldump tells the same of ")
    assert told.endswith(": XLOG CHECKPOINT_SHUTDOWN of 114 bytes") and "rmgr" not in told


def test_where_the_bytes_do_not_tell_pg_waldump_proves_it(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the record goes over the end of a page."""
    monkeypatch.setattr(wal_bytes, "_LONGEST", 64)
    proved, _ = switched(pair)
    assert proved.endswith("as pg_waldump tells it")


def _end(pair: Lab) -> int:
    return int(ask(pair, "db0", "select pg_current_wal_flush_lsn() - '0/0'")[0][0])


def test_whoever_waits_for_replay_is_told_how_far_it_is(either: Lab) -> None:
    """Reached; not reached in time; and on a node that does not replay."""
    ask(either, "db0", "create table t (a int)")
    there = Lsn(_end(either) - 1)
    far = Lsn(there + 2**40)
    with running(either, "verify") as run:
        standby, primary = run.doors["db1"].sql, run.doors["db0"].sql
        at, record = wal_bytes.replayed_past(standby, Position(1, there), 2**24, 20)
        assert at > there and record
        at, record = wal_bytes.replayed_past(standby, Position(1, far), 2**24, 0.1)
        assert there < at < far and not record
        assert wal_bytes.replayed_past(primary, Position(1, far), 2**24, 0.1) == (0, b"")


@pytest.mark.parametrize("either", ["19beta3"], indirect=True)
def test_whoever_waits_for_replay_does_not_hold_it_up(either: Lab) -> None:
    """By a vacuum's record, which waits for every snapshot from before; WAIT FOR has none."""
    ask(
        either,
        "db0",
        "create table t with (autovacuum_enabled = off) as select 1 from generate_series(1, 300)",
    )
    assert wait_for(
        lambda: ask(either, "db1", "select count(*) from pg_class where relname = 't'") == [(1,)]
    )
    goal = Position(1, Lsn(_end(either) + 20000))
    with running(either, "verify") as run, ThreadPoolExecutor(1) as beside:
        sql = run.doors["db1"].sql
        waiting = beside.submit(lambda: wal_bytes.replayed_past(sql, goal, 2**24, 20))
        waits = "select count(*) from pg_stat_activity where wait_event = 'WaitForWalReplay'"
        assert wait_for(lambda: ask(either, "db1", waits) == [(1,)])
        ask(either, "db0", "delete from t")
        ask(either, "db0", "vacuum t")
        ask(either, "db0", "select pg_logical_emit_message(true, 'x', repeat('x', 20000))")
        at, _ = waiting.result()
    assert at > goal.lsn
