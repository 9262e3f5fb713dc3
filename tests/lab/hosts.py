"""Hosts of their own: network namespaces, each with an address behind one switch, in which the
nodes of a lab run.

The runbook stays where the tests run, on a port of the same switch. What a host's files are does
not change: only its network is its own, so that it can be cut off while everything on it goes on.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncssh
import pytest
import yaml
from psycopg2.extensions import make_dsn

from pgha_helpers.run.checkout import CHECKOUT

from .. import embedded as labs
from ..embedded import Lab, processes
from ..embedded.places import find_places, public_half
from .servers import stop_cleanly

NODES, WITNESS = ("db0", "db1"), "gate"
_PORT, _SSH_PORT = 5432, 22
_LAST = {"db0": 10, "db1": 11, WITNESS: 12, "here": 1}  # of each address
_SETTINGS = (
    f"\nlisten_addresses = '*'\nport = {_PORT}\nwal_receiver_timeout = "
    "1s\nwal_sender_timeout = 2s\n"
)
#: Inserts one number after the other until its input ends or its server is gone, then tells the
#: last acknowledged.
_CLIENT = """
import select, sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.autocommit, cursor = True, connection.cursor()
cursor.execute("select coalesce(max(n), 0) from written")
(done,) = cursor.fetchone()
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    try:
        cursor.execute("insert into written values (%s)", (done + 1,))
    except psycopg2.Error:
        break
    done += 1
print(done)
"""


class Hosts:
    """db0, db1 and a witness. `pair` is the two of them as a lab's, reached by the addresses of
    their hosts.
    """

    def __init__(self, folder: Path, undo: ExitStack) -> None:
        token = f"pgha{secrets.token_hex(3)}"
        self._space = {name: f"{token}-{name}" for name in ("switch", *NODES, WITNESS)}
        self._net, self._port = _free_net(), f"{token}h"
        self._lay_cables(undo)
        self._lab = labs.up(folder, start="empty")
        self._places = find_places(folder)
        self._move_in(undo)
        self.pair = self._as_pair()

    def address(self, name: str) -> str:
        """Where the other hosts reach this one, while it has a network; `here` is where the tests
        run.
        """
        return f"{self._net}.{_LAST[name]}"

    def witness(self) -> dict[str, Any]:
        """The third host, as an entry of `witnesses` in a pair file."""
        programs = str(self._lab.node("db0").bin_directory)
        return {"name": WITNESS, "ssh": self._ssh(WITNESS), "bin_directory": programs}

    def unplugged(self, name: str) -> AbstractContextManager[None]:
        """A host whose link is down. Everything on it goes on, and reaches itself."""
        return self._for_a_while(
            name, ("link", "set", "eth0", "down"), ("link", "set", "eth0", "up")
        )

    def without_address(self, name: str) -> AbstractContextManager[None]:
        """A host whose address was removed, as when another machine takes it."""
        words = (f"{self.address(name)}/24", "dev", "eth0")
        return self._for_a_while(name, ("address", "del", *words), ("address", "add", *words))

    def mute(self, name: str, *selector: str) -> AbstractContextManager[None]:
        """A host of which no such packet comes any more: `("to", ADDRESS)`, or `("ipproto", "tcp",
        "sport", PORT)`.

        Nobody is told: it is as silent as a firewall that drops.
        """
        rule = (*selector, "blackhole")
        return self._for_a_while(name, ("rule", "add", *rule), ("rule", "del", *rule))

    @contextmanager
    def client(self, name: str) -> Iterator[Client]:
        """A client that writes into `written` on this very host, over its loopback: it needs no
        network.
        """
        dsn = make_dsn(self.pair.dsn, host="127.0.0.1", port=_PORT, target_session_attrs="any")
        command = [*self._inside(name), sys.executable, "-c", _CLIENT, dsn]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        try:
            assert process.stdout and process.stdout.readline() == "begun\n"
            yield Client(process)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def _for_a_while(self, name: str, do: tuple[str, ...], undo: tuple[str, ...]) -> Iterator[None]:
        ip(*do, inside=self._space[name])
        try:
            yield
        finally:
            ip(*undo, inside=self._space[name])

    def _inside(self, name: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self._space[name]}"]

    def _lay_cables(self, undo: ExitStack) -> None:
        """The switch has a namespace of its own, too: a firewall of this machine would filter what
        crosses it.
        """
        for space in self._space.values():
            ip("netns", "add", space)
            undo.callback(ip, "netns", "del", space)
            ip("link", "set", "lo", "up", inside=space)
        switch = self._space["switch"]
        ip("link", "add", "bridge", "type", "bridge", inside=switch)
        ip("link", "set", "bridge", "up", inside=switch)
        for name in (*NODES, WITNESS):
            space = self._space[name]
            ip(
                "link",
                "add",
                "eth0",
                "type",
                "veth",
                "peer",
                "name",
                name,
                "netns",
                switch,
                inside=space,
            )
            self._plug_in(name, "eth0", space)
        ip("link", "add", self._port, "type", "veth", "peer", "name", "here", "netns", switch)
        undo.callback(ip, "link", "del", self._port)
        self._plug_in("here", self._port, "")

    def _plug_in(self, name: str, device: str, space: str) -> None:
        ip("address", "add", f"{self.address(name)}/24", "dev", device, inside=space)
        ip("link", "set", device, "up", inside=space)
        ip("link", "set", name, "master", "bridge", "up", inside=self._space["switch"])

    def _move_in(self, undo: ExitStack) -> None:
        """Take the lab's server from where the tests run to its host, and give every host an ssh
        server.
        """
        stop_cleanly(self._lab, "db0")
        data = self._lab.node("db0").data_directory
        with (
            (data / "postgresql.conf").open("a") as settings,
            (data / "pg_hba.conf").open("a") as access,
        ):
            settings.write(_SETTINGS)
            access.write(f"host all all {self._net}.0/24 scram-sha-256\n")
        self._places.own_directory(self._places.home / WITNESS)
        undo.callback(shutil.rmtree, self._places.home / WITNESS)
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(
            str(self._places.host_key(WITNESS))
        )
        for name in (*NODES, WITNESS):
            self._start_ssh(name)
        self.start("db0")

    def _start_ssh(self, name: str) -> None:
        places = self._places
        options = {
            "--address": self.address(name),
            "--port": _SSH_PORT,
            "--user": places.user.name,
            "--home": places.home,
            "--directory": places.home / name,
            "--host-key": places.host_key(name),
            "--authorized-key": public_half(places.key),
        }
        words = [
            "tests.embedded.sshd",
            *(str(word) for option in options.items() for word in option),
        ]
        command = [*self._inside(name), sys.executable, "-P", "-m", *words]
        marked = {
            "PYTHONPATH": str(CHECKOUT),
            processes.ENVIRONMENT_MARK: os.path.realpath(places.home),
        }
        with (places.home / name / "sshd.log").open("a") as log:
            subprocess.run(
                command, check=True, env=os.environ | marked, stderr=log, stdout=subprocess.DEVNULL
            )

    def start(self, name: str) -> None:
        """Start a server on its host, beside the runbook. Raises CalledProcessError where it does
        not start.
        """
        node, user = self._lab.node(name), self._places.user
        become = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
        command = [node.bin_directory / "pg_ctl", "start", "-w", "-s", "-D", node.data_directory]
        log = ["-l", str(node.home / "by-hand.log")]
        subprocess.run(
            [*self._inside(name), *become, *map(str, command), *log], check=True, cwd=node.home
        )

    def _as_pair(self) -> Lab:
        told = yaml.safe_load(self._lab.pair_file.read_text())
        for name in NODES:
            told["nodes"][name] |= {
                "host": self.address(name),
                "port": _PORT,
                "ssh": self._ssh(name),
            }
        (path := self._lab.folder / "hosts.yaml").write_text(yaml.safe_dump(told))
        nodes = {
            name: dataclasses.replace(
                self._lab.node(name), host=self.address(name), port=_PORT, ssh_port=_SSH_PORT
            )
            for name in NODES
        }
        return dataclasses.replace(self._lab, pair_file=path, nodes=MappingProxyType(nodes))

    def _ssh(self, name: str) -> dict[str, Any]:
        pins, key = (
            self._lab.folder / "hosts_known",
            asyncssh.read_private_key(str(self._places.host_key(name))),
        )
        with pins.open("a") as file:
            file.write(f"{self.address(name)} {key.export_public_key().decode().strip()}\n")
        return {
            "host": self.address(name),
            "port": _SSH_PORT,
            "user": self._places.user.name,
            "key": str(self._places.key),
            "known_hosts": str(pins),
        }


class Client:
    """A client that inserts one number after the other into `written`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def end(self) -> int:
        """Stop it, if it has not lost its server; gives the last number that was acknowledged."""
        return int(self._process.communicate(timeout=20)[0])


