"""What a lab remembers between two commands, in `<folder>/lab.json`, and the lock that guards
it.
"""

import contextlib
import fcntl
import json
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import LabError
from .places import NODES

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections (Linux 32768, macOS
# 49152). Inside it, a client that retries against a stopped server can be given the server's own
# port: it then talks to itself, and the server cannot start because its port is in use.
_PORTS = range(20000, 32000)


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one node."""

    postgres: int
    ssh: int


@dataclass(frozen=True)
class ProcessId:
    """A process, told from a later one with the same pid by its start time."""

    pid: int
    started: str


@dataclass
class LabState:
    """What is remembered: ports, ssh servers, the servers' home and user, the pair file, whether
    all was made.

    `programs` is the directory of PostgreSQL's programs; empty means those of the wheel.
    """

    home: str
    user: str
    pair_file: str
    start: str
    ports: dict[str, Ports]
    ssh: dict[str, ProcessId] = field(default_factory=dict)
    made: bool = False
    programs: str = ""


def load_state(path: Path) -> LabState | None:
    """What the lab remembers, or None when it has never been up. Raises LabError for a file that is
    not ours.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
        values["ports"] = {name: Ports(**ports) for name, ports in values["ports"].items()}
        values["ssh"] = {name: ProcessId(**process) for name, process in values["ssh"].items()}
        return LabState(**values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LabError(
            f"{path} cannot be read as a lab's memory ({error}): delete it and run `python -m "
            "tests.embedded up`"
        ) from error


def save_state(path: Path, state: LabState) -> None:
    """Remember `state`; a reader finds the old file or the new one, never half of it."""
    write_private(path, json.dumps(asdict(state), indent=2) + "\n")


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a whole file beside its place and rename it; only its owner may read it unless `mode`
    says more.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(descriptor, mode)
    beside.replace(path)


def choose_ports() -> dict[str, Ports]:
    """Two free ports for each node. Raises LabError when there are none."""
    free: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if is_free(port):
            free.append(port)
        if len(free) == 2 * len(NODES):
            return {name: Ports(free[2 * i], free[2 * i + 1]) for i, name in enumerate(NODES)}
    raise LabError(
        f"no free TCP ports between {_PORTS.start} and {_PORTS.stop - 1} on {HOST}: end other "
        "programs first"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, purpose: str) -> None:
    """Raises LabError when another program listens on a port that the lab remembers as its own."""
    if not is_free(port):
        raise LabError(
            f"port {port} ({purpose}) is taken by another program: end it,"
            " or take new ports with `python -m tests.embedded down --remove` and `python -m "
            "tests.embedded up`"
        )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lab's folder for one command at a time. Raises LabError when another command holds
    it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise LabError(
            f"another `python -m tests.embedded` is at work on {folder}: wait for it to end"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
