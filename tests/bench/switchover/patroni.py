"""Patroni with one etcd, its defaults but for the ports: `patronictl switchover`."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping

import yaml

from pgha_helpers.lab.state import HOST, Ports, choose_ports

from .contender import Told, Unavailable
from .nodes import PROGRAMS, Nodes, Server
from .private import Private, program, version

_READY = 60.0  # seconds
_SCOPE = "bench"
_PARAMETERS = {"wal_log_hints": "on", "wal_keep_size": "512MB", "shared_buffers": "32MB", "unix_socket_directories": ""}


class Patroni:
    """Two Patronis that run for as long as their private folder."""

    name = "Patroni"

    def __init__(self, private: Private) -> None:
        for needed, package in (("patroni", "patroni"), ("etcd", "etcd-server")):
            if not program(needed):
                raise Unavailable(f"{needed} is not installed: apt-get install {package}")
        self.version = version("patroni")
        self._private, ports = private, choose_ports()
        etcd, peers = choose_ports()["db0"].postgres, choose_ports()["db1"].postgres
        self.nodes = Nodes({name: Server(port.postgres, private.folder / name) for name, port in ports.items()})
        self._start_etcd(etcd, peers)
        for name, port in ports.items():
            private.start("patroni", private.write(f"{name}.yml", yaml.safe_dump(self._words(name, port, etcd))))
            _wait_for_role(port.ssh, ("replica", "master", "primary"))
        self.nodes.wait_until_healthy(self.nodes.roles()[0])

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def switch(self, old: str, new: str) -> Told:
        asked = ("switchover", "--leader", old, "--candidate", new, "--force", _SCOPE)
        self._private.run("patronictl", "-c", self._private.folder / f"{new}.yml", *asked)
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
        self._private.start("etcd", *(word for key, value in words.items() for word in (f"--{key}", value)))
        _answer(f"{here}/health")

    def _words(self, name: str, ports: Ports, etcd: int) -> Mapping[str, object]:
        """The file of one Patroni; the port that a pair has for ssh is the one of its REST interface."""
        here = f"{HOST}:{ports.postgres}"
        users = {role: {"username": user} for role, user in _USERS.items()}
        bootstrap = {
            "dcs": {"postgresql": {"use_pg_rewind": True, "parameters": _PARAMETERS}},
            "initdb": ["data-checksums", {"encoding": "UTF8"}, {"auth": "trust"}],
            "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
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


_USERS = {"superuser": "postgres", "replication": "replicator", "rewind": "rewinder"}


def _wait_for_role(port: int, roles: tuple[str, ...]) -> None:
    deadline = time.monotonic() + _READY
    while True:
        told = json.loads(_answer(f"http://{HOST}:{port}/patroni"))
        if told.get("role") in roles and told.get("state") == "running":
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"Patroni is not ready after {_READY:.0f} s: {told}")
        time.sleep(0.2)


def _answer(url: str) -> bytes:
    """What a local server says, as soon as it says anything."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _READY
    while True:
        try:
            with opener.open(url, timeout=5) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:  # Patroni says 503 with the same words where it is not primary
            return bytes(error.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
