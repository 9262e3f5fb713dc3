"""One client of the load: a connection of its own, one insert per transaction, for ever on."""

import contextlib
import threading
import time
from dataclasses import dataclass, field

import psycopg2
import psycopg2.extensions
from psycopg2 import errors
from psycopg2.extensions import make_dsn, parse_dsn

from .watchdog import Watchdog

NAME = "pgha_load"
#: As the canary's, the road may lead through a pooler, where no search_path can be pinned:
#: everything is qualified.
TABLE = f"public.{NAME}"
IS_MISSING = f"""
select pg_catalog.count(*) operator(pg_catalog.=) 0 from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where n.nspname operator(pg_catalog.=) 'public' and c.relname operator(pg_catalog.=) '{NAME}'
"""
_BACK_OFF_SECONDS = 0.020
_CREATE = f"""
create table {TABLE} (
    run pg_catalog.text, client int, seq int,
    at pg_catalog.timestamptz not null default pg_catalog.clock_timestamp(),
    primary key (run, client, seq))
"""


@dataclass
class Tally:
    """What one client knows: acknowledged inserts with their wall time, and counts of what went
    wrong.

    `failed` counts inserts that were sent and never acknowledged (they may or may not be there),
    `refused` counts attempts to connect that came to nothing.
    """

    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    failed: int = 0
    refused: int = 0


def connect(dsn: str, patience: float) -> psycopg2.extensions.connection:
    """A connection in autocommit mode to whichever node is writable.

    A dead network is noticed after `patience` seconds (`tcp_user_timeout`, keepalives), a node that
    does not answer the connection attempt after 1 s. Raises psycopg2.OperationalError.
    """
    words = {
        "target_session_attrs": "read-write",
        "connect_timeout": "1",
        "application_name": NAME,
        "tcp_user_timeout": str(int(patience * 1000)),
        "keepalives_idle": "1",
        "keepalives_interval": "1",
        "keepalives_count": "2",
    }
    connection = psycopg2.connect(make_dsn(**(words | parse_dsn(dsn))))
    connection.autocommit = True
    return connection


class Writer(threading.Thread):
    """Inserts (run, client, seq) until it is stopped. A seq is sent once: a lost answer is never
    asked for again.
    """

    def __init__(
        self, dsn: str, run: str, client: int, think: float, watchdog: Watchdog, patience: float
    ) -> None:
        super().__init__(name=f"pgha-load-{client}", daemon=True)
        self.tally = Tally()
        self._dsn = dsn
        self._run_id = run
        self._client = client
        self._think = think
        self._watchdog = watchdog
        self._patience = patience
        self._seq = 0
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask it to end after the insert under way."""
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = connect(self._dsn, self._patience)
            except psycopg2.Error:
                self.tally.refused += 1
            else:
                self._use(connection)
            self._stopping.wait(_BACK_OFF_SECONDS)

    def _use(self, connection: psycopg2.extensions.connection) -> None:
        """Write until the connection is lost or the writer is stopped."""
        with (
            contextlib.closing(connection),
            contextlib.suppress(psycopg2.Error),
            connection.cursor() as cursor,
        ):
            with self._watchdog.over(connection):
                _ensure_table(cursor)
            while not self._stopping.is_set():
                self._insert(connection, cursor)
                self._stopping.wait(self._think)

    def _insert(
        self, connection: psycopg2.extensions.connection, cursor: psycopg2.extensions.cursor
    ) -> None:
        self._seq += 1
        try:
            with self._watchdog.over(connection):
                cursor.execute(
                    f"insert into {TABLE} (run, client, seq) values (%s, %s, %s)",
                    (self._run_id, self._client, self._seq),
                )
        except psycopg2.Error:
            self.tally.failed += 1
            raise
        self.tally.acknowledged.append((self._seq, time.time()))


def _ensure_table(cursor: psycopg2.extensions.cursor) -> None:
    """The table may be missing after any reconnect: the server that had it may have lost it in a
    failover.
    """
    cursor.execute(IS_MISSING)
    if cursor.fetchone() == (True,):
        # another client may be making it, too
        with contextlib.suppress(errors.DuplicateTable, errors.UniqueViolation):
            cursor.execute(_CREATE)
