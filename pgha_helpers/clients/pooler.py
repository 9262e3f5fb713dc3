"""A PgBouncer as a run holds it open: console, file and watchdog, and who follows in it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..model import Pair, Pgbouncer, passfile
from ..wire.doors import Door
from . import ini
from .client_host import door_to
from .console import Console, PooledDatabase
from .file import StagedFile
from .move import node_at
from .watchdog import Watchdog


class Pooler:
    """One PgBouncer, and what can be told of it without asking it anything."""

    def __init__(self, client: Pgbouncer, pair: Pair) -> None:
        self.client = client
        self.pair = pair
        self.door: Door = door_to(client, pair)
        self.console = Console(client, pair.timeouts)
        self.file = StagedFile(self.door, client.file)
        self.watchdog = Watchdog(self.door, client, _password(client))

    def following(self, known: Mapping[str, PooledDatabase]) -> list[str]:
        """The databases that follow the primary.

        Those that are named, or all that point at a node and are no reader's.
        """
        if self.client.databases:
            return list(self.client.databases)
        found = []
        for name, database in known.items():
            if name not in self.client.readers and node_at(self.pair, database.target):
                found.append(name)
        return found

    def at(self, target: ini.Target) -> str:
        """The name of the node at this address, or the address."""
        node = node_at(self.pair, target)
        return node.name if node else f"{target.host or 'a Unix socket'}:{target.port}"


def _password(client: Pgbouncer) -> str:
    """The console's password, as libpq would find it here.

    The watchdog needs it on the pooler's host.
    """
    given = os.environ.get("PGPASSWORD", "")
    if given:
        return given
    there = (client.host, str(client.port), "pgbouncer", client.user)
    return passfile.password(client.passfile, *there)
