"""The database, and how a node leaves its history: promoted away from, opened by hand, written to,
and killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psycopg2

from ...embedded import Lab
from ...lab.losers import open_by_hand
from ...lab.servers import stop_cleanly
from ..switchover.nodes import PROGRAMS, Nodes, ask

#: Transactions of pgbench that only the loser has, and those that it lacks: seconds of work, the
#: same in each turn.
ITS_OWN, MISSED = 200, 10_000
_CAUGHT_UP = 120.0  # seconds
_LONGEST = 1800.0


def fill(lab: Lab, scale: int) -> int:
    """Make pgbench's tables, about 15 MB for each of `scale`; gives the bytes of all databases."""
    nodes = Nodes.of(lab)
    primary, _ = nodes.roles()
    _pgbench(lab, primary, "-i", "-q", "-s", str(scale))
    with nodes.session(primary) as session:
        ask(session, "checkpoint")
        size = int(ask(session, "select sum(pg_database_size(oid)) from pg_database"))
    _catch_up(nodes)
    return size


def leave(lab: Lab) -> str:
    """Make the primary a loser; gives its name. The other node is primary then."""
    nodes = Nodes.of(lab)
    _catch_up(nodes)
    old, new = nodes.roles()
    stop_cleanly(lab, old)
    with nodes.session(new) as session:
        ask(session, "select pg_promote()")
    open_by_hand(lab, old)
    _pgbench(lab, old, "-n", "-t", str(ITS_OWN))
    with nodes.session(old) as session:  # its last commits are on its disk when it is killed
        ask(session, "select txid_current()")
    _pgbench(lab, new, "-n", "-c", "2", "-j", "2", "-t", str(MISSED // 2))
    lab.kill(old)
    _settle()
    return old


def sweep(lab: Lab) -> None:
    """Remove what the last turn has kept: a benchmark's disk is finite, and nobody misses it."""
    for node in lab.nodes.values():
        for kept in node.data_directory.parent.glob(f"{node.data_directory.name}.*"):
            shutil.rmtree(kept)
    _settle()


def as_owner(lab: Lab, name: str, *command: str | Path) -> str:
    """Run a program as the user of the servers; what it said. Raises RuntimeError with its last
    words if it fails.
    """
    home = lab.node(name).home
    owner = home.stat()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    words = [str(word) for word in command]
    # no pipe: a server that it starts would keep that open
    with (home / "by-hand.said").open("w+") as said:
        program = subprocess.Popen(
            words, cwd=home, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **user
        )
        timer = threading.Timer(_LONGEST, program.kill)
        timer.start()
        status = program.wait()  # with a timeout of its own it would look only every 50 ms
        timer.cancel()
        said.seek(0)
        told = said.read()
    if status:
        raise RuntimeError(f"{' '.join(words)} ended with {status}: {told.strip()[-1500:]}")
    return told


class Streaming:
    """The moment from which on the primary streams to this standby, which was dead: one eye for
    every contender.
    """

    def __init__(self, nodes: Nodes, primary: str, standby: str) -> None:
        self._nodes, self._primary, self._standby = nodes, primary, standby
        self._at = 0.0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Streaming:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def at(self) -> float:
        """When it was, by the clock of this machine. Waits for it; raises RuntimeError after two
        minutes.
        """
        self._watcher.join(_CAUGHT_UP)
        if not self._at:
            raise RuntimeError(
                f"{self._primary} does not stream to {self._standby} after {_CAUGHT_UP:.0f} s"
            )
        return self._at

    def _watch(self) -> None:
        with self._nodes.session(self._primary) as session:
            while not self._over.wait(0.005):
                if ask(session, _STREAMS.format(self._standby)):
                    self._at = time.time()
                    return


_STREAMS = (
    "select exists (select from pg_stat_replication where application_name = '{}' and "
    "state = 'streaming')"
)


def _catch_up(nodes: Nodes) -> None:
    """Wait until the standby has replayed everything."""
    primary, standby = nodes.roles()
    deadline = time.monotonic() + _CAUGHT_UP
    with nodes.session(primary) as one, nodes.session(standby) as other:
        end = ask(one, "select pg_current_wal_lsn()")
        while not ask(other, f"select pg_last_wal_replay_lsn() >= '{end}'"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{standby} has not replayed {end} after {_CAUGHT_UP:.0f} s")
            time.sleep(0.02)


def _pgbench(lab: Lab, name: str, *words: str) -> None:
    node = lab.node(name)
    where = ("-h", node.host, "-p", str(node.port), "-U", "postgres")
    # what it leaves is the same, and nobody waits for each commit on a disk that others use
    environment = {
        **os.environ,
        "PGPASSFILE": str(lab.passfile),
        "PGOPTIONS": "-c synchronous_commit=off",
    }
    command = [str(PROGRAMS / "pgbench"), *where, *words, "postgres"]
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=_LONGEST)


def _settle() -> None:
    """Let the disk come to rest: one turn must not pay for what another one has written."""
    with contextlib.suppress(OSError, psycopg2.Error):
        os.sync()
