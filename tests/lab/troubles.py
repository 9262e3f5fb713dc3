"""Troubles of a bad night, and how they are made on real servers: a full disk, a walsender that
never drains.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers.model import Process

from .. import embedded as labs
from .nights import Night
from .servers import ask, stop_cleanly, wait_for_answer, write_kilobytes


def stopped_receiver(night: Night) -> subprocess.Popen[bytes]:
    node = night.pair.node(night.old)
    folder = night.folder / "received"
    folder.mkdir()
    dsn = (
        f"host={node.host} port={node.port} user=replicator passfile={night.pair.passfile} "
        "application_name=hoarder"
    )
    command = [str(node.bin_directory / "pg_receivewal"), "-D", str(folder), "-d", dsn, "--no-loop"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    known = (
        "select 1 from pg_stat_replication where application_name = 'hoarder' and state = "
        "'streaming'"
    )
    deadline = time.monotonic() + 10
    while ask(night.pair, night.old, known) != [(1,)]:
        assert process.poll() is None and time.monotonic() < deadline, (
            "pg_receivewal does not stream"
        )
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    return process


def fill_its_socket(night: Night) -> None:
    """More WAL than the sockets hold, so that its walsender cannot even come to a halt."""
    ask(night.pair, night.old, "create table if not exists filler (t text)")
    write_kilobytes(night.pair, night.old, "filler", 50000)
    time.sleep(0.5)


@contextlib.contextmanager
def small_disk(night: Night, wal: Path) -> Iterator[Callable[[], None]]:
    """The standby's WAL on a small disk; gives what fills it. Needs root, as CI has it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    stop_cleanly(night.pair, night.target)
    kept = wal.with_name("pg_wal.kept")
    owner = wal.stat()
    shutil.copytree(wal, kept)
    size = sum(path.stat().st_size for path in kept.rglob("*")) // 2**20 + 100
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=700", "tmpfs", str(wal)], check=True
    )
    try:
        shutil.copytree(kept, wal, dirs_exist_ok=True)
        for path in [wal, *wal.rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)
        labs.up(night.pair.folder)
        wait_until_attached(night)
        yield lambda: fill_disk(night, wal)
        night.pair.kill(night.target)
        (wal / "ballast").unlink()
        shutil.copytree(wal, kept, dirs_exist_ok=True)
    finally:
        night.pair.kill(night.target)
        subprocess.run(["umount", str(wal)], check=True)
        shutil.copytree(kept, wal, dirs_exist_ok=True)
        shutil.rmtree(kept)
        for path in [wal, *wal.rglob("*")]:
            os.chown(path, owner.st_uid, owner.st_gid)


def fill_disk(night: Night, wal: Path) -> None:
    """Leave no byte, then make the primary write more than the segments that the standby has at
    hand.
    """
    with contextlib.suppress(OSError), (wal / "ballast").open("wb") as file:
        while True:
            file.write(b"\0" * 2**20)
    with contextlib.suppress(OSError), (wal / "ballast").open("ab", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)
    ask(night.pair, night.old, "create table if not exists filler (t text)")
    write_kilobytes(night.pair, night.old, "filler", 75000)


def set_on_both(night: Night, **settings: str) -> None:
    """ALTER SYSTEM and reload on both nodes."""
    for node in night.pair.nodes:
        for name, value in settings.items():
            ask(night.pair, node, f"alter system set {name} = '{value}'")
        ask(night.pair, node, "select pg_reload_conf()")


def carry_on(night: Night, node: str) -> None:
    """Restart a node."""
    stop_cleanly(night.pair, node)
    labs.up(night.pair.folder)


def wait_until_attached(night: Night) -> None:
    """Until the standby streams and has replayed what there is."""
    caught_up = "select bool_or(replay_lsn >= pg_current_wal_lsn()) from pg_stat_replication"
    wait_for_answer(night.pair, night.old, caught_up, True, within=60)


def process_of(night: Night, node: str, title: str, kind: str = "helper") -> int:
    """The pid of a process of this node by its title (any of `a|b|c`)."""
    for pid in night.pair.processes(node):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        process = Process(pid, words)
        if process.kind == kind and any(part in words for part in title.split("|")):
            return pid
    raise AssertionError(f"{node} has no {kind} {title}")
