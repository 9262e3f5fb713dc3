"""A close look at one node that runs.

One SQL query per topic, one visit of each database, two scripts of `sh`.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..model import ForNow, Lsn, Running, SetAside, dialect
from ..model.errors import CommandFailed, HaError, QueryFailed, TooSlow, Unreachable, understood
from ..model.foreign import Told
from ..model.host import Host, Manager, Restore
from ..model.pair import Commands
from ..model.survey import (
    Archiver,
    BaseBackup,
    Database,
    LogicalSlot,
    PreparedTransaction,
    Survey,
    Transaction,
    WalReading,
)
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from ..wire.sql import Row, Session
from .connection import read_keys, try_connection
from .queries import query
from .set_aside import read_set_aside
from .starting import read_start

_SCRIPT = script_file(__file__, "survey.sh")
APART = 0.2  # seconds between the first and the last reading, at least


def survey(run: Run, seen: Running) -> Survey | str:
    """Look at this node closely; a sentence that says why not where SQL gave no whole answer."""
    door = run.doors[seen.node]
    began = time.monotonic()
    try:
        with understood(seen.node, "an answer of SQL"):
            first = _reading(door.sql)
            found = _with_host(_sql(door, seen), run, seen)
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
    return WalReading(moment, Lsn.parse(row["lsn"]))


class _Topics:
    """What SQL tells, one topic after the other; what is refused costs that topic alone."""

    def __init__(self, door: Door, seen: Running) -> None:
        self._sql = door.sql
        self._major = dialect.spoken(seen.version, seen.node)
        self.found: dict[str, Any] = {}
        self.unseen: dict[str, str] = {}

    def ask(self, name: str, made: Callable[[list[Row]], dict[str, Any]], *topics: str) -> None:
        """Ask a named query, and make what it fills: these topics."""
        try:
            rows = self._sql.read(query(name, self._major))
        except QueryFailed as silence:
            self.unseen.update(dict.fromkeys(topics, silence.what))
            return
        self.found.update(made(rows))

    def rows(self, kind: type, topic: str, name: str) -> None:
        """A tuple of such objects, one a row."""

        def made(rows: list[Row]) -> dict[str, Any]:
            return {topic: tuple(kind(**row) for row in rows)}

        self.ask(name, made, topic)

    def column(self, topic: str, name: str, column: str) -> None:
        """A tuple of one column."""

        def made(rows: list[Row]) -> dict[str, Any]:
            return {topic: tuple(row[column] for row in rows)}

        self.ask(name, made, topic)

    def pairs(self, topic: str, name: str, key: str, value: str) -> None:
        """A dictionary of two columns."""

        def made(rows: list[Row]) -> dict[str, Any]:
            return {topic: {row[key]: row[value] for row in rows}}

        self.ask(name, made, topic)


def _sql(door: Door, seen: Running) -> Survey:
    topics = _Topics(door, seen)
    topics.rows(PreparedTransaction, "prepared", "prepared transactions")
    topics.rows(Transaction, "transactions", "transactions")
    topics.rows(BaseBackup, "backups", "base backups")
    topics.rows(LogicalSlot, "logical_slots", "logical slots")
    topics.ask("archiver", lambda rows: {"archiver": Archiver(**rows[0])}, "archiver")
    topics.ask("databases", lambda rows: {"databases": _databases(door, rows)}, "databases")
    topics.pairs("settings", "all settings", "name", "value")
    topics.column("hasty", "hasty", "words")
    topics.pairs("given", "given at the start", "name", "setting")
    topics.column("waiting", "waiting", "name")
    topics.ask("who is let in", lambda rows: {"let_in": _let_in(rows)}, "let_in")
    topics.pairs("collations", "collations", "database", "version")
    topics.pairs("misset", "misset", "name", "place")
    topics.ask("reads", lambda rows: rows[0], "pause", "conflicts", "standby_xmin_age")
    found = topics.found
    archiver = found.pop("archiver", Archiver("", "", "", False))
    return Survey(seen.node, archiver, unseen=topics.unseen, **found)


def _databases(door: Door, rows: list[Row]) -> tuple[Database, ...]:
    return tuple(_database(door, row["name"]) for row in rows)


def _let_in(rows: list[Row]) -> tuple[str, ...]:
    """The rules of pg_hba.conf that are in force."""
    right = [row for row in rows if not row["wrong"]]
    return tuple(row["rule"] for row in right)


def _database(door: Door, name: str) -> Database:
    """What only a session of this database can tell."""
    with closing(door.session(name)) as session:
        try:
            rows = session.read(query("in a database"))
        except (Unreachable, TooSlow, QueryFailed) as silence:
            return Database(name, unseen=silence.what)
        tables = [row["name"] for row in rows if row["what"] == "unlogged"]
        unlogged: dict[str, int | None] = dict.fromkeys(tables)
        if unlogged:
            # a role that may not call pg_stat_file: their names are told all the same
            with suppress(QueryFailed):
                sizes = session.read(query("sizes of unlogged tables"))
                unlogged |= {row["name"]: row["size"] for row in sizes}
    extensions = [row["name"] for row in rows if row["what"] == "extension"]
    return Database(name, unlogged, tuple(extensions))


def _with_host(found: Survey, run: Run, seen: Running) -> Survey:
    """Add what the node's shell says, or why it says nothing."""
    door = run.doors[seen.node]
    node = run.pair[seen.node]
    starter = ""
    if isinstance(node.service, str) and node.service.startswith("pg_ctlcluster"):
        starter = "pg_ctlcluster"
    certificate = ""
    if found.settings.get("ssl") == "on":
        certificate = found.settings.get("ssl_cert_file", "")
    asked = (
        node.data_directory,
        node.bin_directory,
        node.state_directory,
        starter,
        node.configuration,
        certificate,
    )
    try:
        lines = door.script(_SCRIPT, *asked).lines
        refused = _refused(door)
        start = read_start(door, runs=True)
        restore = _ask_archive(door, found.settings.get("restore_command", ""), seen.timeline)
        connection = try_connection(door, run.pair, seen.system_id, read_keys(run, seen.node))
        aside = read_set_aside(door, sized=False)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        return replace(found, host_unseen=silence.what)
    seen_there = parse_host(found, lines, refused, connection, aside)
    assert seen_there.host is not None, "parse_host has just made it"
    return replace(seen_there, host=replace(seen_there.host, start=start, restore=restore))


