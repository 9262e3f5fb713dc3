"""repmgr, as its manual has it: `repmgr standby switchover` over an ssh server of its own.

Its manual says that the four `service_*_command`s should always be set; without them it looks once
a second whether the old primary has stopped, which costs a second of outage. Quicker still: one ssh
connection that is kept open, and a standby that looks for WAL every 100 ms.
"""

from __future__ import annotations

import time
from copy import copy
from pathlib import Path

from ...embedded.state import HOST, choose_ports
from .contender import Told, Unavailable
from .nodes import PROGRAMS, Nodes, Server, ask
from .private import Private, program, version

_SETTINGS = """
listen_addresses = '{host}'
unix_socket_directories = ''
port = {port}
logging_collector = on
wal_log_hints = on
wal_keep_size = 512MB
shared_buffers = 32MB
"""
_CONF = """
node_id = {number}
node_name = '{name}'
conninfo = 'host={host} port={port} user=postgres dbname=postgres connect_timeout=2'
data_directory = '{data}'
pg_bindir = '{programs}'
log_level = 'WARNING'
ssh_options = '{ssh_options}'
service_start_command = '{pg_ctl} -w start -l {data}.log'
service_stop_command = '{pg_ctl} -w -m fast stop'
service_restart_command = '{pg_ctl} -w -m fast restart -l {data}.log'
service_reload_command = '{pg_ctl} reload'
"""
_KEPT_OPEN = " -o ControlMaster=auto -o ControlPath={folder}/ssh-%C -o ControlPersist=600"
_SSH = (
    "-F none -p {port} -i {folder}/key -o StrictHostKeyChecking=no -o "
    "UserKnownHostsFile={folder}/known_hosts -q"
)
_SSHD = """
ListenAddress {host}
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
"""


class Repmgr:
    """Two servers, registered with repmgr; no repmgrd runs."""

    name = "repmgr"

    def __init__(self, private: Private) -> None:
        if not program("repmgr"):
            raise Unavailable("not installed: apt-get install postgresql-15-repmgr")
        if not program("sshd"):
            raise Unavailable("it needs sshd: apt-get install openssh-server")
        self.version = version("repmgr")
        self._quick = False
        self._private, folder, ports = private, private.folder, choose_ports()
        self._ssh_port = ports["db0"].ssh
        self.nodes = Nodes(
            {name: Server(port.postgres, folder / name) for name, port in ports.items()}
        )
        self._start_sshd()
        for number, name in enumerate(self.nodes.servers, 1):
            self._configure(number, name)
        self._make_primary("db0")
        self._make_standby("db1", "db0")

    @property
    def dsn(self) -> str:
        return self.nodes.writable_dsn

    def quickest(self) -> Repmgr:
        quick = copy(self)
        quick.name, quick._quick = f"{self.name}, quickest settings", True
        return quick

    def get_ready(self) -> None:
        for name in self.nodes.servers:
            with self.nodes.session(name) as session:
                interval = "'100ms'" if self._quick else "default"
                ask(session, f"alter system set wal_retrieve_retry_interval = {interval}")
                ask(session, "select pg_reload_conf()")

    def switch(self, old: str, new: str) -> Told:
        self._repmgr(new, "standby", "switchover")
        return Told()

    def _start_sshd(self) -> None:
        folder = self._private.folder
        for key in ("key", "host_key"):
            self._private.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key)
        written = self._private.write(
            "sshd_config", _SSHD.format(host=HOST, port=self._ssh_port, folder=folder)
        )
        self._private.start("/usr/sbin/sshd", "-D", "-e", "-f", written)

    def _configure(self, number: int, name: str) -> None:
        server, folder = self.nodes.servers[name], self._private.folder
        words = {"host": HOST, "port": server.port, "data": server.data, "programs": PROGRAMS}
        words["pg_ctl"] = f"{PROGRAMS}/pg_ctl -s -D {server.data}"
        for kind, options in (("conf", _SSH), ("quick.conf", _SSH + _KEPT_OPEN)):
            written = options.format(port=self._ssh_port, folder=folder)
            text = _CONF.format(number=number, name=name, ssh_options=written, **words)
            self._private.write(f"{name}.{kind}", text)

    def _make_primary(self, name: str) -> None:
        server = self.nodes.servers[name]
        initdb(self._private, server.data, _SETTINGS.format(host=HOST, port=server.port))
        self._start(server.data)
        self._repmgr(name, "primary", "register")

    def _make_standby(self, name: str, primary: str) -> None:
        server = self.nodes.servers[name]
        followed = (
            "-h",
            HOST,
            "-p",
            str(self.nodes.servers[primary].port),
            "-U",
            "postgres",
            "-d",
            "postgres",
        )
        self._repmgr(name, *followed, "standby", "clone")
        with (server.data / "postgresql.conf").open("a") as configuration:
            configuration.write(f"port = {server.port}\n")
        self._start(server.data)
        self.nodes.wait_until_healthy(primary)
        self._repmgr(name, "standby", "register")
        time.sleep(1)

    def _start(self, data: Path) -> None:
        self._private.run(PROGRAMS / "pg_ctl", "-s", "-w", "-D", data, "start")

    def _repmgr(self, name: str, *words: str) -> None:
        kind = "quick.conf" if self._quick else "conf"
        self._private.run("repmgr", "-f", self._private.folder / f"{name}.{kind}", *words)


def initdb(private: Private, data: Path, settings: str) -> None:
    """A cluster in which everybody on this machine is trusted."""
    private.run(
        PROGRAMS / "initdb",
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "-D",
        data,
    )
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(settings)
