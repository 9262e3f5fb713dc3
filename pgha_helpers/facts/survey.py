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
from ..model.pair import Commands
from ..model.survey import (
    Archiver,
    BaseBackup,
    Database,
    Host,
    LogicalSlot,
    Manager,
    PreparedTransaction,
    Restore,
    Survey,
    Transaction,
    WalReading,
)
from ..run.run import Run
from ..wire.doors import Door
from ..wire.sql import Row, Session
from .connection import read_keys, try_connection
from .queries import query
from .set_aside import read_kept
from .starting import read_start

APART = 0.2  # seconds between the first and the last reading, at least


def survey(run: Run, seen: Running) -> Survey | str:
    """Look at this node closely; a sentence that says why not where SQL gave no whole answer."""
    began, door = time.monotonic(), run.doors[seen.node]
    try:
        with understood(seen.node, "an answer of SQL"):
            first = _reading(door.sql)
            found = _sql(door, seen)
            found = _with_host(found, run, seen)
            time.sleep(max(0.0, first.moment + APART - time.monotonic()))
            last = _reading(door.sql)
    except HaError as silence:
        return silence.what
    return replace(found, readings=(first, last), seconds=round(time.monotonic() - began, 4))


def _reading(sql: Session) -> WalReading:
    return WalReading(time.monotonic(), Lsn.parse(sql.read(query("reading"))[0]["lsn"]))


def _sql(door: Door, seen: Running) -> Survey:
    """One topic after the other; what the server refuses to tell costs that topic alone."""
    major = dialect.spoken(seen.version, seen.node)
    found, unseen = dict[str, Any](), dict[str, str]()

    def ask(name: str, made: Callable[[list[Row]], dict[str, Any]], *topics: str) -> None:
        try:
            found.update(made(door.sql.read(query(name, major))))
        except QueryFailed as silence:
            unseen.update(dict.fromkeys(topics, silence.what))

    def rows(kind: type, topic: str, name: str) -> None:
        ask(name, lambda told: {topic: tuple(kind(**row) for row in told)}, topic)

    def column(topic: str, name: str, column: str) -> None:
        ask(name, lambda told: {topic: tuple(row[column] for row in told)}, topic)

    def pairs(topic: str, name: str, key: str, value: str) -> None:
        ask(name, lambda told: {topic: {row[key]: row[value] for row in told}}, topic)

    rows(PreparedTransaction, "prepared", "prepared transactions")
    rows(Transaction, "transactions", "transactions")
    rows(BaseBackup, "backups", "base backups")
    rows(LogicalSlot, "logical_slots", "logical slots")
    ask("archiver", lambda told: {"archiver": Archiver(**told[0])}, "archiver")
    ask("databases", lambda told: {"databases": _databases(door, told)}, "databases")
    pairs("settings", "all settings", "name", "value")
    column("hasty", "hasty", "words")
    pairs("given", "given at the start", "name", "setting")
    column("waiting", "waiting", "name")
    ask("who is let in", lambda told: {"let_in": _let_in(told)}, "let_in")
    pairs("collations", "collations", "database", "version")
    pairs("misset", "misset", "name", "place")
    ask("reads", lambda told: told[0], "pause", "conflicts", "standby_xmin_age")
    return Survey(
        seen.node, found.pop("archiver", Archiver("", "", "", False)), unseen=unseen, **found
    )


def _databases(door: Door, told: list[Row]) -> tuple[Database, ...]:
    return tuple(_database(door, row["name"]) for row in told)


def _let_in(told: list[Row]) -> tuple[str, ...]:
    """The rules of pg_hba.conf that are in force."""
    return tuple(row["rule"] for row in told if not row["wrong"])


def _database(door: Door, name: str) -> Database:
    """What only a session of this database can tell."""
    with closing(door.session(name)) as session:
        try:
            rows = session.read(query("in a database"))
        except (Unreachable, TooSlow, QueryFailed) as silence:
            return Database(name, unseen=silence.what)
        unlogged: dict[str, int | None] = dict.fromkeys(
            row["name"] for row in rows if row["what"] == "unlogged"
        )
        if unlogged:
            # a role that may not call pg_stat_file: their names are told all the same
            with suppress(QueryFailed):
                unlogged |= {
                    row["name"]: row["size"]
                    for row in session.read(query("sizes of unlogged tables"))
                }
    return Database(
        name, unlogged, tuple(row["name"] for row in rows if row["what"] == "extension")
    )


