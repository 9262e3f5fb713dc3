"""Two addresses, and what "healthy" means here. Roles are facts, never configuration: see
Snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .clients import Client
from .fence import Fence, Witness
from .ssh import Ssh
from .units import CLOSED, MB, Bytes, Seconds

FROM_ENVIRONMENT = "env:"  # in front of the name of a variable, in place of what it holds


def variable_of(address: str) -> str:
    """The variable that an address is read from; empty where the address itself stands there.

    >>> variable_of("env:PGHA_NOTIFY"), variable_of("mailto://mx.example?to=dba@example.org")
    ('PGHA_NOTIFY', '')
    """
    is_named = address.startswith(FROM_ENVIRONMENT)
    return address.removeprefix(FROM_ENVIRONMENT) if is_named else ""


@dataclass(frozen=True)
class Commands:
    """How a service manager starts and stops the server: each a list of arguments, never a line for
    a shell.

    `disable` keeps it from starting the server by itself, after a fence; `enable` takes that back
    before a start.
    """

    __pydantic_config__ = CLOSED
    start: tuple[str, ...]
    stop: tuple[str, ...]
    disable: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """One server's addresses. Not a connection, and not a role."""

    __pydantic_config__ = CLOSED
    name: str
    host: str
    data_directory: str
    bin_directory: str
    port: int = 5432
    peer_host: str = ""
    peer_port: int = 0
    config_directory: str = ""
    service: str | Commands = "pg_ctl"
    owner: str = ""
    state_directory: str = "~/.pgha"
    passfile: str = ""
    ssh: Ssh | None = None
    fence: Fence | None = None
    peer_ssh: Ssh | None = None

    @property
    def seen_by_peer(self) -> tuple[str, int]:
        """Host and port under which the *other node* reaches this one."""
        return self.peer_host or self.host, self.peer_port or self.port

    @property
    def configuration(self) -> str:
        """Directory of postgresql.conf and pg_hba.conf: the data directory, unless Debian keeps it
        elsewhere.
        """
        return self.config_directory or self.data_directory

    @property
    def slot(self) -> str:
        """Name of the replication slot that keeps WAL for this node on the other one."""
        return "pgha_" + "".join(
            c if c.isascii() and c.isalnum() else "_" for c in self.name.lower()
        )


@dataclass(frozen=True)
class Limits:
    """What is still healthy."""

    __pydantic_config__ = CLOSED
    lag: Bytes = Bytes(16 * MB)
    lag_time: Seconds = Seconds(10)
    wal_keep: Bytes = Bytes(512 * MB)
    slot_wal: Bytes = Bytes(4096 * MB)
    free_space: Bytes = Bytes(1024 * MB)
    clock_skew: Seconds = Seconds(2)
    checkpoint: Seconds = Seconds(1)
    long_transaction: Seconds = Seconds(15)
    archiving: Seconds = Seconds(10)


@dataclass(frozen=True)
class Timeouts:
    """Every deadline, in seconds. When one passes, the run looks once more before it says
    anything.
    """

    __pydantic_config__ = CLOSED
    connect: Seconds = Seconds(3)
    statement: Seconds = Seconds(5)
    command: Seconds = Seconds(15)
    checkpoint: Seconds = Seconds(300)
    shutdown: Seconds = Seconds(60)
    wait_longer: Seconds = Seconds(600)
    replay: Seconds = Seconds(30)
    promote: Seconds = Seconds(60)
    start: Seconds = Seconds(60)
    attach: Seconds = Seconds(60)
    clone: Seconds = Seconds(6 * 3600)
    lock: Seconds = Seconds(5)
    notify: Seconds = Seconds(10)


@dataclass(frozen=True)
class Pair:
    """Two nodes, in the order of the pair file."""

    __pydantic_config__ = CLOSED
    name: str
    nodes: tuple[Node, Node]
    user: str = "postgres"
    monitor_user: str = ""
    database: str = "postgres"
    passfile: str = ""
    replication_user: str = "replicator"
    preferred: str = ""
    records: str = ""
    records_keep: Seconds = Seconds(0)
    records_group: str = ""
    rto: Seconds = Seconds(0)
    drill_every: Seconds = Seconds(0)
    signing_key: str = ""
    allowed_signers: str = ""
    secret_variables: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    gate_waits: Seconds = Seconds(600)
    heartbeat: str = ""
    on_record: tuple[str, ...] = ()
    prometheus: str = ""
    clients: tuple[Client, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, str]:
        """Both nodes' names."""
        return self.nodes[0].name, self.nodes[1].name

    @property
    def address_variables(self) -> tuple[str, ...]:
        """The environment's variables that hold addresses of notices and of the heartbeat."""
        return tuple(filter(None, map(variable_of, (*self.notify, self.heartbeat))))

    @property
    def watcher(self) -> str:
        """The role of every session that no gate was passed for."""
        return self.monitor_user or self.user

    def other(self, name: str) -> Node:
        """The node that is not `name`."""
        return self.nodes[1] if self.nodes[0].name == name else self.nodes[0]
