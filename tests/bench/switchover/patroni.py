"""Patroni with one etcd, its defaults but for the ports: `patronictl switchover`.

It is the newest that the registries have, in an environment of its own. Quicker, by its own
settings: a loop a second, and a standby that looks for WAL every 100 ms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from copy import copy
from pathlib import Path

import yaml

from ...embedded.state import HOST, Ports, choose_ports
from .contender import Told, Unavailable
from .nodes import PROGRAMS, Nodes, Server
from .private import Private, program, version

_READY = 60.0  # seconds
_RETRY = "wal_retrieve_retry_interval"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_SCOPE = "bench"
_REQUIREMENT = "patroni[etcd3,psycopg2-binary]"
_PARAMETERS = {
    "wal_log_hints": "on",
    "wal_keep_size": "512MB",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
}


class Patroni:
    """Two Patronis that run for as long as their private folder."""

    name = "Patroni"

    def __init__(self, private: Private) -> None:
        if not program("etcd"):
            raise Unavailable("etcd is not installed: apt-get install etcd-server")
        self._programs = _installed(private)
        self.version = (
            f"{version(str(self._programs / 'patroni'))}, "
            f"{version('etcd').replace(' Version:', '')}"
        )
        self._private, self._quick, ports = private, False, choose_ports()
        self._api = {name: f"http://{HOST}:{port.ssh}" for name, port in ports.items()}
        etcd, peers = choose_ports()["db0"].postgres, choose_ports()["db1"].postgres
        self.nodes = Nodes(
            {name: Server(port.postgres, private.folder / name) for name, port in ports.items()}
        )
        self._start_etcd(etcd, peers)
        for name, port in ports.items():
            private.start(
                self._programs / "patroni",
                private.write(f"{name}.yml", yaml.safe_dump(self._words(name, port, etcd))),
            )
            _wait_for_role(self._api[name], ("replica", "master", "primary"))
        self.nodes.wait_until_healthy(self.nodes.roles()[0])

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def quickest(self) -> Patroni:
        quick = copy(self)
        quick.name, quick._quick = f"{self.name}, quickest settings", True
        return quick

    def get_ready(self) -> None:
        wanted = json.dumps(_QUICKEST if self._quick else _DEFAULTS).encode()
        request = urllib.request.Request(
            f"{self._api[self.nodes.roles()[0]]}/config", wanted, method="PATCH"
        )
        _OPENER.open(request, timeout=5).close()
        time.sleep(_LOOP)  # until both have heard of it

    def switch(self, old: str, new: str) -> Told:
        asked = ("switchover", "--leader", old, "--candidate", new, "--force", _SCOPE)
        self._private.run(
            self._programs / "patronictl", "-c", self._private.folder / f"{new}.yml", *asked
        )
        return Told()

    def _start_etcd(self, clients: int, peers: int) -> None:
        here, there = f"http://{HOST}:{clients}", f"http://{HOST}:{peers}"
        words = {
            "data-dir": f"{self._private.folder}/etcd",
            "listen-client-urls": here,
            "advertise-client-urls": here,
            "listen-peer-urls": there,
            "initial-advertise-peer-urls": there,
            "initial-cluster": f"default={there}",
        }
        self._private.start(
            "etcd", *(word for key, value in words.items() for word in (f"--{key}", value))
        )
        _answer(f"{here}/health")

    def _words(self, name: str, ports: Ports, etcd: int) -> Mapping[str, object]:
        """The file of one Patroni; the port that a pair has for ssh is the one of its REST
        interface.
        """
        here = f"{HOST}:{ports.postgres}"
        users = {role: {"username": user} for role, user in _USERS.items()}
        bootstrap = {
            "dcs": {"postgresql": {"use_pg_rewind": True, "parameters": _PARAMETERS}},
            "initdb": ["data-checksums", {"encoding": "UTF8"}, {"auth": "trust"}],
            "pg_hba": [
                "host all all 127.0.0.1/32 trust",
                "host replication all 127.0.0.1/32 trust",
            ],
        }
        return {
            "scope": _SCOPE,
            "name": name,
            "restapi": {"listen": f"{HOST}:{ports.ssh}", "connect_address": f"{HOST}:{ports.ssh}"},
            "etcd3": {"host": f"{HOST}:{etcd}"},
            "bootstrap": bootstrap,
            "postgresql": {
                "listen": here,
                "connect_address": here,
                "data_dir": str(self.nodes.servers[name].data),
                "bin_dir": str(PROGRAMS),
                "authentication": users,
            },
        }


_LOOP = 11.0  # seconds: its loop by default, and one more
_DEFAULTS = {
    "loop_wait": None,
    "ttl": None,
    "retry_timeout": None,
    "postgresql": {"parameters": {_RETRY: None}},
}
_QUICKEST = {
    "loop_wait": 1,
    "ttl": 20,
    "retry_timeout": 3,
    "postgresql": {"parameters": {_RETRY: "100ms"}},
}
_USERS = {"superuser": "postgres", "replication": "replicator", "rewind": "rewinder"}


def _installed(private: Private) -> Path:
    """The newest Patroni, in an environment of its own; the folder of its programs. Raises
    Unavailable.
    """
    folder = private.folder / "patroni"
    private.environment |= {
        key: value for key, value in os.environ.items() if key.startswith("PIP_")
    }
    # root's own Python may lie where the user who runs servers cannot reach it
    python = "python3" if os.geteuid() == 0 else sys.executable
    try:
        private.run(python, "-m", "venv", folder)
        private.run(
            folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", _REQUIREMENT
        )
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as why:
        words = " ".join(str(why).split())[-200:]
        raise Unavailable(f"pip install {_REQUIREMENT} does not work here: {words}") from None
    return folder / "bin"


def _wait_for_role(api: str, roles: tuple[str, ...]) -> None:
    deadline = time.monotonic() + _READY
    while True:
        told = json.loads(_answer(f"{api}/patroni"))
        if told.get("role") in roles and told.get("state") == "running":
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"Patroni is not ready after {_READY:.0f} s: {told}")
        time.sleep(0.2)


def _answer(url: str) -> bytes:
    """What a local server says, as soon as it says anything."""
    deadline = time.monotonic() + _READY
    while True:
        try:
            with _OPENER.open(url, timeout=5) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            # Patroni says 503 with the same words where it is not primary
            return bytes(error.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
