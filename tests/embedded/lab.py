"""A lab that is up: where everything is, and how to break it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import make_dsn

from . import cluster, processes
from .errors import LabError
from .pair_file import DATABASE


@dataclass(frozen=True)
class LabNode:
    """One node: the TCP ports of its PostgreSQL and its ssh server, and its directories."""

    name: str
    host: str
    port: int
    ssh_port: int
    data_directory: Path
    bin_directory: Path
    home: Path


@dataclass(frozen=True)
class Lab:
    """A lab, running or not: `up` and `find` give one."""

    folder: Path
    home: Path
    pair_file: Path
    passfile: Path
    nodes: Mapping[str, LabNode]

    @property
    def dsn(self) -> str:
        """libpq's words for whichever node is writable; 1 s per node to connect."""
        return make_dsn(
            host=",".join(node.host for node in self.nodes.values()),
            port=",".join(str(node.port) for node in self.nodes.values()),
            user=cluster.SUPERUSER,
            dbname=DATABASE,
            passfile=str(self.passfile),
            target_session_attrs="read-write",
            connect_timeout=1,
        )

    def node(self, name: str) -> LabNode:
        """Raises LabError for a name that is not one of the two."""
        if name not in self.nodes:
            raise LabError(
                f"there is no node {name!r} in a lab: name one of {', '.join(self.nodes)}"
            )
        return self.nodes[name]

    def kill(self, name: str) -> None:
        """Kill -9 every process of the node's PostgreSQL. Its ssh server goes on."""
        cluster.kill(self.node(name).data_directory)

    def wreck(self, name: str) -> None:
        """Kill the node's PostgreSQL and make its data directory useless as a cluster."""
        cluster.wreck(self.node(name).data_directory)

    def processes(self, name: str) -> list[int]:
        """The pids of the node's PostgreSQL."""
        return processes.postgres_in(self.node(name).data_directory)
