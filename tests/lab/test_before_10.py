"""Servers before 10, of which no registry has a package: PGHA_OLD_POSTGRES names a folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_setup
from pgha_helpers.changes.deeds import stopping

from .. import embedded as lab
from ..bench.pairs import pair_of
from ..majors import old_programs
from .converging import PROCEDURES
from .cycles import against, alive, switched, unanswered
from .losers import start
from .runs import carry_out, running
from .servers import ask, records, stop_cleanly, wait_for

VERSIONS = (
    *("9.0.0", "9.0.23", "9.1.0", "9.1.24", "9.2.0", "9.2.24"),
    *("9.3.0", "9.3.25", "9.4.26", "9.5.25", "9.6.24"),
)


@pytest.fixture(params=VERSIONS)
def old_pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[lab.Lab]:
    with pair_of(tmp_path / "lab", old_programs(request.param)) as pair:
        yield pair


@pytest.mark.usefixtures("has_rsync")
def test_its_whole_life_loses_nothing(old_pair: lab.Lab) -> None:
    assert against(old_pair) == [] and unanswered(old_pair) == []
    for _ in ("there", "back"):
        moved = switched(old_pair)
        assert (moved.lost, moved.overlaps) == (0, 0) and moved.acknowledged > 100
    for procedure in ("failover", "rebuild by rsync"):
        told = PROCEDURES[procedure](old_pair, alive)
        assert told.converged and not told.faults


@pytest.mark.usefixtures("has_rsync")
def test_a_pair_by_the_articles_own_commands_is_taken_over_without_a_copy(tmp_path: Path) -> None:
    """As "High Availability on a Shoestring" has it typed; its trigger file in /tmp goes."""
    programs = old_programs("9.0.0")
    try:
        pair = lab.up(tmp_path / "lab", programs=programs)
        _type_the_article(pair)
        with running(pair, "setup", primary="db0") as rehearsed:
            plan = plan_setup(rehearsed, look(rehearsed))
        assert "follow" in str(plan) or "copy" not in str(plan).lower()
        carry_out(pair, "setup", plan.consent, primary="db0")
        data = pair.node("db1").data_directory
        assert not list(data.parent.glob("data.aside*"))
        definition = (data / "recovery.conf").read_text()
        assert "/tmp/" not in definition and "trigger_file = 'promote'" in definition
        assert against(pair) == []
        for _ in ("there", "back"):
            moved = switched(pair)
            assert (moved.lost, moved.overlaps) == (0, 0)
        assert not PROCEDURES["failover"](pair, alive).faults
    finally:
        lab.down(tmp_path / "lab", remove=True)


def _type_the_article(pair: lab.Lab) -> None:
    """Settings on both nodes, a low-level backup by rsync, recovery.conf with a trigger file."""
    first, second = pair.node("db0"), pair.node("db1")
    settings = "wal_level = hot_standby\nmax_wal_senders = 5\n"
    settings += "wal_keep_segments = 32\nhot_standby = on\n"
    password = next(
        line.rpartition(":")[2]
        for line in pair.passfile.read_text().splitlines()
        if ":replicator:" in line
    )
    stop_cleanly(pair, "db1")
    for node in (first, second):
        with (node.data_directory / "postgresql.conf").open("a") as file:
            file.write(settings)
        with (node.data_directory / "pg_hba.conf").open("a") as file:
            file.write("host replication replicator 127.0.0.1/32 md5\n")
            file.write("host postgres replicator 127.0.0.1/32 md5\n")
    stop_cleanly(pair, "db0")
    start(pair, "db0")
    ask(pair, "db0", f"create role replicator login superuser password '{password}'")
    ask(pair, "db0", "select pg_start_backup('shoestring', true)")
    own = ("postgresql.conf", "pg_hba.conf", "postmaster.pid", "pg_log", "pg_xlog/*")
    excluded = [f"--exclude=/{name}" for name in own]
    copy = ["rsync", "-a", "--delete", *excluded]
    subprocess.run([*copy, f"{first.data_directory}/", f"{second.data_directory}/"], check=True)
    ask(pair, "db0", "select pg_stop_backup()")
    for left in (second.data_directory / "pg_xlog").iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    status = second.data_directory / "pg_xlog" / "archive_status"
    status.mkdir()
    definition = second.data_directory / "recovery.conf"
    definition.write_text(
        "standby_mode = 'on'\n"
        f"primary_conninfo = 'host={first.host} port={first.port} user=replicator'\n"
        f"trigger_file = '/tmp/pgha-test-trigger-{second.port}'\n"
    )
    owner = second.data_directory.stat()
    for path in (status, definition):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    start(pair, "db1")
    ask(pair, "db0", "create table seen (a int)")
    arrived = "select count(*) from pg_class where relname = 'seen'"
    assert wait_for(lambda: ask(pair, "db1", arrived) == [(1,)])


@pytest.mark.usefixtures("has_rsync")
@pytest.mark.parametrize("version", ["9.0.0", "19beta3"])
def test_what_a_clean_stop_leaves_behind_is_brought_over(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """9.0 stops cleanly while a walreceiver hangs: 121 to 190 rows were missing without that. So
    does 19, where it is told to.
    """
    with pair_of(tmp_path / "lab", old_programs(version)) as pair:
        if version != "9.0.0":
            ask(pair, "db0", "alter system set wal_sender_shutdown_timeout = 0")
            ask(pair, "db0", "select pg_reload_conf()")
        stop = stopping.stop_primary

        def hang_first(*words: Any) -> Any:
            os.kill(_walreceiver(pair, "db1"), signal.SIGSTOP)
            time.sleep(0.5)  # clients write on
            return stop(*words)

        monkeypatch.setattr(stopping, "stop_primary", hang_first)
        moved = switched(pair)
        assert (moved.lost, moved.overlaps) == (0, 0) and moved.acknowledged > 100
        told = [(folder / "journal.jsonl").read_text() for folder in records(pair)]
        assert any('"copy wal"' in journal for journal in told)


def _walreceiver(pair: lab.Lab, node: str) -> int:
    titles = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pair.processes(node)}
    return next(pid for pid, title in titles.items() if re.search(b"wal ?receiver", title))
