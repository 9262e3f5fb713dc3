"""PgBouncer's admin console.

It speaks the simple protocol only, as psycopg2 does, and takes no `options`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..model import Pgbouncer, Timeouts
from ..model.errors import NotAchieved, QueryFailed, TooSlow, Unreachable
from ..model.foreign import identifier
from ..model.here import here
from ..model.show import span
from ..wire.sql import Row, Session
from .ini import Target


@dataclass(frozen=True)
class PooledDatabase:
    """A row of SHOW DATABASES."""

    name: str
    target: Target
    pool_mode: str
    paused: bool
    disabled: bool


class Console:
    """Two sessions: while one waits for its PAUSE, the other looks and resumes."""

    def __init__(self, client: Pgbouncer, timeouts: Timeouts) -> None:
        self.name = client.name
        self._wait = client.wait
        self._hurries = False
        self._told = Session(client.name, _settings(client), timeouts.connect, timeouts.statement)
        self._other = Session(client.name, _settings(client), timeouts.connect, timeouts.statement)

    def open(self) -> str:
        """Open both sessions; gives the version. Raises Unreachable."""
        self._other.read("SHOW VERSION")
        return str(self._told.read("SHOW VERSION")[0]["version"])

    def say(self, statement: str) -> list[Row]:
        """A statement that may be said twice: once more if the session was lost meanwhile."""
        return self._other.read(statement)

    def settings(self) -> dict[str, str]:
        """SHOW CONFIG."""
        return {row["key"]: str(row["value"] or "") for row in self.say("SHOW CONFIG")}

    def databases(self) -> dict[str, PooledDatabase]:
        """SHOW DATABASES by name, the console itself excepted."""
        found = {}
        for row in self.say("SHOW DATABASES"):
            if row["name"] != "pgbouncer":
                found[row["name"]] = _database(row)
        return found

    def pause(self, databases: Sequence[str]) -> None:
        """Hold the clients of these databases.

        Raises NotAchieved, naming whose transactions are in the way.

        PAUSE answers when every server connection is closed, so no old one is left. After an error
        it may be in force.
        """
        deadline = time.monotonic() + self._wait
        for name in databases:
            try:
                self._pause(name, deadline)
            except TooSlow:
                raise NotAchieved(
                    f"PAUSE {name} did not end within {span(self._wait)}: in a transaction is "
                    f"{self._holders(name)}",
                    "wait until it is done, or end it; then run this notebook again",
                ) from None

    def _pause(self, name: str, deadline: float) -> None:
        statement = f"PAUSE {identifier(name)}"
        try:
            self._told.do(statement, within=deadline - time.monotonic())
        except Unreachable:  # an idle session that PgBouncer had closed
            self._told.do(statement, within=deadline - time.monotonic())

    def resume(self, databases: Sequence[str]) -> bool:
        """Let the clients of these databases go on; false if one of them was not paused (any more).

        Where a connection to a server has failed, or a client has come for the first time while its
        database was paused, PgBouncer opens no other one for server_login_retry (tried on 1.18: 15
        s with every client waiting). So that counts for nothing now; `restore` brings it back.
        """
        self.hurry()
        were = True
        for name in databases:
            try:
                self.say(f"RESUME {identifier(name)}")
            except QueryFailed as error:
                if "is not paused" not in error.what:
                    raise
                were = False
        return were

    def hurry(self) -> None:
        """Let that count for nothing, unless it does so already.

        While the promotion goes on nobody waits for it.
        """
        if not self._hurries:
            self.say("SET server_login_retry = 0")
        self._hurries = True

    def restore(self) -> None:
        """All settings as the file has them."""
        self._hurries = False
        self.say("RELOAD")

    def reconnect(self, databases: Sequence[str]) -> None:
        """Close server connections as they are released.

        So none goes on to where the database pointed before.
        """
        for name in databases:
            self.say(f"RECONNECT {identifier(name)}")

    def server_addresses(self, databases: Sequence[str]) -> set[tuple[str, int]]:
        """Our end of each server connection of these databases, as the server sees its client."""
        found = set()
        for row in self.say("SHOW SERVERS"):
            if row["database"] in databases:
                found.add((row["local_addr"], row["local_port"]))
        return found

    def _holders(self, name: str) -> str:
        """Whose transactions hold server connections of this database."""
        told = []
        for row in self.say("SHOW CLIENTS"):
            if row["database"] != name or not row["link"]:
                continue
            program = row.get("application_name") or "no application_name"
            who = f"{row['user']} from {row['addr']}:{row['port']} ({program})"
            told.append(f"{who}, last heard at {row['request_time']}")
        return "; ".join(told) or "nobody any more"

    def close(self) -> None:
        """Let both sessions go."""
        self._told.close()
        self._other.close()


def _settings(client: Pgbouncer) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "host": client.host,
        "port": client.port,
        "user": client.user,
        "dbname": "pgbouncer",
        "application_name": "pgha",
        "options": "",  # also against PGOPTIONS of the environment
    }
    if client.passfile:
        settings["passfile"] = here(client.passfile)
    return settings


def _database(row: Row) -> PooledDatabase:
    target = Target(row["host"] or "", int(row["port"]))
    paused, disabled = bool(row["paused"]), bool(row["disabled"])
    return PooledDatabase(row["name"], target, row["pool_mode"] or "", paused, disabled)
