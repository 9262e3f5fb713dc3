"""A Door is everything that reaches one node: its shell, its programs and its SQL session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..model import Node, Pair
from ..model.conninfo import pinned
from ..model.dialect import NEWEST, OLDEST, spelled
from ..model.errors import Unreachable
from ..model.foreign import first_words
from ..model.here import here
from ..model.major import Major
from . import trips
from .connecting import OUR_TRANSACTIONS
from .pipes import LocalPipes, Pipes
from .scripts import shell_functions
from .shell import Answer, Shell
from .sql import Session

if TYPE_CHECKING:
    import paramiko


#: Every package of a server has initdb, pg_ctl and postgres; some have no more than these.
_MAY_LACK = ("pg_basebackup", "pg_verifybackup", "pg_waldump")
_LACKING = (
    shell_functions("psql.sh")
    + """[ -n "$(psql_of "$1")" ] || echo psql
bin=$1; shift; for name in "$@"; do [ -x "$bin/$name" ] || echo "$name"; done"""
)

#: Of who looks at one pair: both of its nodes, at once.
NO_TURNS = contextlib.nullcontext()


class Door:
    """Connections of one node, opened late and held for the life of a run.

    Its SQL sessions are those of `user`, which is who only looks until a gate is passed: see
    `become`.

    `turn` is held while a node that answers is looked at, and not while one is silent: where many
    are looked at, whoever is silent is waited for from the beginning.
    """

    def __init__(
        self, node: Node, pair: Pair, turn: AbstractContextManager[Any] = NO_TURNS
    ) -> None:
        self.node = node
        self.turn = turn
        self._pair = pair
        self._timeouts = pair.timeouts
        self.patience = pair.timeouts.checkpoint  # seconds, for commands that read a lot
        self._client: paramiko.SSHClient | None = None
        self.login = Shell(node.name, self.pipes, pair.timeouts.command)
        owner = Shell(node.name, self.pipes, pair.timeouts.command, node.owner)
        self.shell = owner if node.owner else self.login
        self.user = pair.watcher
        self.changer = pair.user  # whose sessions these are past a gate
        self.sql = self.session(pair.database)
        self._lacking: frozenset[str] | None = None
        self._programs: Major | None = None
        self.read: dict[str, str] = {}  # what never changes on the node, by what asks for it

    def session(self, database: str) -> Session:
        """A SQL session of its own in this database, not opened yet; whoever asks for it closes
        it.
        """
        settings = {**_libpq(self.node, self._pair), "user": self.user, "dbname": database}
        patience = self._timeouts.connect, self._timeouts.statement
        return Session(self.node.name, settings, *patience, OUR_TRANSACTIONS)

    @contextlib.contextmanager
    def visit(self, database: str) -> Iterator[Session]:
        """A SQL session in this database until the block ends: the one that is held, if it is
        there.
        """
        if database == self._pair.database:
            yield self.sql
            return
        with contextlib.closing(self.session(database)) as session:
            yield session

    @property
    def peer(self) -> str:
        """The other node's name."""
        return self._pair.other(self.node.name).name

    def become(self, user: str) -> None:
        """From now on its SQL sessions are those of this role; its own of another one is let go."""
        if user == self.user:
            return
        self.user = user
        self.sql.close()
        self.sql = self.session(self._pair.database)

    def pipes(self, command: str) -> Pipes:
        """A program of its own on the node, beside the shell. Raises Unreachable."""
        began = trips.count("connection")
        try:
            return self._pipes(command)
        finally:
            trips.timed("connection", self.node.name, f"shell: {first_words(command)}", began)

    def _pipes(self, command: str) -> Pipes:
        if self.node.ssh is None:
            return LocalPipes("sh", "-c", command)
        from .ssh_pipes import SshPipes

        if self._client is not None:
            try:
                return SshPipes(self._client, command, self._timeouts.connect)
            except Unreachable:  # the connection is dead, or half dead: a new one is tried, once
                self._client.close()
                self._client = None
        self.connect()
        assert self._client is not None, "without ssh nobody comes here"
        return SshPipes(self._client, command, self._timeouts.connect)

    def connect(self) -> None:
        """Open the ssh connection, if there is to be one and it is not open. Raises Unreachable."""
        if self._client is None and self.node.ssh is not None:
            from .ssh import connect

            self._client = connect(self.node.ssh, self._timeouts.connect, self.turn)

    def run(self, *argv: str, **options: Any) -> Answer:
        """Run a command as the OS user that owns the server. See Shell.run; `login` is the shell of
        the ssh user.
        """
        return self.shell.run(*argv, **options)

    def script(self, text: str, *arguments: str, **options: Any) -> Answer:
        """Run a few lines of `sh` as the OS user that owns the server, with the names that its
        version has. See Shell.script.
        """
        return self.shell.script(self.spelled(text), *arguments, **options)

    def spelled(self, text: str) -> str:
        """A text of ours as this node's version spells it. Raises as Shell.run does."""
        if spelled(text, OLDEST) == text:
            return text
        return spelled(text, self.programs() or NEWEST)

    def programs(self) -> Major | None:
        """The major version of what is in bin_directory, asked once; None where nothing tells.
        Raises as Shell.run does.
        """
        if self._programs is None:
            answer = self.run(self.binary("postgres"), "--version", okay=range(256))
            self._programs = Major.told(answer.text)
        return self._programs

    @property
    def wal(self) -> str:
        """The directory of its WAL."""
        return f"{self.node.data_directory}/{self.spelled('pg_wal')}"

    def binary(self, name: str) -> str:
        """Absolute path of one of PostgreSQL's programs: a non-interactive PATH is not to be relied
        on.
        """
        return f"{self.node.bin_directory.rstrip('/')}/{self.spelled(name)}"

    def lacking(self) -> frozenset[str]:
        """Which of the programs that a package may lack are not in bin_directory, asked once; psql
        where none is on the whole node.
        Raises as Shell.run does.
        """
        if self._lacking is None:
            told = self.script(_LACKING, self.node.bin_directory, *_MAY_LACK)
            self._lacking = frozenset(told.lines)
        return self._lacking

    def close(self) -> None:
        """Let everything go; whoever asks for something later only looks."""
        self.sql.close()
        self.become(self._pair.watcher)
        self.shell.close()
        self.login.close()
        if self._client:
            self._client.close()
        self._client = None


def _libpq(node: Node, pair: Pair) -> dict[str, Any]:
    """Connection settings. The password is libpq's business: passfile, environment, or none."""
    milliseconds = int(pair.timeouts.checkpoint * 1000)
    settings: dict[str, Any] = {
        "host": node.host,
        "port": node.port,
        "application_name": "pgha",
        "keepalives_idle": 10,
        "tcp_user_timeout": int(pair.timeouts.statement * 2000),
        "options": f"{pinned()} -c synchronous_commit=local -c statement_timeout={milliseconds}",
    }
    if pair.passfile:
        settings["passfile"] = here(pair.passfile)
    return settings
