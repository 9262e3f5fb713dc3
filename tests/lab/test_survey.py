"""A close look at a real pair: each thing that stands in the way of a switchover is seen, with its
words.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import gate, look, parity, plan_promotion, read_traffic, require
from pgha_helpers.changes.deeds.sessions import drain
from pgha_helpers.judgement.checks import BEFORE, judge
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.wire.sql import Session, keywords

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


def test_a_healthy_pair_passes_every_gate_and_the_seconds_are_told(ready: Lab) -> None:
    with running(ready, "verify") as run:
        look(run)
        took = []
        for _ in range(3):
            began = time.monotonic()
            now = look(run, closely=True)
            verdicts = judge(BEFORE["switchover"], now)
            took.append(time.monotonic() - began)
    print(f"{len(verdicts)} gates in {', '.join(f'{seconds:.2f}' for seconds in took)} s")
    assert verdicts.worst in ("ok", "warning"), verdicts
    assert "none" in str(parity(now))
    assert "prefer-standby" in str(read_traffic(now))


def test_a_look_that_is_not_close_asks_nothing_more(ready: Lab) -> None:
    with running(ready, "verify") as run:
        assert look(run).survey == {}


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
            deeds = run.steps
        assert "end the session of pid" in did(deeds) and "(postgres, billing)" in did(deeds)
        assert "idle in transaction in postgres" in did(deeds) and "last command SELECT" in did(
            deeds
        )
        assert "quick" not in did(deeds)
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
        where = {
            "host": node.host,
            "port": str(node.port),
            "user": "replicator",
            "target_session_attrs": "any",
        }
        dsn = make_dsn(ready.dsn, **where)
        command = [
            str(node.bin_directory / "pg_basebackup"),
            "-d",
            dsn,
            "-D",
            "-",
            "-F",
            "t",
            "-X",
            "none",
        ]
        backup = subprocess.Popen([*command, "-r", "32k", "-c", "fast"], stdout=subprocess.DEVNULL)
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


def test_a_paused_replay_is_seen_with_its_reason(ready: Lab) -> None:
    ask(ready, "db1", "select pg_wal_replay_pause()")
    try:
        assert said(ready, "somebody called pg_wal_replay_pause()") == "critical"
    finally:
        ask(ready, "db1", "select pg_wal_replay_resume()")


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


def test_a_grant_that_is_lacking_costs_one_check(ready: Lab, tmp_path: Path) -> None:
    """A role that may only monitor: one view that it may not read once left 17 checks unknown."""
    before = {verdict.title for verdict in closely(ready)}
    ask(ready, "db0", "create role watcher login password 'watching' in role pg_monitor")
    ask(ready, "db0", "create unlogged table notes as select 1")
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:watcher:watching\n")
    passfile.chmod(0o600)
    path = changed_pair(ready, tmp_path, user="watcher", passfile=str(passfile))
    assert wait_for(
        lambda: ask(ready, "db1", "select true from pg_roles where rolname = 'watcher'")
    )
    now = [verdict for verdict in closely(path) if verdict.title not in before]
    ask(ready, "db0", "drop table notes")
    ask(ready, "db0", "drop role watcher")
    (unlogged,) = [verdict for verdict in now if "public.notes" in verdict.reason]
    assert unlogged.level == "warning"
    assert unlogged.reason.startswith("would be empty: public.notes in postgres (of unknown size)")
    unseen = [verdict for verdict in now if verdict.level == "unknown"]
    views = ("pg_hba_file_rules", "pg_file_settings")
    for verdict, view in zip(unseen, views, strict=True):
        assert verdict.level == "unknown" and f"permission denied for view {view}" in verdict.reason
        (cause,) = verdict.causes
        assert f'grant select on {view} to "watcher";' in cause.remedy


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


def test_the_connection_that_the_old_primary_will_need_is_tried(ready: Lab, tmp_path: Path) -> None:
    path = changed_pair(ready, tmp_path, db0={"passfile": "/nowhere/pgpass"})
    assert said(path, "db0 cannot replicate from db1: ") == "critical"
    with pytest.raises(NotSafe, match="no password supplied"):
        carry_out(path, "promote", "promote db1")


def test_commands_that_are_not_there_are_seen(ready: Lab, tmp_path: Path) -> None:
    service = {"start": ["/nowhere/start", "it"], "stop": ["true"]}
    path = changed_pair(
        ready, tmp_path, db0={"service": service}, db1={"state_directory": "/proc/pgha"}
    )
    reason = "".join(v.reason for v in closely(path) if v.level == "critical")
    assert "db0: /nowhere/start it is not allowed, or there is no such program" in reason
    assert "db1: state_directory /proc/pgha cannot be written by" in reason


@pytest.fixture
def public(ready: Lab) -> Iterator[Path]:
    """A folder that every user may read: pytest takes its own away from others at each start."""
    folder = ready.home / "public"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_service_that_would_not_start_the_server_again_is_seen(
    ready: Lab, public: Path, tmp_path: Path
) -> None:
    """systemd starts no masked unit, and Debian no cluster whose start.conf says disabled."""
    systemctl = public / "systemctl"
    systemctl.write_text('#!/bin/sh\n[ "$1" = start ] || echo LoadState=masked\n')
    systemctl.chmod(0o755)
    (public / "start.conf").write_text("# how it starts\ndisabled\n")
    masked = {"service": {"start": [str(systemctl), "start", "pg.service"], "stop": ["true"]}}
    disabled = {"service": "pg_ctlcluster 18 main", "config_directory": str(public)}
    path = changed_pair(ready, tmp_path, db0=masked, db1=disabled)
    reason = "".join(v.reason for v in closely(path) if v.level == "critical")
    assert "db0: systemd would not start pg.service: it is masked" in reason
    assert f"db1: pg_ctlcluster does not start it: {public}/start.conf says disabled" in reason


def test_settings_that_differ_are_told(ready: Lab) -> None:
    with setting(ready, "db1", work_mem="64MB"):
        assert said(ready, "work_mem is '4MB' on db0, '64MB' on db1") == "warning"


def test_a_manager_that_names_the_data_directory_is_seen(ready: Lab) -> None:
    """One of another cluster is not ours to judge, and one of a user who has no power over the
    server is none.

    A FIFO among its arguments once held the look up for ever.
    """
    node = ready.node("db0")
    here, owner = str(node.data_directory), node.home.stat().st_uid
    anybody = 12345 if os.geteuid() == 0 else owner
    with tempfile.TemporaryDirectory(dir="/var/tmp") as public:
        program, pipe = Path(public) / "repmgrd", Path(public) / "repmgr.conf"
        program.write_text("#!/bin/sh\nread wait\n")
        os.mkfifo(pipe)
        for path in (program.parent, program, pipe):
            path.chmod(0o755)
        for folder, user, ours in (
            (here, owner, True),
            ("/srv/other", owner, False),
            (here, anybody, anybody == owner),
        ):
            with subprocess.Popen(
                [program, "-D", folder, pipe], stdin=subprocess.PIPE, user=user
            ) as manager:
                try:
                    seen = {
                        v.level
                        for v in closely(ready)
                        if f"repmgrd (pid {manager.pid}) on db0" in v.reason
                    }
                finally:
                    manager.kill()
            assert ("critical" in seen) is ours, (folder, user, seen)


def test_settings_that_stop_replay_are_seen_with_the_pause_that_they_cause(ready: Lab) -> None:
    """The last one here: the pair is left like that."""
    ask(ready, "db0", "alter system set max_connections = 120")
    restart(ready, "db0")
    assert wait_for(lambda: ask(ready, "db1", "select pg_is_wal_replay_paused()") == [(True,)])
    assert said(ready, "is paused on db1") == "critical"
    verdicts = [v.reason for v in closely(ready)]
    assert sum("max_connections is 100 on db1, 120 on db0" in reason for reason in verdicts) >= 2
    assert "with what db0 has: max_connections = 120" in did(
        carry_out(ready, "rebuild", "rebuild db1")
    )
    assert wait_for(lambda: judged_well(ready)), closely(ready)


def test_what_acknowledges_before_the_disk_is_named(pair: Lab) -> None:
    """A crash loses such commits, and no salvage finds them: verify warns, whoever has set it."""
    ask(pair, "db0", "create role hurried")
    ask(pair, "db0", "alter role hurried in database postgres set synchronous_commit to off")
    ask(pair, "db0", "alter system set synchronous_commit = off")
    ask(pair, "db0", "select pg_reload_conf()")
    try:
        assert wait_for(
            lambda: any("synchronous_commit is off;" in verdict.reason for verdict in closely(pair))
        )
        (told,) = [verdict for verdict in closely(pair) if "synchronous_commit" in verdict.reason]
        assert told.level == "warning" and "for role hurried in database postgres" in told.reason
    finally:
        ask(pair, "db0", "alter system reset synchronous_commit")
        ask(pair, "db0", "select pg_reload_conf()")
        ask(pair, "db0", "drop role hurried")
    assert wait_for(
        lambda: not any("synchronous_commit" in verdict.reason for verdict in closely(pair))
    )


def test_threads_that_share_a_session_hear_their_own_answers(ready: Lab) -> None:
    """A close look of one node asks the other one, too: an answer that the wrong thread had read
    was waited for.
    """
    where = {**keywords(ready.dsn), "host": ready.node("db0").host, "port": ready.node("db0").port}
    with (
        contextlib.closing(Session("db0", where, 5, 5)) as session,
        ThreadPoolExecutor(8) as threads,
    ):
        heard = threads.map(lambda n: session.read("select %s as n", [n])[0]["n"], range(400))
        assert list(heard) == list(range(400))
