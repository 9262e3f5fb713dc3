"""The floor: a switchover by hand, with nothing asked, nothing recorded and nobody warned. Local,
without ssh.

`fast` knows where the milliseconds are: checkpoints before, a signal instead of pg_ctl, the control
file instead of the postmaster's end, and polls of a millisecond. `naive` is what a manual says:
pg_ctl stop, pg_promote, both of which look every 100 ms.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import TypeVar

from psycopg2.extensions import connection, make_dsn

from ...embedded import Lab, binaries, processes
from ...embedded.cluster import REPLICATION_USER
from ...embedded.places import find_places
from ...embedded.state import HOST
from .bouncer import Bouncer
from .contender import Told
from .nodes import PROGRAMS, Nodes, ask
from .private import Private, version

_SHUT_DOWN = 1  # DBState DB_SHUTDOWNED
_STATE, _CHECKPOINT = 16, 32  # where PostgreSQL 15 keeps them in global/pg_control
_POLL = 0.001
_LONGEST = 30.0
_T = TypeVar("_T")


class Floor:
    """`fast`, with clients that know both nodes."""

    name = "floor fast"
    version = ""

    def __init__(self, lab: Lab) -> None:
        self.nodes = Nodes.of(lab)
        self._places = find_places(lab.folder)
        self._let_each_follow_the_other()

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def _let_each_follow_the_other(self) -> None:
        """By settings on both nodes, without slots."""
        for name, other in permutations(self.nodes.servers):
            passfile = str(self._places.node(name).passfile)
            port = str(self.nodes.servers[other].port)
            followed = make_dsn(
                host=HOST,
                port=port,
                user=REPLICATION_USER,
                passfile=passfile,
                application_name=name,
            )
            with self.nodes.session(name) as session, session.cursor() as cursor:
                cursor.execute("alter system set primary_conninfo = %s", [followed])
                cursor.execute("alter system set primary_slot_name = ''")
                cursor.execute("select pg_reload_conf()")
        self.nodes.wait_until_healthy(self.nodes.roles()[0])

    def switch(self, old: str, new: str) -> Told:
        with self.nodes.session(new) as to:
            with self.nodes.session(old) as from_:
                for session in (from_, to, from_):
                    ask(session, "checkpoint")
            told = self._window(old, new, to)
        self._follow(old)
        return told

    def _window(self, old: str, new: str, to: connection) -> Told:
        """Everything inside the outage."""
        data = self.data(old)
        began = time.monotonic()
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
        checkpoint = _until(lambda: _shut_down_at(data))
        stopped = time.monotonic()
        _until(lambda: ask(to, f"select pg_last_wal_replay_lsn() > '{_words(checkpoint)}'::pg_lsn"))
        proved = time.monotonic()
        ask(to, "select pg_promote(false)")
        _until(lambda: not ask(to, "select pg_is_in_recovery()"))
        return Told(
            {
                "stop": stopped - began,
                "proof": proved - stopped,
                "promote": time.monotonic() - proved,
            }
        )

    def _follow(self, old: str) -> None:
        """Start the old primary as a standby, as soon as its last process has gone."""
        data = self.nodes.servers[old].data
        _until(lambda: not processes.postgres_in(data))
        (data / "standby.signal").touch()
        self._places.own(data / "standby.signal")
        self._pg_ctl(old, "start", "-W", "-l", self._places.node(old).server_log)

    def _pg_ctl(self, name: str, *words: str | Path) -> None:
        binaries.run(
            self._places,
            self._places.node(name),
            PROGRAMS / "pg_ctl",
            "-s",
            *words,
            "-D",
            self.data(name),
        )

    def data(self, name: str) -> Path:
        """The data directory of a node."""
        return self.nodes.servers[name].data


class NaiveFloor(Floor):
    """`naive`, with clients that know both nodes."""

    name = "floor naive"

    def _window(self, old: str, new: str, to: connection) -> Told:
        began = time.monotonic()
        self._pg_ctl(old, "stop", "-w", "-m", "fast")
        stopped = time.monotonic()
        ask(to, "select pg_promote()")
        return Told({"stop": stopped - began, "promote": time.monotonic() - stopped})


class FloorWithBouncer(Floor):
    """`fast`, with clients that are paused in PgBouncer meanwhile."""

    name = "floor fast, pgbouncer paused"

    def __init__(self, lab: Lab, private: Private) -> None:
        super().__init__(lab)
        self.version = version("pgbouncer")
        self._bouncer = Bouncer(private, lab, self.nodes.servers[self.nodes.roles()[0]].port)

    @property
    def dsn(self) -> str:
        return self._bouncer.dsn

    def _window(self, old: str, new: str, to: connection) -> Told:
        with self._bouncer.console() as console:
            began = time.monotonic()
            ask(console, "PAUSE postgres")
            told = super()._window(old, new, to)
            promoted = time.monotonic()
            self._bouncer.point_to(self.nodes.servers[new].port)
            ask(console, "RELOAD")
            ask(console, "RESUME postgres")
            ended = time.monotonic()
        return Told({**told.parts, "redirect": ended - promoted}, pause=ended - began)


def _shut_down_at(data: Path) -> int:
    """The last checkpoint of a server that was shut down, by its control file; 0 where it was
    not.
    """
    control = (data / "global" / "pg_control").read_bytes()
    (state,) = struct.unpack_from("=i", control, _STATE)
    return int(struct.unpack_from("=Q", control, _CHECKPOINT)[0]) if state == _SHUT_DOWN else 0


def _words(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _until(look: Callable[[], _T]) -> _T:
    deadline = time.monotonic() + _LONGEST
    while not (found := look()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the floor waited for more than {_LONGEST:.0f} s")
        time.sleep(_POLL)
    return found
