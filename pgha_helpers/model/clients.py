"""How clients find the primary, as the pair file tells it, and what was seen of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .ssh import Ssh
from .units import CLOSED, Seconds

#: What stands for the roles as they are to be, in curly brackets, in a command's arguments.
PLACEHOLDERS = (
    "primary",
    "primary_host",
    "primary_port",
    "standby",
    "standby_host",
    "standby_port",
)


@dataclass(frozen=True)
class Pgbouncer:
    """A pooler: it holds the clients while the primary moves, and its database lines are rewritten.

    `file` holds nothing but those lines. It lies on this machine, or on the host that `node` (a
    node's name) or `ssh` names; `databases` follow the primary (empty: all that point at a node),
    `readers` the standby. `pause` is the expiry of a pause and `wait` how long it may wait for open
    transactions, both in seconds.
    """

    __pydantic_config__ = CLOSED
    name: str
    file: str
    kind: Literal["pgbouncer"] = "pgbouncer"
    host: str = "127.0.0.1"
    port: int = 6432
    user: str = "pgbouncer"
    passfile: str = ""
    databases: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    dsn: str = ""
    node: str = ""
    ssh: Ssh | None = None
    owner: str = ""
    bin_directory: str = ""
    pause: Seconds = Seconds(10)
    wait: Seconds = Seconds(3)


@dataclass(frozen=True)
class Command:
    """Any program that redirects clients, one that checks it, and one that takes it back (empty:
    `redirect` again).

    Each is a list of arguments, never a line for a shell; `{primary_host}` and its like stand for
    the roles as they are to be. `within` is the deadline of `check`, in seconds.
    """

    __pydantic_config__ = CLOSED
    name: str
    redirect: tuple[str, ...]
    check: tuple[str, ...]
    kind: Literal["command"] = "command"
    undo: tuple[str, ...] = ()
    dsn: str = ""
    passfile: str = ""
    node: str = ""
    ssh: Ssh | None = None
    owner: str = ""
    within: Seconds = Seconds(10)


@dataclass(frozen=True)
class Libpq:
    """Clients whose connection string names both nodes: they find the primary by themselves."""

    __pydantic_config__ = CLOSED
    name: str
    dsn: str
    kind: Literal["libpq"] = "libpq"
    passfile: str = ""


Client = Pgbouncer | Command | Libpq
KINDS: dict[str, type[Client]] = {"pgbouncer": Pgbouncer, "command": Command, "libpq": Libpq}


@dataclass(frozen=True)
class ClientSeen:
    """What was seen of one entry of `clients:`, in words, and every reason why it could not be
    moved now.
    """

    name: str
    words: str
    against: tuple[str, ...] = ()
