"""Where a client's programs and files are: this machine, a node, or another host over ssh."""

from __future__ import annotations

from ..model import Command, Node, Pair, Pgbouncer
from ..wire.doors import Door


def door_to(client: Pgbouncer | Command, pair: Pair) -> Door:
    """A door of the client's own, so that nothing in it waits for what goes on at a node's."""
    node = pair[client.node] if client.node else None
    place = Node(
        client.name,
        host="",
        data_directory="",
        bin_directory=getattr(client, "bin_directory", "") or (node.bin_directory if node else ""),
        owner=client.owner or (node.owner if node else ""),
        ssh=client.ssh or (node.ssh if node else None),
    )
    return Door(place, pair)


def program(door: Door, name: str) -> str:
    """A program of PostgreSQL there: in its bin_directory, or wherever the PATH has it."""
    return door.binary(name) if door.node.bin_directory else name
