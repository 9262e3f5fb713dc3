"""The ssh side of a lab: its keys, and one server per node."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pgha_helpers.run.checkout import python

from . import processes
from .errors import LabError
from .places import NODES, NodePlaces, Places, public_half
from .processes import ENVIRONMENT_MARK
from .state import HOST, Ports, ProcessId, require_free, write_private

_MODULE = "tests.embedded.sshd"
_START_SECONDS = 20.0


def write_keys(places: Places, ports: dict[str, Ports]) -> None:
    """Make the operator's key and the nodes' host keys, where missing, and pin the latter in
    known_hosts.
    """
    for key in (places.key, *map(places.host_key, NODES)):
        if not (key.exists() and public_half(key).exists()):
            _write_key(key)
    pins = [
        f"[{HOST}]:{ports[name].ssh} {public_half(places.host_key(name)).read_text('utf-8')}"
        for name in NODES
    ]
    write_private(places.known_hosts, "".join(pins))


def start(places: Places, node: NodePlaces, port: int, known: ProcessId | None) -> ProcessId:
    """Start the node's ssh server; the `known` one is kept if it is alive.

    Raises LabError when the port is taken or the server does not start.
    """
    if known is not None and processes.is_alive(known.pid, known.started):
        return known
    # An `up` that was killed may have started one and not lived to remember it: it would hold the
    # port.
    processes.kill_all(lambda: processes.running(_MODULE, str(node.home)))
    require_free(port, f"ssh of {node.name}")
    with node.ssh_log.open("a", encoding="utf-8") as log:
        answer = subprocess.run(
            _command(places, node, port),
            check=False,
            env=os.environ | _environment(places),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            timeout=_START_SECONDS,
            start_new_session=True,
        )
    if answer.returncode != 0:
        raise LabError(
            f"the ssh server of {node.name} did not start: see the end of {node.ssh_log}"
        )
    pid = int(answer.stdout)
    return ProcessId(pid, processes.start_time(pid))


def stop(servers: Collection[ProcessId]) -> None:
    """End these ssh servers; those that are gone, and pids that others have by now, are left alone.

    Raises LabError when one survives.
    """
    processes.kill_all(
        lambda: [server.pid for server in servers if processes.is_alive(server.pid, server.started)]
    )


def _command(places: Places, node: NodePlaces, port: int) -> list[str]:
    options = {
        "--port": port,
        "--user": places.user.name,
        "--home": places.home,
        "--directory": node.home,
        "--host-key": places.host_key(node.name),
        "--authorized-key": public_half(places.key),
    }
    words = [str(word) for option in options.items() for word in option]
    return python(_MODULE, *words)


def _environment(places: Places) -> dict[str, str]:
    checkout = str(Path(__file__).resolve().parents[2])
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH")])),
        ENVIRONMENT_MARK: os.path.realpath(places.home),
    }


def _write_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    write_private(path, private.decode())
    write_private(public_half(path), public.decode() + "\n", mode=0o644)
