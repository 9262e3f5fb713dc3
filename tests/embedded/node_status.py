"""What runs of a lab."""

from dataclasses import dataclass
from pathlib import Path

from . import cluster, processes
from .places import Places
from .state import LabState


@dataclass(frozen=True)
class NodeStatus:
    """What `status` saw of a node.

    `server` is `running`, `stopped`, `no cluster` (the data directory is missing or holds none) or
    `orphans` (backends whose postmaster is dead); `processes` counts those of PostgreSQL in the
    data directory.
    """

    name: str
    port: int
    server: str
    processes: int
    ssh_port: int
    ssh: str
    data_directory: Path


def node_status(places: Places, state: LabState, name: str) -> NodeStatus:
    """Look at one node now."""
    node, ports, shell = places.node(name), state.ports[name], state.ssh.get(name)
    found = processes.postgres_in(node.data)
    return NodeStatus(
        name=name,
        port=ports.postgres,
        server=_server_word(node.data, found),
        processes=len(found),
        ssh_port=ports.ssh,
        ssh="running"
        if shell is not None and processes.is_alive(shell.pid, shell.started)
        else "stopped",
        data_directory=node.data,
    )


def _server_word(data_directory: Path, found: list[int]) -> str:
    if found:
        return "running" if cluster.has_postmaster(found) else "orphans"
    return "stopped" if cluster.is_cluster(data_directory) else "no cluster"
