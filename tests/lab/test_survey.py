"""A close look at a real pair: each thing that stands in the way of a switchover is seen, with its
words. What is going on there, transactions, backups, the archive: test_activity.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pgha_helpers import look, parity, read_traffic
from pgha_helpers.judgement.checks import BEFORE, judge
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.wire.sql import Session, keywords

from ..embedded import Lab
from .looks import closely, judged_well, restart, said, setting
from .runs import carry_out, changed_pair, did, running
from .servers import ask, wait_for


def test_a_healthy_pair_passes_every_gate_and_the_seconds_are_told(pair: Lab) -> None:
    with running(pair, "verify") as run:
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


def test_a_look_that_is_not_close_asks_nothing_more(pair: Lab) -> None:
    with running(pair, "verify") as run:
        assert look(run).survey == {}


def test_a_paused_replay_is_seen_with_its_reason(pair: Lab) -> None:
    ask(pair, "db1", "select pg_wal_replay_pause()")
    try:
        assert said(pair, "somebody called pg_wal_replay_pause()") == "critical"
    finally:
        ask(pair, "db1", "select pg_wal_replay_resume()")


def test_a_grant_that_is_lacking_costs_one_check(pair: Lab, tmp_path: Path) -> None:
    """A role that may only monitor: one view that it may not read once left 17 checks unknown."""
    before = {verdict.title for verdict in closely(pair)}
    ask(pair, "db0", "create role watcher login password 'watching' in role pg_monitor")
    ask(pair, "db0", "create unlogged table notes as select 1")
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:watcher:watching\n")
    passfile.chmod(0o600)
    path = changed_pair(pair, tmp_path, user="watcher", passfile=str(passfile))
    assert wait_for(lambda: ask(pair, "db1", "select true from pg_roles where rolname = 'watcher'"))
    now = [verdict for verdict in closely(path) if verdict.title not in before]
    ask(pair, "db0", "drop table notes")
    ask(pair, "db0", "drop role watcher")
    (unlogged,) = [verdict for verdict in now if "public.notes" in verdict.reason]
    assert unlogged.level == "warning"
    assert unlogged.reason.startswith("would be empty: public.notes in postgres (of unknown size)")
    unseen = [verdict for verdict in now if verdict.level == "unknown"]
    views = ("pg_hba_file_rules", "pg_file_settings")
    for verdict, view in zip(unseen, views, strict=True):
        assert verdict.level == "unknown" and f"permission denied for view {view}" in verdict.reason
        (cause,) = verdict.causes
        assert f'grant select on {view} to "watcher";' in cause.remedy


def test_the_connection_that_the_old_primary_will_need_is_tried(pair: Lab, tmp_path: Path) -> None:
    path = changed_pair(pair, tmp_path, db0={"passfile": "/nowhere/pgpass"})
    assert said(path, "db0 cannot replicate from db1: ") == "critical"
    with pytest.raises(NotSafe, match="no password supplied"):
        carry_out(path, "promote", "promote db1")


def test_commands_that_are_not_there_are_seen(pair: Lab, tmp_path: Path) -> None:
    service = {"start": ["/nowhere/start", "it"], "stop": ["true"]}
    path = changed_pair(
        pair, tmp_path, db0={"service": service}, db1={"state_directory": "/proc/pgha"}
    )
    reason = "".join(v.reason for v in closely(path) if v.level == "critical")
    assert "db0: /nowhere/start it is not allowed, or there is no such program" in reason
    assert "db1: state_directory /proc/pgha cannot be written by" in reason


@pytest.fixture
def public(pair: Lab) -> Iterator[Path]:
    """A folder that every user may read: pytest takes its own away from others at each start."""
    folder = pair.home / "public"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_service_that_would_not_start_the_server_again_is_seen(
    pair: Lab, public: Path, tmp_path: Path
) -> None:
    """systemd starts no masked unit, and Debian no cluster whose start.conf says disabled."""
    systemctl = public / "systemctl"
    systemctl.write_text('#!/bin/sh\n[ "$1" = start ] || echo LoadState=masked\n')
    systemctl.chmod(0o755)
    (public / "start.conf").write_text("# how it starts\ndisabled\n")
    masked = {"service": {"start": [str(systemctl), "start", "pg.service"], "stop": ["true"]}}
    disabled = {"service": "pg_ctlcluster 18 main", "config_directory": str(public)}
    path = changed_pair(pair, tmp_path, db0=masked, db1=disabled)
    reason = "".join(v.reason for v in closely(path) if v.level == "critical")
    assert "db0: systemd would not start pg.service: it is masked" in reason
    assert f"db1: pg_ctlcluster does not start it: {public}/start.conf says disabled" in reason


def test_files_that_lead_a_start_to_another_data_directory_are_seen(pair: Lab) -> None:
    """The server that runs tells whether they do: nothing is rehearsed where they do not."""
    file = pair.node("db1").data_directory / "postgresql.conf"
    plain = file.read_text()
    file.write_text(f"{plain}data_directory = '/tmp'\n")
    try:
        assert said(pair, "data_directory is set to /tmp") == "critical"
    finally:
        file.write_text(plain)


def test_settings_that_differ_are_told(pair: Lab) -> None:
    with setting(pair, "db1", work_mem="64MB"):
        assert said(pair, "work_mem is '4MB' on db0, '64MB' on db1") == "warning"


def test_a_manager_that_names_the_data_directory_is_seen(pair: Lab) -> None:
    """One of another cluster is not ours to judge, and one of a user who has no power over the
    server is none.

    A FIFO among its arguments once held the look up for ever.
    """
    node = pair.node("db0")
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
                        for v in closely(pair)
                        if f"repmgrd (pid {manager.pid}) on db0" in v.reason
                    }
                finally:
                    manager.kill()
            assert ("critical" in seen) is ours, (folder, user, seen)


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


def test_threads_that_share_a_session_hear_their_own_answers(pair: Lab) -> None:
    """A close look of one node asks the other one, too: an answer that the wrong thread had read
    was waited for.
    """
    where = {**keywords(pair.dsn), "host": pair.node("db0").host, "port": pair.node("db0").port}
    with (
        contextlib.closing(Session("db0", where, 5, 5)) as session,
        ThreadPoolExecutor(8) as threads,
    ):
        heard = threads.map(lambda n: session.read("select %s as n", [n])[0]["n"], range(400))
        assert list(heard) == list(range(400))


def test_settings_that_stop_replay_are_seen_with_the_pause_that_they_cause(pair: Lab) -> None:
    """The last one here: the pair is left like that."""
    ask(pair, "db0", "alter system set max_connections = 120")
    restart(pair, "db0")
    assert wait_for(lambda: ask(pair, "db1", "select pg_is_wal_replay_paused()") == [(True,)])
    assert said(pair, "is paused on db1") == "critical"
    verdicts = [v.reason for v in closely(pair)]
    assert sum("max_connections is 100 on db1, 120 on db0" in reason for reason in verdicts) >= 2
    assert "with what db0 has: max_connections = 120" in did(
        carry_out(pair, "rebuild", "rebuild db1")
    )
    assert wait_for(lambda: judged_well(pair)), closely(pair)
