"""Clients whose connection string names both nodes and asks for the writable one.

Nothing has to be done for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..model import Libpq, Pair
from ..wire.sql import keywords
from .ini import Target
from .kind import Way
from .move import node_at

ATTRIBUTES = ("read-write", "primary")


class Multihost(Way):
    """One such connection string."""

    acts = False

    def __init__(self, client: Libpq, pair: Pair) -> None:
        self.client = client
        self.pair = pair

    def look(self, primary: str) -> tuple[str, list[str]]:
        """Whether it names both nodes and asks for the one that is writable."""
        told = keywords(self.client.dsn)
        return f"libpq, {told.get('host', 'no host')}", list(why_not(self.pair, told))


def why_not(pair: Pair, told: Mapping[str, str]) -> Iterator[str]:
    """Why clients with these keywords would not find the writable node by themselves."""
    targets = [node_at(pair, target) for target in _targets(told)]
    found = {node.name for node in targets if node}
    if missing := [node for node in pair if node.name not in found]:
        words = " and ".join(f"{node.name} ({node.host}:{node.port})" for node in missing)
        yield f"its dsn does not name {words}"
    asked = told.get("target_session_attrs", "any")
    if asked not in ATTRIBUTES:
        yield (
            f"its dsn has target_session_attrs={asked}: clients may stay on a standby; "
            "read-write is needed"
        )


def _targets(told: Mapping[str, str]) -> Iterator[Target]:
    """The addresses in the order in which libpq tries them; one port does for all hosts."""
    hosts = told.get("host", told.get("hostaddr", "")).split(",")
    ports = told.get("port", "5432").split(",")
    if len(ports) == 1:
        ports = ports * len(hosts)
    for host, port in zip(hosts, ports, strict=False):
        yield Target(host, int(port) if port.isdecimal() else 5432)
