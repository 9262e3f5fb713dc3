"""Two PostgreSQL servers on this machine, as a benchmark sees them: over SQL, and by their
directories.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection, make_dsn

from ...embedded import Lab
from ...embedded.state import HOST

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_HEALTHY = 60.0  # seconds


@dataclass(frozen=True)
class Server:
    """One of the two: its port and its data directory."""

    port: int
    data: Path


@dataclass(frozen=True)
class Nodes:
    """Both, by name; `words` are what libpq must know beside host and port."""

    servers: Mapping[str, Server]
    words: Mapping[str, str] = field(
        default_factory=lambda: {"user": "postgres", "dbname": "postgres"}
    )

    @classmethod
    def of(cls, lab: Lab) -> Nodes:
        """The nodes of an embedded pair."""
        words = {"user": "postgres", "dbname": "postgres", "passfile": str(lab.passfile)}
        return cls(
            {name: Server(node.port, node.data_directory) for name, node in lab.nodes.items()},
            words,
        )

    def dsn(self, *names: str, **words: str) -> str:
        """A connection string that names these nodes, or both, in order."""
        ports = [str(self.servers[name].port) for name in names or self.servers]
        return str(
            make_dsn(
                host=",".join([HOST] * len(ports)), port=",".join(ports), **{**self.words, **words}
            )
        )

    @property
    def writable_dsn(self) -> str:
        """The road of a client that knows both and wants the primary."""
        return self.dsn(target_session_attrs="read-write", connect_timeout="1")

    @contextlib.contextmanager
    def session(self, name: str, **words: str) -> Iterator[connection]:
        """A connection to one node, in autocommit mode."""
        with contextlib.closing(psycopg2.connect(self.dsn(name, **words))) as opened:
            opened.autocommit = True
            yield opened

    def roles(self) -> tuple[str, str]:
        """The name of the primary, and of the standby. Raises RuntimeError unless there is one of
        each.
        """
        found = {name: self._in_recovery(name) for name in self.servers}
        if sorted(found.values()) != [False, True]:
            raise RuntimeError(f"one primary and one standby are wanted; in recovery: {found}")
        first, second = self.servers
        return (second, first) if found[first] else (first, second)

    @property
    def version(self) -> str:
        """PostgreSQL's version, as the primary tells it."""
        with self.session(self.roles()[0]) as asked:
            return str(ask(asked, "show server_version")).split()[0]

    def wait_until_healthy(self, primary: str) -> None:
        """Wait until this node takes writes, and the other one streams from it. Raises RuntimeError
        after 60 s.
        """
        other = next(name for name in self.servers if name != primary)
        deadline = time.monotonic() + _HEALTHY
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(psycopg2.Error),
                self.session(primary) as new,
                self.session(other) as old,
            ):
                while time.monotonic() < deadline:
                    if (
                        not ask(new, "select pg_is_in_recovery()")
                        and ask(old, _FOLLOWS)
                        and ask(new, _STREAMS)
                    ):
                        return
                    time.sleep(0.01)
            time.sleep(0.01)
        raise RuntimeError(
            f"{primary} is not a primary with a streaming standby after {_HEALTHY:.0f} s"
        )

    def _in_recovery(self, name: str) -> bool:
        with self.session(name) as asked:
            return bool(ask(asked, "select pg_is_in_recovery()"))


_FOLLOWS = (
    "select pg_is_in_recovery() and exists (select from pg_stat_wal_receiver where status "
    "= 'streaming')"
)
_STREAMS = "select exists (select from pg_stat_replication where state = 'streaming')"


def ask(asked: connection, statement: str) -> Any:
    """The first value of the answer; None where there is none."""
    with asked.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
