"""A real PgBouncer in front of a lab pair, run as the pair's own user.

Its ini is its own, and includes the file of database lines that the runbook owns.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions

from pgha_helpers.clients.ini import HEADER

from ..embedded import Lab
from ..embedded.users import server_user

PASSWORD = 'b0unc3r\'s "own" & odd'
_DATABASES = f"""\
{HEADER}
app = host={{host}} port={{app}} dbname=postgres pool_size=20
app_ro =host={{host}}  port={{readers}} dbname='postgres'
"""
_INI = """\
[databases]
%include {folder}/databases.ini

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = md5
auth_file = {folder}/users
admin_users = console
stats_users = onlooker
pool_mode = transaction
ignore_startup_parameters = extra_float_digits
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
{more}
"""


class Pooler:
    """PgBouncer with the databases `app`, at the node that is primary, and `app_ro`, at the
    other.
    """

    def __init__(self, lab: Lab, primary: str, more: str = "") -> None:
        self.lab = lab
        self.folder = lab.node("db0").home / "pgbouncer"
        self.passfile = lab.folder / "pgpass-of-pgbouncer"
        self.ini = self.folder / "pgbouncer.ini"
        self.databases = self.folder / "databases.ini"  # what the runbook owns
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._user = server_user()
        self.switches = self._user.switch
        self._process: subprocess.Popen[bytes] | None = None
        self._write(primary, more)

    def _write(self, primary: str, more: str) -> None:
        standby = "db1" if primary == "db0" else "db0"
        ports = {"app": self.lab.node(primary).port, "readers": self.lab.node(standby).port}
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        superuser = next(
            p for p in self.lab.passfile.read_text().splitlines() if ":postgres:" in p
        ).rpartition(":")[2]
        users = {"postgres": superuser, "console": PASSWORD, "onlooker": PASSWORD}
        quoted = ((name, word.replace('"', '""')) for name, word in users.items())
        (self.folder / "users").write_text("".join(f'"{name}" "{word}"\n' for name, word in quoted))
        self.ini.write_text(_INI.format(port=self.port, folder=self.folder, more=more))
        self.databases.write_text(_DATABASES.format(host="127.0.0.1", **ports))
        self.databases.chmod(0o640)
        self.passfile.write_text(
            f"*:{self.port}:pgbouncer:*:{PASSWORD}\n{self.lab.passfile.read_text()}"
        )
        self.passfile.chmod(0o600)
        for path in (self.folder, *self.folder.iterdir()):
            if self._user.switch:
                os.chown(path, self._user.uid, self._user.gid)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if self._user.switch:
            as_user = {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}
        else:
            as_user = {}
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        self._process = subprocess.Popen(
            [str(program), "-q", str(self.ini)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            **as_user,  # type: ignore[call-overload]
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return
            time.sleep(0.01)
        raise AssertionError((self.folder / "pgbouncer.log").read_text())

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, and wait for its end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
        self._process = None

    def dsn(self, database: str = "app") -> str:
        """Words for a client of one of its databases."""
        words = {"host": "127.0.0.1", "port": self.port, "dbname": database, "user": "postgres"}
        return psycopg2.extensions.make_dsn(**words, target_session_attrs="any")

    def load_dsn(self) -> str:
        """The same with a password: for a client that the runbook does not know."""
        return psycopg2.extensions.make_dsn(self.dsn(), passfile=str(self.passfile))

    def client(self, **changes: Any) -> dict[str, Any]:
        """Its entry in a pair file."""
        told = {
            "name": "pool",
            "kind": "pgbouncer",
            "port": self.port,
            "user": "console",
            "passfile": str(self.passfile),
            "file": str(self.databases),
            "node": "db0",
            "dsn": self.dsn(),
            "readers": ["app_ro"],
        }
        return {key: value for key, value in {**told, **changes}.items() if value is not None}

    def ask(self, statement: str, database: str = "pgbouncer") -> list[dict[str, Any]]:
        """Rows of a statement, by default on the admin console."""
        user = "console" if database == "pgbouncer" else "postgres"
        dsn = psycopg2.extensions.make_dsn(
            self.dsn(database), user=user, passfile=str(self.passfile)
        )
        with contextlib.closing(psycopg2.connect(dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                names = [column.name for column in cursor.description or ()]
                if names:
                    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
                return []

    def database(self, name: str = "app") -> dict[str, Any]:
        """Its row of SHOW DATABASES, with the name of the node as `at`."""
        (row,) = [row for row in self.ask("show databases") if row["name"] == name]
        ports = {self.lab.node(node).port: node for node in self.lab.nodes}
        return {**row, "at": ports.get(row["port"], "")}


@contextlib.contextmanager
def pooled(lab: Lab, primary: str, more: str = "") -> Iterator[Pooler]:
    """A pooler that runs for as long as the block does."""
    pooler = Pooler(lab, primary, more)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.kill()
        shutil.rmtree(pooler.folder, ignore_errors=True)
        Path(pooler.passfile).unlink(missing_ok=True)
