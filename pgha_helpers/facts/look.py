"""Looking: both nodes at the same time, SQL and shell, into one Snapshot."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..judgement.checks import Check
from ..model import (
    Blank,
    Disk,
    Heard,
    Hung,
    Lsn,
    Node,
    Receiver,
    Running,
    Sender,
    Sighting,
    Silent,
    Slot,
    Snapshot,
    Stopped,
    Vantage,
    dialect,
)
from ..model.errors import (
    CommandFailed,
    HaError,
    NotAchieved,
    NotSafe,
    NotSeen,
    QueryFailed,
    TooSlow,
    Unreachable,
    understood,
)
from ..model.show import span, utc
from ..model.sightings import refuses
from ..model.survey import Survey
from ..run.events import SEEN
from ..run.run import Run
from ..wire.doors import Door
from ..wire.sql import Session
from .disk import read_disk
from .queries import query
from .server_log import ServerLog
from .survey import survey
from .vantages import look_around

_SETTINGS = (
    "max_connections",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "max_worker_processes",
    "max_wal_senders",
    "max_replication_slots",
    "wal_level",
    "hot_standby",
    "wal_log_hints",
    "data_checksums",
    "full_page_writes",
    "fsync",
    "synchronous_standby_names",
    "allow_alter_system",
    "wal_keep_size",
    "wal_keep_segments",
    "wal_segment_size",
    "wal_retrieve_retry_interval",
    "recovery_min_apply_delay",
    "recovery_target",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_xid",
    "promote_trigger_file",
    "primary_conninfo",
    "primary_slot_name",
    "restore_command",
    "sync_replication_slots",
    "archive_mode",
    "hba_file",
    "config_file",
    "data_directory",
    "listen_addresses",
    "port",
)


def look(run: Run, journal: bool = True, closely: bool = False, around: bool = False) -> Snapshot:
    """What is seen now, of both nodes at once.

    A node that does not answer is a sighting, not an error. `closely` adds a survey of each node
    that runs, and of the clients: all that the checks before a switchover lean on. `around` adds
    how each node is seen from everywhere else: what a failover leans on.
    """
    began = time.time()
    vantages: tuple[Vantage, ...] = ()
    if around:
        seen, vantages = look_around(run, sight_and_words)
    else:
        seen = run.both(lambda name: sight(run.doors[name]))
    surveys = {}
    if closely:
        surveys = _survey(run, {sighting.node: sighting for sighting in seen})
    seconds = round(time.time() - began, 4)
    now = Snapshot(run.pair, seen, utc(began), seconds, surveys, vantages=vantages)
    if closely:
        clients = run.clients.look(run, now)
        now = replace(now, clients=clients, seconds=round(time.time() - began, 4))
    if journal:
        _journal(run, now, around)
    return now


def _journal(run: Run, now: Snapshot, around: bool) -> None:
    seen = now.sightings
    nodes = {
        each.node: {"as": type(each).__name__, "role": each.role, "words": str(each)}
        for each in seen
    }
    more = {"vantages": now.vantages} if around else {}
    run.journal.write(SEEN, nodes=nodes, facts=seen, **more)


def _survey(run: Run, seen: Mapping[str, Sighting]) -> dict[str, Survey | str]:
    if why_not := _too_close(seen.values()):
        return dict.fromkeys(seen, why_not)

    def closely(name: str) -> Survey | str:
        found = seen[name]
        return survey(run, found) if isinstance(found, Running) else str(found)

    surveys = run.both(closely)
    return dict(zip(run.pair.names, surveys, strict=True))


def _too_close(seen: Iterable[Sighting]) -> str:
    """Why nobody may look closely, or nothing.

    A replication connection that is tried has the postmaster look, too.
    """
    for node in seen:
        if not isinstance(node, Running) or not node.in_recovery or not node.disk:
            continue
        if triggers := " and ".join(node.disk.triggers):
            return f"not looked at closely: {node.node} has {triggers}, and a look may promote it"
    return ""


def until(
    run: Run, *checks: Check, within: float, journal: bool = True, log: ServerLog | None = None
) -> Snapshot:
    """Look again and again until every check says yes.

    Raises NotAchieved with the last reasons after `within` s. With a `log` it says what the server
    complains of and what to do about it, and does not wait for what waiting cannot heal.
    """
    began = time.monotonic()
    while True:
        now = look(run, journal=False)
        reasons = _reasons(checks, now)
        if not reasons or time.monotonic() > began + within or (log and log.is_final()):
            break
        time.sleep(0.05)
    took = time.monotonic() - began
    if journal:
        look(run)
    if reasons:
        complaint, remedy = "", "look at the server's log on that node"
        if log:
            complaint, remedy = log.words()
        raise NotAchieved(f"after {span(took)} still: {'; '.join(reasons)}{complaint}", remedy)
    return now


def _reasons(checks: Iterable[Check], now: Snapshot) -> list[str]:
    """Why not, of each check that does not say yes."""
    reasons = []
    for check in checks:
        try:
            reason = check(now)
        except (NotSeen, ValueError, KeyError) as silence:
            reason = str(silence)
        if reason:
            reasons.append(reason)
    return reasons


def sight(door: Door) -> Sighting:
    """One node: SQL first, then its shell, and whichever of the five sightings these two make."""
    return sight_and_words(door)[0]


def writable(door: Door) -> bool:
    """Whether the server answers, and takes writes."""
    seen = sight(door)
    return isinstance(seen, Running) and seen.writable


def sight_and_words(door: Door) -> tuple[Sighting, Heard, Heard]:
    """One node, and what SQL and ssh had to say, each by itself."""
    running = _ask_sql(door)
    sql = _heard(running)
    try:
        disk = read_disk(door)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        words = _words(silence)
        return _without_shell(door.node, running, words), sql, Heard("no", words)
    return _sighting(door, running, disk), sql, Heard("yes")


def _heard(running: Running | HaError) -> Heard:
    """Whether SQL was answered; a server that refuses us is alive, and may well serve others."""
    if isinstance(running, Running):
        return Heard("yes", str(running))
    alive = refuses(_answer(running))
    return Heard("yes" if alive else "no", running.what.removeprefix("SQL: "))


def _sighting(door: Door, running: Running | HaError, disk: Disk) -> Sighting:
    name = door.node.name
    if isinstance(running, Running):
        return _running_on(running, disk)
    if disk.processes:
        return Hung(name, running.what, disk, _answer(running))
    if disk.control is None:
        return Blank(name, disk.blank, disk)
    return Stopped(name, disk)


def _running_on(running: Running, disk: Disk) -> Running:
    """What SQL has said, with what the disk adds to it."""
    settings = running.settings
    if running.in_recovery:
        settings = {**settings, **disk.recovery}
    return replace(
        running,
        disk=disk,
        timeline=max(running.timeline, disk.recovering),
        settings=settings,
        replay_delay=_delay(settings),
    )


def _without_shell(node: Node, running: Running | HaError, why: str) -> Sighting:
    if isinstance(running, Running):
        return replace(running, shell_silent=why)
    return Silent(node.name, f"{running.what}; {why}")


def _answer(silence: HaError) -> str:
    """The server's own words, if it gave any.

    An error is an answer too, and whoever gives it is alive.
    """
    if isinstance(silence, QueryFailed | NotSafe):
        return silence.what
    return str(getattr(silence, "answer", ""))


def _words(silence: HaError) -> str:
    """Why, and what to do about it.

    How to pin a host key is of use only if it reaches the person.
    """
    if not silence.remedy:
        return silence.what
    return f"{silence.what} ({silence.remedy})"


def _ask_sql(door: Door) -> Running | HaError:
    """What SQL says, or why it says nothing."""
    try:
        with understood(door.node.name, "an answer of SQL"):
            return _running(door.node, door.sql)
    except HaError as silence:
        return silence


def _running(node: Node, sql: Session) -> Running:
    itself = sql.read(query("itself"))[0]
    major = dialect.spoken(itself["version"], node.name)
    settings = sql.read(query("settings"), [list(_SETTINGS)])
    holdings = sql.read(query("holdings"))[0]
    receivers = sql.read(query("receiver", major))
    for key in ("written", "received", "replayed"):
        itself[key] = Lsn.parse(itself[key])
    values = {row["name"]: row["setting"] for row in settings}
    return Running(
        node.name,
        **itself,
        replay_delay=_delay(values),
        settings=values,
        pending_restart=tuple(row["name"] for row in settings if row["pending_restart"]),
        senders=tuple(_sender(row) for row in sql.read(query("senders"))),
        receiver=Receiver(**receivers[0]) if receivers else None,
        slots=tuple(_slot(row) for row in sql.read(query("slots", major))),
        databases=tuple(holdings["databases"]),
        tablespaces=tuple(holdings["tablespaces"]),
    )


def _delay(settings: Mapping[str, str]) -> float:
    milliseconds = settings.get("recovery_min_apply_delay", "0")
    return int(milliseconds) / 1000


def _sender(row: dict[str, Any]) -> Sender:
    fields = dict(row)
    for key in ("sent", "written", "flushed", "replayed"):
        fields[key] = Lsn.parse(row[key])
    return Sender(**fields)


def _slot(row: dict[str, Any]) -> Slot:
    restart = row["restart"]
    fields = dict(row, restart=Lsn.parse(restart) if restart else None)
    return Slot(**fields)