@contextmanager
def hosts(folder: Path, need: Callable[..., None]) -> Iterator[Hosts]:
    """Three hosts; on two of them a pair that is not set up yet. Needs root and network namespaces,
    as CI has them.
    """
    require_namespaces(need)
    with ExitStack() as undo:
        undo.callback(labs.down, folder, remove=True)
        with ExitStack() as cables:
            made = Hosts(folder, cables)
            undo.push(cables.pop_all())
            # first of all: a namespace lives as long as a process in it
            undo.callback(labs.down, folder)
        yield made


def require_namespaces(need: Callable[..., None]) -> None:
    """Skip where no namespace can be made, and say why. In CI that fails."""
    say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    if os.geteuid() != 0:
        say("needs root, to make network namespaces")
    need("ip", "iproute2")
    need("nsenter", "util-linux")
    name = f"pgha{secrets.token_hex(3)}-try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode:
        say(f"needs network namespaces: ip netns add: {tried.stderr.strip()}")
    ip("netns", "del", name)


def ip(*words: str, inside: str = "") -> None:
    done = subprocess.run(
        ["ip", *(["-n", inside] if inside else []), *words], capture_output=True, text=True
    )
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _free_net() -> str:
    """The first three numbers of a network for tests (RFC 2544) to which this machine has no route
    yet.
    """
    while True:
        net = f"198.18.{secrets.randbelow(256)}"
        told = subprocess.run(
            ["ip", "route", "show", f"{net}.0/24"], capture_output=True, text=True
        )
        if not told.stdout.strip():
            return net
