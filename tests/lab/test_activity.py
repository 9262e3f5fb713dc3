"""A close look at what is going on at a real pair: what a stop would cut off, lose or wait for is
seen, with its words; and a drain ends transactions.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import gate, look, plan_promotion, require
from pgha_helpers.changes.deeds.sessions import drain
from pgha_helpers.model.errors import NotSafe

from ..embedded import Lab
from .looks import closely, judged_well, restart, said, session, setting
from .runs import carry_out, changed_pair, did, running
from .servers import ask, state_of, wait_for, wait_for_answer


@pytest.fixture(scope="module")
def ready(pair: Lab) -> Lab:
    """The pair with prepared transactions, logical decoding and an archive that works."""
    settings = {"max_prepared_transactions": "5", "wal_level": "logical", "archive_mode": "on"}
    for node in ("db1", "db0"):
        for name, value in {**settings, "archive_command": "true"}.items():
            ask(pair, node, f"alter system set {name} = %s", value)
        restart(pair, node)
    assert wait_for(lambda: judged_well(pair)), closely(pair)
    return pair


def test_a_prepared_transaction_is_seen(ready: Lab) -> None:
    ask(ready, "db0", "create table if not exists prepared (n int)")
    with session(ready, "db0", "manager") as client:
        client.cursor().execute("insert into prepared values (1); prepare transaction 'it''s mine'")
    try:
        assert said(ready, 'prepared on db0: "it\'s mine" of postgres in postgres') == "critical"
        before = state_of(ready)
        with pytest.raises(NotSafe, match="commit prepared 'gid'"):
            carry_out(ready, "promote", "promote db1")
        assert state_of(ready) == before
    finally:
        ask(ready, "db0", "rollback prepared 'it''s mine'")


def test_an_idle_transaction_is_seen_and_drained(ready: Lab, tmp_path: Path) -> None:
    path = changed_pair(ready, tmp_path, limits={"long_transaction": "100ms"})
    with session(ready, "db0", "billing") as client, session(ready, "db0", "quick") as quick:
        for each in (client, quick):
            each.cursor().execute("select txid_current()")
        time.sleep(0.2)
        assert said(path, "(postgres, billing, idle in transaction) for") == "critical"
        with pytest.raises(NotSafe, match="billing"):
            carry_out(path, "promote", "promote db1")
        with running(path, "promote", confirm="promote db1", drain="500ms") as run:
            now = look(run, closely=True)
            plan = plan_promotion(run, now)
            assert require(run, plan, now).worst == "warning"
            gate(run, plan)
            quick.commit()
            drain(run, "db0", 0.5)
            done = did(run.steps)
        assert "end the session of pid" in done and "(postgres, billing)" in done
        assert "idle in transaction in postgres" in done and "last command SELECT" in done
        assert "quick" not in done
        quick.cursor().execute("select 1")
        with pytest.raises(psycopg2.OperationalError):
            client.cursor().execute("select 1")


def test_whoever_has_not_said_a_password_has_no_transaction(ready: Lab, tmp_path: Path) -> None:
    """Since 18 it is shown with one, that of its own start, until authentication_timeout."""
    path = changed_pair(ready, tmp_path, limits={"long_transaction": "100ms"})
    node = ready.node("db0")
    words = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
    with socket.create_connection((node.host, node.port)) as half:
        half.sendall((len(words) + 4).to_bytes(4) + words)
        shown = (
            "select bool_or(state = 'starting' and xact_start is not null) from pg_stat_activity"
        )
        wait_for_answer(ready, "db0", shown, True)
        time.sleep(0.2)
        assert said(path, "open on db0").startswith("only:")


def test_a_drain_is_no_deed_without_consent_and_nothing_without_transactions(ready: Lab) -> None:
    with running(ready, "promote", confirm="promote db1", drain="10s") as run:
        now = look(run, closely=True)
        plan = plan_promotion(run, now)
        with pytest.raises(Exception, match="the gate has not been passed"):
            drain(run, "db0", 10)
        gate(run, plan)
        began = time.monotonic()
        drain(run, "db0", 10)
        assert time.monotonic() - began < 5, "there is nothing to wait for"
        assert not did(run.steps)


def test_a_base_backup_is_seen_on_either_node(ready: Lab) -> None:
    for name in ("db0", "db1"):
        node = ready.node(name)
        where = {"host": node.host, "port": node.port, "target_session_attrs": "any"}
        dsn = make_dsn(ready.dsn, user="replicator", **where)
        program = str(node.bin_directory / "pg_basebackup")
        slowly = ["-D", "-", "-F", "t", "-X", "none", "-r", "32k", "-c", "fast"]
        backup = subprocess.Popen([program, "-d", dsn, *slowly], stdout=subprocess.DEVNULL)
        try:
            seen = "select count(*) > 0 from pg_stat_progress_basebackup"
            assert wait_for(lambda name=name, seen=seen: ask(ready, name, seen) == [(True,)])
            assert said(ready, f") on {name}") == "critical"
        finally:
            backup.kill()
            backup.wait()
        assert wait_for(lambda name=name, seen=seen: ask(ready, name, seen) == [(False,)])


def test_a_low_level_backup_is_seen_by_its_session(ready: Lab) -> None:
    with session(ready, "db0", "rsync by hand") as client:
        client.autocommit = True
        client.cursor().execute("select pg_backup_start('by hand', true)")
        assert said(ready, "(rsync by hand, a session after pg_backup_start) on db0") == "critical"


def test_an_archive_that_fails_or_hangs_is_seen(ready: Lab, tmp_path: Path) -> None:
    path = changed_pair(ready, tmp_path, limits={"archiving": "100ms"})
    failed = (
        "select last_failed_time > coalesce(last_archived_time, '-infinity') from pg_stat_archiver"
    )
    with setting(ready, "db0", archive_command="false"):
        switch(ready)
        assert wait_for(lambda: ask(ready, "db0", failed) == [(True,)])
        assert said(ready, "archiving fails on db0, last of") == "critical"
    settle(ready)
    hangs, begun = ready.home / "hangs", ready.node("db0").home / "begun"
    hanging = f"touch {begun}; while [ -e {hangs} ]; do sleep 0.1; done"
    hangs.touch()
    with setting(ready, "db0", archive_command=hanging):
        try:
            # on a busy machine the archiver hears of the new command only after a segment or two
            assert wait_for(lambda: begun.exists() or switch(ready))
            time.sleep(1.2)  # a node tells its time in whole seconds, as BusyBox can
            assert said(path, "a segment has waited") == "critical"
        finally:
            hangs.unlink()
            begun.unlink(missing_ok=True)
    settle(ready)


def switch(lab: Lab) -> None:
    """Fill a segment, as far as the archiver is concerned."""
    ask(lab, "db0", "select pg_logical_emit_message(false, 'test', 'x')")
    ask(lab, "db0", "select pg_switch_wal()")


def waiting(lab: Lab) -> int:
    """How many segments wait for the archiver."""
    ready = "select count(*) from pg_ls_archive_statusdir() where name like '%%.ready'"
    return int(ask(lab, "db0", ready)[0][0])


def settle(lab: Lab) -> None:
    """Archive what waits."""
    ask(lab, "db0", "alter system set archive_command = 'true'")
    ask(lab, "db0", "select pg_reload_conf()")
    assert wait_for(lambda: not waiting(lab) or switch(lab))


def test_unlogged_tables_are_seen_in_every_database(ready: Lab) -> None:
    """Also while somebody holds a lock on them: a close look never waits for a client."""
    ask(ready, "db0", 'create database "shop ""it\'s"')
    dsn = make_dsn(ready.dsn, dbname="shop \"it's")
    with contextlib.closing(psycopg2.connect(dsn)) as client:
        client.cursor().execute(
            "create unlogged table cache as select g from generate_series(1, 1000) g"
        )
        client.commit()
        client.cursor().execute("lock table cache")
        try:
            assert said(ready, "would be empty: public.cache in shop \"it's (") == "warning"
        finally:
            client.rollback()
            client.cursor().execute("drop table cache")
            client.commit()
    assert judged_well(ready)


def test_logical_slots_are_judged_by_what_becomes_of_their_consumers(ready: Lab) -> None:
    make = "select pg_create_logical_replication_slot(%s, 'pgoutput', failover => %s)"
    for name, failover in (("plain", False), ("kept", True)):
        ask(ready, "db0", make, name, failover)
    try:
        verdicts = {v.reason: v.level for v in closely(ready)}
        assert verdicts["would not be on db1: plain (pgoutput in postgres, idle)"] == "warning"
        assert verdicts["not yet on db1: kept"] == "critical"
    finally:
        for name in ("plain", "kept"):
            ask(ready, "db0", "select pg_drop_replication_slot(%s)", name)
