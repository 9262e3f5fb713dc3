"""A close look at one node that runs.

One SQL query per topic, one visit of each database, two scripts of `sh`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ..model import Cause, Running, dialect
from ..model.errors import HaError, QueryFailed, TooSlow, Unreachable, understood
from ..model.survey import (
    Archiver,
    BaseBackup,
    Database,
    LogicalSlot,
    Pace,
    PreparedTransaction,
    Survey,
    Transaction,
    WalReading,
)
from ..run.run import Run
from ..wire.doors import Door
from ..wire.sql import Row, Session
from .connection import SettingsByNode
from .host import ask_host, with_host
from .queries import query

_MEND = "mend what keeps that from being asked; another role of the pair file may be let"
APART = 0.2  # seconds between the first and the last reading, at least


def survey(run: Run, seen: Running, told: SettingsByNode) -> Survey | str:
    """Look at this node closely; a sentence that says why not where SQL gave no whole answer.

    Its shell is asked while SQL is.
    """
    door = run.doors[seen.node]
    began = time.monotonic()
    try:
        with understood(seen.node, "an answer of SQL"):
            first = _reading(door.sql)
            topics = _Topics(door, seen)
            topics.pairs("settings", "all settings", "name", "value")
            with ThreadPoolExecutor(1, "pgha-shell") as beside:
                settings = topics.found.get("settings", {})
                host = beside.submit(ask_host, run, seen, settings, told)
                found = _sql(topics, door, seen)
            found = with_host(found, host.result())
            waited = time.monotonic() - first.moment
            time.sleep(max(0.0, APART - waited))
            last = _reading(door.sql)
    except HaError as silence:
        return silence.what
    seconds = round(time.monotonic() - began, 4)
    return replace(found, readings=(first, last), seconds=seconds)


def _reading(sql: Session) -> WalReading:
    moment = time.monotonic()
    row = sql.read(query("reading"))[0]
    return WalReading(moment, sql.position(row["lsn"]))


class _Topics:
    """What SQL tells, one topic after the other; what is refused costs that topic alone."""

    def __init__(self, door: Door, seen: Running) -> None:
        self._sql = door.sql
        self._node = seen.node
        self._major = dialect.spoken(seen.version, seen.node)
        self.found: dict[str, Any] = {}
        self.unseen: dict[str, Cause] = {}

    def ask(self, name: str, made: Callable[[list[Row]], dict[str, Any]], *topics: str) -> None:
        """Ask a named query, and make what it fills: these topics."""
        try:
            rows = self._sql.read(query(name))
        except QueryFailed as silence:
            words = silence.what.removeprefix(f"{self._node}: ")
            why = Cause((self._node,), words, silence.remedy or _MEND)
            self.unseen.update(dict.fromkeys(topics, why))
            return
        self.found.update(made(rows))

    def rows(self, kind: type, topic: str, name: str) -> None:
        """A tuple of such objects, one a row."""
        self.ask(name, lambda rows: {topic: tuple(kind(**row) for row in rows)}, topic)

    def column(self, topic: str, name: str, column: str) -> None:
        """A tuple of one column."""
        self.ask(name, lambda rows: {topic: tuple(row[column] for row in rows)}, topic)

    def pairs(self, topic: str, name: str, key: str, value: str) -> None:
        """A dictionary of two columns."""
        self.ask(name, lambda rows: {topic: {row[key]: row[value] for row in rows}}, topic)


def _sql(topics: _Topics, door: Door, seen: Running) -> Survey:
    topics.rows(PreparedTransaction, "prepared", "prepared transactions")
    topics.rows(Transaction, "transactions", "transactions")
    topics.rows(BaseBackup, "backups", "base backups")
    topics.rows(LogicalSlot, "logical_slots", "logical slots")
    topics.ask("archiver", lambda rows: {"archiver": Archiver(**rows[0])}, "archiver")
    topics.ask("databases", lambda rows: {"databases": _databases(door, rows)}, "databases")
    topics.column("hasty", "hasty", "words")
    topics.pairs("given", "given at the start", "name", "setting")
    topics.column("waiting", "waiting", "name")
    topics.ask("who is let in", lambda rows: {"let_in": _let_in(rows)}, "let_in")
    topics.pairs("collations", "collations", "database", "version")
    topics.pairs("misset", "misset", "name", "place")
    if seen.writable:
        topics.ask("pace", lambda rows: {"pace": Pace(**rows[0])}, "pace")
    topics.ask("reads", lambda rows: rows[0], "pause", "conflicts", "standby_xmin_age")
    found = topics.found
    archiver = found.pop("archiver", Archiver("", "", "", False))
    return Survey(seen.node, archiver, unseen=topics.unseen, **found)


def _databases(door: Door, rows: list[Row]) -> tuple[Database, ...]:
    return tuple(_database(door, **row) for row in rows)


def _let_in(rows: list[Row]) -> tuple[str, ...]:
    """The rules of pg_hba.conf that are in force."""
    right = [row for row in rows if not row["wrong"]]
    return tuple(row["rule"] for row in right)


def _database(door: Door, name: str, lacks: str) -> Database:
    """What only a session of this database can tell; `lacks` is the GRANT without which there is
    none.
    """
    if lacks:
        return Database(name, unseen=f"no CONNECT. To do: {lacks}")
    with door.visit(name) as session:
        try:
            rows = session.read(query("in a database"))
        except (Unreachable, TooSlow, QueryFailed) as silence:
            return Database(name, unseen=silence.what)
        unlogged: dict[str, int | None] = dict.fromkeys(row["name"] for row in rows)
        extensions, unread = _missing_extensions(session)
        why = ""
        if unlogged:
            # a role that may not call pg_stat_file: their names are told all the same
            try:
                sizes = session.read(query("sizes of unlogged tables"))
                unlogged |= {row["name"]: row["size"] for row in sizes}
            except QueryFailed as silence:
                why = silence.remedy or silence.what
    return Database(name, unlogged, extensions, unread, sizes_unseen=why)


def _missing_extensions(session: Session) -> tuple[tuple[str, ...], str]:
    """Those whose files are not there, or why that is not known."""
    try:
        rows = session.read(query("missing extensions"))
    except QueryFailed as silence:
        return (), silence.what
    return tuple(row["name"] for row in rows), ""
