"""PgBouncer before two nodes, on a port of its own, in transaction mode."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg2
from psycopg2.extensions import connection, make_dsn

from pgha_helpers.clients.ini import Line, Target, write

from ...embedded import Lab
from ...embedded.cluster import SUPERUSER
from ...embedded.state import HOST, choose_ports
from .contender import Unavailable
from .private import Private, program

_CONFIGURATION = """\
[databases]
%include {databases}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = {user}
pool_mode = transaction
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
"""


class Bouncer:
    """A PgBouncer that runs for as long as its private folder. `dsn` is the road of its clients."""

    def __init__(self, private: Private, lab: Lab, port: int) -> None:
        if not program("pgbouncer"):
            raise Unavailable("pgbouncer is not installed: apt-get install pgbouncer")
        self._private = private
        self._password = _password(lab)
        self.port = choose_ports()["db0"].postgres
        self.databases = private.folder / "databases.ini"
        self.point_to(port)
        written = _CONFIGURATION.format(
            databases=self.databases, host=HOST, port=self.port, user=SUPERUSER
        )
        private.start("pgbouncer", "-q", private.write("pgbouncer.ini", written))
        self._wait()

    @property
    def dsn(self) -> str:
        """The road through it; that a node is read-only is no news that PgBouncer passes on."""
        return str(
            make_dsn(
                host=HOST,
                port=self.port,
                user=SUPERUSER,
                dbname="postgres",
                target_session_attrs="any",
            )
        )

    def point_to(self, port: int) -> None:
        """Rewrite the line of the database; what runs hears of it by RELOAD."""
        line = Line(Target(HOST, port), f" user={SUPERUSER} password={self._password}")
        self._private.write(self.databases.name, write({"postgres": line}))

    @contextlib.contextmanager
    def console(self) -> Iterator[connection]:
        """Its admin console."""
        dsn = make_dsn(host=HOST, port=self.port, user=SUPERUSER, dbname="pgbouncer")
        with contextlib.closing(psycopg2.connect(dsn)) as opened:
            opened.autocommit = True
            yield opened

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                with self.console():
                    return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _password(lab: Lab) -> str:
    lines = lab.passfile.read_text().splitlines()
    return next(line for line in lines if f":{SUPERUSER}:" in line).rpartition(":")[2]
