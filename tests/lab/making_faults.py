"""How the faults of `faults.py` are made on a real pair, and undone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg2

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild

from ..embedded import Lab, processes
from .looks import restart, session, setting
from .losers import start
from .runs import carry_out, running
from .servers import ask, send_all, stop_cleanly, wait_for

Made = Callable[[Lab], AbstractContextManager[Any]]
_SLOT = "select 1 from pg_replication_slots where slot_name = 'pgha_db1'"
STREAMS = "select 1 from pg_stat_replication where application_name = 'db1' and state = 'streaming'"


def ready_for_faults(pair: Lab) -> None:
    """Both servers archive, and take prepared transactions: that takes a restart, once."""
    given = {"max_prepared_transactions": "4", "archive_mode": "on", "archive_command": "true"}
    for node in ("db1", "db0"):
        for name, value in given.items():
            ask(pair, node, f"alter system set {name} = '{value}'")
        restart(pair, node)
    assert streams(pair)


def streams(pair: Lab) -> bool:
    """Whether the standby streams, within a while."""
    return wait_for(lambda: ask(pair, "db0", STREAMS) == [(1,)])


def settings(node: str, **values: str) -> Made:
    """With these settings, after a reload."""
    return lambda pair: setting(pair, node, **values)


def statements(node: str, make: str, undo: str) -> Made:
    """What a statement makes, and another one takes away."""

    @contextlib.contextmanager
    def made(pair: Lab) -> Iterator[None]:
        ask(pair, node, make)
        try:
            yield
        finally:
            ask(pair, node, undo)

    return made


def stopped(node: str) -> Made:
    """A server that was shut down."""
    return _until_started(node, stop_cleanly)


def killed(node: str) -> Made:
    """A server whose every process was killed with -9."""
    return _until_started(node, Lab.kill)


def _until_started(node: str, end: Callable[[Lab, str], None]) -> Made:
    @contextlib.contextmanager
    def made(pair: Lab) -> Iterator[None]:
        end(pair, node)
        try:
            yield
        finally:
            # of a pid that was killed, and that may be a stranger's by now
            (pair.node(node).data_directory / "postmaster.pid").unlink(missing_ok=True)
            start(pair, node)

    return made


def frozen(node: str, title: str = "") -> Made:
    """Its processes halted by a signal: all, or the one with this title."""

    def of(pair: Lab) -> list[int]:
        found = pair.processes(node)
        return [pid for pid in found if title in Path(f"/proc/{pid}/cmdline").read_text()]

    return _halted(of)


def ssh_frozen(node: str) -> Made:
    """A machine whose sshd hangs."""
    return _halted(lambda pair: processes.running("--port", str(pair.node(node).ssh_port)))


def _halted(find: Callable[[Lab], list[int]]) -> Made:
    @contextlib.contextmanager
    def made(pair: Lab) -> Iterator[None]:
        pids = find(pair)
        assert pids
        send_all(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            send_all(pids, signal.SIGCONT)

    return made


@contextlib.contextmanager
def behind(pair: Lab) -> Iterator[None]:
    """A standby whose replay hangs while the primary writes."""
    with frozen("db1", ": startup ")(pair):
        ask(
            pair,
            "db0",
            "create table written as select repeat('x', 2000) from generate_series(1, 1000)",
        )
        yield
    ask(pair, "db0", "drop table written")


def file(node: str, name: str, text: str = "") -> Made:
    """A file that lies in the data directory, or what stands behind its own text there."""

    @contextlib.contextmanager
    def made(pair: Lab) -> Iterator[None]:
        path = pair.node(node).data_directory / name
        old = path.read_text() if path.exists() else None
        owner = path.parent.stat()
        path.write_text(f"{old or ''}{text}")
        os.chown(path, owner.st_uid, owner.st_gid)
        try:
            yield
        finally:
            path.unlink() if old is None else path.write_text(old)

    return made


def altered(node: str, name: str, value: str) -> Made:
    """A setting that has a value already, changed by a reload and set back to it."""

    @contextlib.contextmanager
    def made(pair: Lab) -> Iterator[None]:
        (kept,) = ask(pair, node, f"show {name}")[0]
        try:
            _set(pair, node, name, value.format(kept=kept))
            yield
        finally:
            _set(pair, node, name, kept)

    return made


def _set(pair: Lab, node: str, name: str, value: str) -> None:
    ask(pair, node, f"alter system set {name} = %s", value)
    ask(pair, node, "select pg_reload_conf()")


@contextlib.contextmanager
def cut_off(pair: Lab) -> Iterator[None]:
    """A primary_conninfo that leads to nobody, as after a typing error."""
    wrong = "host=127.0.0.1 port=1 user=replicator application_name=db1"
    with altered("db1", "primary_conninfo", wrong)(pair):
        assert wait_for(lambda: ask(pair, "db0", STREAMS) == [])
        yield


@contextlib.contextmanager
def under_another_name(pair: Lab) -> Iterator[None]:
    """A standby that calls itself otherwise than the pair file does: the last word counts."""
    streams_so = STREAMS.replace("'db1'", "'walreceiver'")
    with altered("db1", "primary_conninfo", "{kept} application_name=walreceiver")(pair):
        assert wait_for(lambda: ask(pair, "db0", streams_so) == [(1,)])
        yield


@contextlib.contextmanager
def without_its_slot(pair: Lab) -> Iterator[None]:
    """A standby that streams without its slot, which nobody uses."""
    with altered("db1", "primary_slot_name", "")(pair):
        assert wait_for(lambda: ask(pair, "db0", f"{_SLOT} and not active") == [(1,)])
        assert streams(pair)
        yield
    assert wait_for(lambda: ask(pair, "db0", f"{_SLOT} and active") == [(1,)])


@contextlib.contextmanager
def slot_dropped(pair: Lab) -> Iterator[None]:
    """A slot that somebody has dropped, and the standby waits for it."""
    drop = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active"
    end = "select pg_terminate_backend(active_pid) from pg_replication_slots where active"

    def gone() -> bool:
        ask(pair, "db0", end)
        with contextlib.suppress(psycopg2.Error):  # it came back in between
            ask(pair, "db0", drop)
        return ask(pair, "db0", _SLOT) == []

    assert wait_for(gone)
    try:
        yield
    finally:
        ask(pair, "db0", "select pg_create_physical_replication_slot('pgha_db1', true)")
    assert streams(pair)


@contextlib.contextmanager
def two_writable(pair: Lab) -> Iterator[None]:
    """A standby that somebody has promoted."""
    ask(pair, "db1", "select pg_promote()")
    yield
    with running(pair, "rebuild", node="db1") as run:
        consent = plan_rebuild(run, look(run)).consent
    carry_out(pair, "rebuild", consent, node="db1")


@contextlib.contextmanager
def open_transaction(pair: Lab) -> Iterator[None]:
    """A client that has begun, and went to lunch."""
    with session(pair, "db0", "shop") as client, client.cursor() as cursor:
        cursor.execute("select txid_current()")
        time.sleep(0.4)
        yield


@contextlib.contextmanager
def base_backup(pair: Lab) -> Iterator[None]:
    """A slow pg_basebackup of the primary."""
    node = pair.node("db0")
    with tempfile.TemporaryDirectory() as folder:
        dsn = f"host={node.host} port={node.port} user=replicator passfile={pair.passfile}"
        words = ["-D", f"{folder}/copy", "-d", dsn, "-c", "fast", "-r", "32k", "-X", "none"]
        with subprocess.Popen(
            [str(node.bin_directory / "pg_basebackup"), *words], stderr=subprocess.DEVNULL
        ) as backup:
            try:
                going = "select 1 from pg_stat_progress_basebackup where phase like 'streaming%'"
                assert wait_for(lambda: ask(pair, "db0", going) == [(1,)])
                yield
            finally:
                backup.kill()


@contextlib.contextmanager
def archive_fails(pair: Lab) -> Iterator[None]:
    """An archive that takes nothing any more."""
    failed = "select last_failed_time > coalesce(last_archived_time, '-infinity') from {}"
    failed = failed.format("pg_stat_archiver")
    with altered("db0", "archive_command", "false")(pair):
        ask(pair, "db0", "create table archived ()")
        ask(pair, "db0", "drop table archived")
        ask(pair, "db0", "select pg_switch_wal()")
        assert wait_for(lambda: ask(pair, "db0", failed) == [(True,)])
        yield
    assert wait_for(lambda: ask(pair, "db0", failed) == [(False,)])


@contextlib.contextmanager
def manager(pair: Lab) -> Iterator[None]:
    """repmgrd, which rules this very data directory. Of its owner: what root runs, and nobody else
    may read, would be told by every pair of this machine.
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        program = Path(folder) / "repmgrd"
        program.write_text("#!/bin/sh\nread wait\n")
        for path in (program.parent, program):
            path.chmod(0o755)
        words = [str(program), "-D", str(pair.node("db0").data_directory)]
        owner = pair.node("db0").home.stat().st_uid
        with subprocess.Popen(words, stdin=subprocess.PIPE, user=owner) as started:
            try:
                yield
            finally:
                started.kill()