def _with_host(found: Survey, run: Run, seen: Running) -> Survey:
    """Add what the node's shell says, or why it says nothing."""
    door, node = run.doors[seen.node], run.pair[seen.node]
    starter = ""
    if isinstance(node.service, str) and node.service.startswith("pg_ctlcluster"):
        starter = "pg_ctlcluster"
    try:
        places = (
            node.data_directory,
            node.bin_directory,
            node.state_directory,
            starter,
            node.configuration,
        )
        certificate = ""
        if found.settings.get("ssl") == "on":
            certificate = found.settings.get("ssl_cert_file", "")
        told = door.script(_script(), *places, certificate).lines
        refused = _refused(door)
        start = read_start(door, runs=True)
        restore = _ask_archive(door, seen.settings.get("restore_command", ""), seen.timeline)
        connection = try_connection(door, run.pair, seen.system_id, read_keys(run, seen.node))
        aside = read_kept(door, sized=False)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        return replace(found, host_unseen=silence.what)
    seen_there = parse_host(found, told, refused, connection, aside)
    assert seen_there.host is not None, "parse_host has just made it"
    return replace(seen_there, host=replace(seen_there.host, start=start, restore=restore))


#: $1 data directory, which PostgreSQL, too, runs it in; $2 the command; $3 the file that it is
#: asked for. It is looked for on the server's own PATH.
_RESTORE = """
cd "$1" || exit
read -r pid < postmaster.pid
path=$(tr '\\0' '\\n' < "/proc/$pid/environ" | sed -n 's/^PATH=//p')
timeout -k 1 5 env ${path:+"PATH=$path"} sh -c "$2" >/dev/null 2>&1
echo $?
rm -f -- "$3"
"""


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
    told = door.script(_RESTORE, door.node.data_directory, asked, place, within=door.patience).text
    return Restore(time.monotonic() - began, int(told) if told.isdigit() else 1)


@cache
def _script() -> str:
    return Path(__file__).with_name("survey.sh").read_text("utf-8")


def parse_host(
    found: Survey,
    told: list[str],
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
    words = Told(told)
    managers = tuple(_manager(text) for text in words.all("manager"))
    notes = [ForNow.parse(found.node, line) for line in words.all("fornow")]
    changed = tuple(setting for setting in notes if setting)
    host = Host(
        managers,
        (*words.all("refused"), *refused),
        connection,
        kept,
        changed,
        unit=words.one("unit"),
        options=" ".join(words.all("options")),
        fixed=words.one("fixed"),
        expired=words.one("expired"),
    )
    return replace(found, archiver=_archiver(found.archiver, words), host=host)


def _archiver(found: Archiver, words: Told) -> Archiver:
    """The same with what waits; why that is not known, where the node's find cannot tell."""
    try:
        took = sorted(max(0.0, seconds) for seconds in words.numbers("segment"))
        return replace(
            found,
            waiting=next(iter(words.wholes("waiting")), 0),
            oldest=max(0.0, next(iter(words.numbers("oldest")), 0.0)),
            segment=took[len(took) // 2] if took else None,
            unread=words.one("unarchived"),
        )
    except ValueError as odd:
        return replace(found, unread=str(odd))


def _manager(text: str) -> Manager:
    how, _, words = text.partition(" ")
    name = words.partition(" ")[0] if how in ("ours", "unread") else how
    return Manager(name, words, how == "ours")


def _refused(door: Door) -> tuple[str, ...]:
    """What the ssh user may not do of all that a run does as that user.

    What its owner may not do, survey.sh tells.
    """
    service = door.node.service
    commands: tuple[tuple[str, ...], ...] = ()
    if isinstance(service, Commands):
        commands = (service.start, service.stop, *filter(None, (service.disable, service.enable)))
    refused = (argv for argv in commands if not _may_run(door, argv))
    told = (f"{' '.join(argv)} is not allowed, or there is no such program" for argv in refused)
    return (*told, *(_masked(door, service.start) if isinstance(service, Commands) else ()))


def _masked(door: Door, start: tuple[str, ...]) -> tuple[str, ...]:
    """Why systemd would not start the unit, if it is systemd that is told to."""
    program = next((word for word in start if Path(word).name == "systemctl"), "")
    if not program:
        return ()
    state = door.login.run(
        program, "show", "-p", "LoadState", start[-1], okay=range(256)
    ).text.partition("=")[2]
    if state not in ("masked", "not-found"):
        return ()
    return (f"systemd would not start {start[-1]}: it is {state}",)


def _may_run(door: Door, argv: tuple[str, ...]) -> bool:
    """Whether the ssh user may run this, asked of sudo where the command begins with it.

    It is not run.
    """
    if argv and Path(argv[0]).name == "sudo":
        asked = (
            argv[0],
            "-n",
            "-l",
            *(word for word in argv[1:] if word not in ("-n", "--non-interactive")),
        )
        return door.login.run(*asked, okay=range(256)).status == 0
    return bool(argv) and door.login.script('command -v "$1"', argv[0], okay=range(256)).status == 0