_RESTORE = script_file(__file__, "restore.sh")


@cache  # of a slow one the first look tells
def _ask_archive(door: Door, command: str, timeline: int) -> Restore | None:
    """How restore_command says that it has not a file; None where there is no command.

    It is asked for the next timeline's history, as a promotion asks it, and nothing of the node's
    is written.
    """
    if not command:
        return None
    place = f"/tmp/pgha-restore-{secrets.token_hex(8)}"
    words = {"%f": f"{timeline + 1:08X}.history", "%p": place, "%r": "0" * 24, "%%": "%"}
    asked = re.sub("%[fpr%]", lambda found: words[found[0]], command)
    began = time.monotonic()
    answer = door.script(_RESTORE, door.node.data_directory, asked, place, within=door.patience)
    seconds = time.monotonic() - began
    status = int(answer.text) if answer.text.isdigit() else 1
    return Restore(seconds, status)


def parse_host(
    found: Survey,
    lines: list[str],
    refused: tuple[str, ...] = (),
    connection: str = "",
    kept: tuple[SetAside, ...] = (),
) -> Survey:
    """Put the answer of survey.sh beside what SQL said.

    >>> bare = Survey("db0", Archiver("on", "", "", False))
    >>> parse_host(bare, ["oldest 2.5", "waiting 3", "segment 0.4", "segment 0.6",
    ... "manager ours x (pid 7)"]).archiver # doctest: +NORMALIZE_WHITESPACE
    Archiver(mode='on', last_archived='', last_failed='', failing=False, waiting=3, oldest=2.5,
    segment=0.6, unread='')
    """
    words = Told(lines)
    changed = []
    for line in words.all("fornow"):
        if setting := ForNow.parse(found.node, line):
            changed.append(setting)
    host = Host(
        tuple(_manager(text) for text in words.all("manager")),
        (*words.all("refused"), *refused),
        connection,
        kept,
        tuple(changed),
        unit=words.one("unit"),
        options=" ".join(words.all("options")),
        fixed=words.one("fixed"),
        expired=words.one("expired"),
    )
    return replace(found, archiver=_archiver(found.archiver, words), host=host)


def _archiver(found: Archiver, words: Told) -> Archiver:
    """The same with what waits; why that is not known, where the node's find cannot tell."""
    try:
        waiting = words.wholes("waiting")
        oldest = words.numbers("oldest")
        took = sorted(max(0.0, seconds) for seconds in words.numbers("segment"))
    except ValueError as odd:
        return replace(found, unread=str(odd))
    return replace(
        found,
        waiting=waiting[0] if waiting else 0,
        oldest=max(0.0, oldest[0]) if oldest else 0.0,
        segment=took[len(took) // 2] if took else None,
        unread=words.one("unarchived"),
    )


def _manager(text: str) -> Manager:
    how, _, words = text.partition(" ")
    name = words.partition(" ")[0] if how in ("ours", "unread") else how
    return Manager(name, words, how == "ours")


def _refused(door: Door) -> tuple[str, ...]:
    """What the ssh user may not do of all that a run does as that user.

    What its owner may not do, survey.sh tells.
    """
    service = door.node.service
    if not isinstance(service, Commands):
        return ()
    reasons = []
    for argv in (service.start, service.stop, service.disable, service.enable):
        if argv and not _may_run(door, argv):
            reasons.append(f"{' '.join(argv)} is not allowed, or there is no such program")
    return (*reasons, *_masked(door, service.start))


def _masked(door: Door, start: tuple[str, ...]) -> tuple[str, ...]:
    """Why systemd would not start the unit, if it is systemd that is told to."""
    program = next((word for word in start if Path(word).name == "systemctl"), "")
    if not program:
        return ()
    argv = (program, "show", "-p", "LoadState", start[-1])
    answer = door.login.run(*argv, okay=range(256))
    state = answer.text.partition("=")[2]
    if state not in ("masked", "not-found"):
        return ()
    return (f"systemd would not start {start[-1]}: it is {state}",)


def _may_run(door: Door, argv: tuple[str, ...]) -> bool:
    """Whether the ssh user may run this, asked of sudo where the command begins with it.

    It is not run.
    """
    if Path(argv[0]).name != "sudo":
        answer = door.login.script('command -v "$1"', argv[0], okay=range(256))
        return answer.status == 0
    asked = [word for word in argv[1:] if word not in ("-n", "--non-interactive")]
    answer = door.login.run(argv[0], "-n", "-l", *asked, okay=range(256))
    return answer.status == 0
