"""Nodes that have what their primary lacks, made as accidents make them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

import psycopg2

from ..embedded import Lab
from .runs import carry_out
from .servers import ask, stop_cleanly


def left_behind(
    pair: Lab, loser: str = "db0", commits: int = 3, crash: bool = True, words: str = ""
) -> None:
    """Fail over from `loser`, then open it by hand and commit `commits` rows on it, one by one.

    They hold `words` (by default that they are only on it) and their number. It ends killed with
    -9, or cleanly.
    """
    other = "db1" if loser == "db0" else "db0"
    pair.kill(loser)
    carry_out(pair, "promote", f"promote {other}", occasion="failover")
    ask(pair, other, "insert into t values ('the primary''s')")
    open_by_hand(pair, loser)
    for number in range(commits):
        ask(pair, loser, "insert into t values (%s)", f"{words or f'only on {loser}'}: {number}")
    pair.kill(loser) if crash else stop_cleanly(pair, loser)


def open_by_hand(pair: Lab, name: str) -> None:
    """What a careless hand does: remove the signal, start."""
    node = pair.node(name)
    for file in ("standby.signal", "recovery.conf", "postmaster.pid"):
        (node.data_directory / file).unlink(missing_ok=True)
    for lock in Path("/tmp").glob(f".s.PGSQL.{node.port}*"):  # before 9.3 it has a socket, too
        lock.unlink()
    start(pair, name)


def start(pair: Lab, name: str, *words: str) -> None:
    """Start a server beside the runbook; pg_ctl is given these words, too.

    Raises CalledProcessError where it does not start.
    """
    node = pair.node(name)
    owner = node.home.stat()
    # with root's group left to it, its own user could not look into /proc at where it works
    if os.geteuid() == 0:
        user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    else:
        user = {}
    command = [node.bin_directory / "pg_ctl", "start", "-w", "-s", "-D", node.data_directory]
    subprocess.run(
        [*map(str, command), "-l", str(node.home / "by-hand.log"), *words],
        check=True,
        cwd=node.home,
        env={**os.environ, "PGPASSFILE": str(node.home / ".pgpass")},
        **user,
    )  # type: ignore[call-overload]
    for _ in range(100):  # pg_ctl of 9.0 asks the port that postgresql.conf names, whoever is there
        with contextlib.suppress(psycopg2.OperationalError):
            ask(pair, name, "select 1")
            return
        time.sleep(0.1)
