"""The one door to psycopg2: a session per node, with a deadline on every answer.

The connection is asynchronous, because a server that was stopped with SIGSTOP still accepts
connections and never answers: libpq's connect_timeout and the server's statement_timeout are then
worth nothing.

A session speaks the server's own encoding, so that the server converts nothing: the name of a
database is bytes in the encoding of whoever made it, and one that was made in another ended every
query that showed it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg2
from psycopg2 import extensions

from ..model.dialect import OLDEST, Variants, has, segments, spelled
from ..model.errors import NoRoom, QueryFailed, TooSlow, Unreachable
from ..model.foreign import first_words, identifier, one_line, text_of
from ..model.grants import grant_for
from ..model.major import Major
from ..model.positions import SEGMENT, Lsn, there
from . import trips
from .connecting import connection_to, wait_for

Row = dict[str, Any]
_DISK_FULL, _NOT_GRANTED = "53100", "42501"


class Session:
    """A connection to one server, opened when it is first needed, and again when the server was
    restarted; `first` is a statement with which each begins.
    """

    def __init__(
        self,
        where: str,
        settings: dict[str, Any],
        connect: float,
        statement: float,
        first: str = "",
    ) -> None:
        self.where = where
        self._settings = settings
        self._connect = connect
        self._statement = statement
        self._first = first
        self._connection: Any = None
        # else a thread would read what another one has asked (seen)
        self._one_at_a_time = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as the last answer told."""
        return self._connection is not None and not self._connection.closed

    def connect(self) -> None:
        """Open the session now, if it is not open. Raises Unreachable."""
        self._open()

    @property
    def version(self) -> int:
        """The server's `server_version_num`, told when it lets us in. Raises Unreachable."""
        version: int = self._open().server_version
        return version

    def spelled(self, statement: str | Variants) -> str:
        """A statement as this server spells it. Raises Unreachable."""
        # a pooler's console tells a version of its own
        major = max(OLDEST, Major.of(self.version))
        return spelled(statement, major) if isinstance(statement, str) else statement.text(major)

    def position(self, told: str) -> Lsn:
        """A position that it tells, where its WAL really goes on. Raises Unreachable."""
        major = max(OLDEST, Major.of(self.version))
        return there(Lsn.parse(told), segments(SEGMENT, major))

    def read(self, statement: str | Variants, parameters: Sequence[object] = ()) -> list[Row]:
        """Rows of a statement that changes nothing; asked once more if the server was restarted
        meanwhile.

        Raises Unreachable, TooSlow or QueryFailed.
        """
        fresh = self._connection is None
        try:
            return self.do(statement, parameters)
        except Unreachable:
            if fresh:
                raise
            return self.do(statement, parameters)

    def do(
        self,
        statement: str | Variants,
        parameters: Sequence[object] = (),
        within: float | None = None,
    ) -> list[Row]:
        """Run one statement in its own transaction, once, and give its rows, if any.

        Raises QueryFailed in the server's words, TooSlow after `within` seconds, Unreachable if the
        session is lost: then nobody knows whether the statement took effect.
        """
        return self.ask(statement, parameters, within)()

    def ask(
        self,
        statement: str | Variants,
        parameters: Sequence[object] = (),
        within: float | None = None,
    ) -> Callable[[], list[Row]]:
        """Send what `do` would run, as the server spells it, and give what waits for its rows:
        meanwhile something else can be done.

        Until those are asked for, the session is busy: another thread waits for it, this one must
        not use it.
        """
        deadline = time.monotonic() + (self._statement if within is None else within)
        if not self._one_at_a_time.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise TooSlow(
                f"{self.where}: the session was busy until it was too late for "
                f"{first_words(str(statement))!r}"
            )
        try:
            connection = self._open()
            text = self.spelled(statement)
            began = trips.count("sql")
            with self._answering(text):
                cursor = connection.cursor()
                cursor.execute(text, tuple(parameters) or None)
        except BaseException:
            self._one_at_a_time.release()
            raise

        def rows() -> list[Row]:
            try:
                with self._answering(text):
                    wait_for(connection, deadline)
                    return _rows(connection, cursor)
            finally:
                self._one_at_a_time.release()
                trips.timed("sql", self.where, first_words(text), began)

        return rows

    @contextlib.contextmanager
    def _answering(self, statement: str) -> Iterator[None]:
        """What goes wrong inside is told as it is of this statement, and no answer is left to be
        read as another's.
        """
        try:
            yield
        except TimeoutError:
            self.close()
            raise TooSlow(
                f"{self.where}: no answer to {first_words(statement)!r} in time"
            ) from None
        except psycopg2.Error as error:
            raise self._lost_or_refused(error, statement) from None
        except (ValueError, OverflowError) as unread:
            # a value that has no form here: a year 10000, half a character
            self.close()
            words = one_line(unread)
            if isinstance(unread, UnicodeError):
                words = "a text has no form in its encoding"
            raise QueryFailed(
                f"{self.where}: {first_words(statement)!r} cannot be asked or read: {words}"
            ) from unread
        except BaseException:  # Ctrl-C: the connection is still busy with the statement
            self.close()
            raise

    def encrypted(self, password: str, user: str) -> str:
        """A verifier of a password, by SCRAM where the server knows it, so that the password itself
        never reaches the server or its log.
        """
        way = "scram-sha-256" if has("scram", Major.of(self.version)) else "md5"
        return str(extensions.encrypt_password(password, user, self._open(), way))

    def close(self) -> None:
        """Let the session go."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> Any:
        if not self.is_open:
            self._connection = None  # also where a new one cannot be made
            self._connection = connection_to(self.where, self._settings, self._connect, self._first)
        return self._connection

    def _lost_or_refused(self, error: psycopg2.Error, statement: str) -> Unreachable | QueryFailed:
        gone = not self.is_open or error.pgcode in ("57P01", "57P02", "57P03")
        if gone or isinstance(error, psycopg2.InterfaceError) or error.pgcode is None:
            self.close()
            return Unreachable(f"SQL: {self.where}: {one_line(error)}")
        if error.pgcode == _NOT_GRANTED:  # it names what is lacking, and the statement does not
            words, us = one_line(error), self._connection.info
            return QueryFailed(f"{self.where}: {words}", grant_for(words, us.user, us.dbname))
        failed = NoRoom if error.pgcode == _DISK_FULL else QueryFailed
        return failed(f"{self.where}: {first_words(statement)!r}: {one_line(error)}")


def _rows(connection: Any, cursor: Any) -> list[Row]:
    """What has come in."""
    columns = [column.name for column in cursor.description or ()]
    codec = extensions.encodings.get(connection.encoding, "utf_8")
    told = cursor.fetchall() if columns else []
    return [
        {name: _read(value, codec) for name, value in zip(columns, row, strict=True)}
        for row in told
    ]


def _read(value: Any, codec: str) -> Any:
    """A value as text, where it is bytes because `_open` asks for them."""
    if isinstance(value, list):
        return [_read(one, codec) for one in value]
    return text_of(value, codec) if isinstance(value, bytes) else value


def keywords(dsn: str) -> dict[str, str]:
    """What a connection string says, in any form that libpq takes, by keyword.

    Raises ValueError without libpq's words: they quote what may be a password.

    >>> keywords("postgresql://ann@a:1,b:2/app?target_session_attrs=primary")["port"]
    '1,2'
    """
    try:
        found: dict[str, str] = extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        raise ValueError("no connection string that libpq understands") from None
    return found


class Identifier(str):
    """An identifier among a statement's parameters: in its text a `%` of the name would be taken
    for one more.
    """

    __slots__ = ()


class _Quoted:
    """A Name as psycopg2 puts it into a statement."""

    def __init__(self, name: Identifier) -> None:
        self._name, self._codec = name, "utf-8"

    def prepare(self, connection: Any) -> None:
        """Asked by psycopg2 before the other one."""
        self._codec = extensions.encodings[connection.encoding]

    def getquoted(self) -> bytes:
        """The bytes for this connection."""
        return identifier(self._name).encode(self._codec)


extensions.register_adapter(Identifier, _Quoted)
