"""pg_auto_failover with its monitor, its defaults but for the ports: `pg_autoctl perform
switchover`.

By default a standby is synchronous (replication-quorum true). Quicker, by its own settings:
asynchronous, as the other contenders are, and a standby that looks for WAL every 100 ms.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from copy import copy
from pathlib import Path

from ...embedded.state import HOST, choose_ports
from .contender import Told, Unavailable
from .nodes import PROGRAMS, Nodes, Server, ask
from .private import SYSTEM_PATH, Private, program, version

_READY = 90.0  # seconds
_INSECURE = ("--auth", "trust", "--no-ssl", "--hostname", HOST)


class AutoFailover:
    """A monitor and two nodes that run for as long as their private folder."""

    name = "pg_auto_failover"

    def __init__(self, private: Private) -> None:
        if (
            not program("pg_autoctl")
            or not (PROGRAMS.parent / "lib" / "pgautofailover.so").exists()
        ):
            needed = "pg-auto-failover-cli postgresql-15-auto-failover"
            raise Unavailable(f"not installed: apt-get install {needed}")
        self.version = version("pg_autoctl").replace("pg_autoctl version", "pg_auto_failover")
        self._private, self._quick, folder, ports = private, False, private.folder, choose_ports()
        private.environment = {"PATH": f"{PROGRAMS}:{SYSTEM_PATH}", "XDG_RUNTIME_DIR": str(folder)}
        self.nodes = Nodes(
            {name: Server(port.postgres, folder / name) for name, port in ports.items()}
        )
        self._monitor = folder / "monitor"
        port = choose_ports()["db0"].postgres
        self._create("monitor", self._monitor, port)
        self._wait(lambda: self._state() == [])
        monitor = f"postgres://autoctl_node@{HOST}:{port}/pg_auto_failover"
        for number, (name, server) in enumerate(self.nodes.servers.items(), 1):
            self._create("postgres", server.data, server.port, "--name", name, "--monitor", monitor)
            self._wait(lambda number=number: len(self._settled()) == number)  # type: ignore[misc]

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def quickest(self) -> AutoFailover:
        quick = copy(self)
        quick.name, quick._quick = f"{self.name}, quickest settings", True
        return quick

    def get_ready(self) -> None:
        for name, server in self.nodes.servers.items():
            quorum, interval = ("false", "'100ms'") if self._quick else ("true", "default")
            self._wait_until_settled()  # while it applies one setting, it refuses the next (seen)
            self._pg_autoctl("set", "node", "replication-quorum", quorum, "--pgdata", server.data)
            with self.nodes.session(name) as session:
                ask(session, f"alter system set wal_retrieve_retry_interval = {interval}")
                ask(session, "select pg_reload_conf()")
        self._wait_until_settled()

    def switch(self, old: str, new: str) -> Told:
        self._pg_autoctl("perform", "switchover", "--pgdata", self._monitor)
        return Told()

    def _create(self, what: str, data: Path, port: int, *words: str) -> None:
        how = ("--pgdata", data, "--pgport", str(port), *_INSECURE, *words, "--run")
        self._private.start("pg_autoctl", "create", what, *how)

    def _pg_autoctl(self, *words: str | Path) -> str:
        return self._private.run("pg_autoctl", *words)

    def _state(self) -> list[dict[str, str]] | None:
        """What the monitor says of each node; None as long as it says nothing."""
        try:
            said = self._pg_autoctl("show", "state", "--json", "--pgdata", self._monitor)
            told: list[dict[str, str]] = json.loads(said[said.index("[") :])
        except (RuntimeError, ValueError):
            return None
        return told

    def _settled(self) -> list[dict[str, str]]:
        """The nodes that are what they are to be, and no more on their way there."""
        states = ("single", "primary", "secondary")
        return [
            node
            for node in self._state() or []
            if _both(node) in [(state, state) for state in states]
        ]

    def _wait_until_settled(self) -> None:
        self._wait(lambda: len(self._settled()) == len(self.nodes.servers))

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY
        while not ready():
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"pg_auto_failover is not ready after {_READY:.0f} s: {self._state()}"
                )
            time.sleep(0.3)


def _both(node: dict[str, str]) -> tuple[str, str]:
    return node.get("current_group_state", ""), node.get("assigned_group_state", "")
