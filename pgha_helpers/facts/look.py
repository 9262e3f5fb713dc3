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
    if around:
        seen, vantages = look_around(run, sight_and_words)
    else:
        seen, vantages = run.both(lambda name: sight(run.doors[name])), ()
    surveys = _survey(run, {s.node: s for s in seen}) if closely else {}
    now = Snapshot(
        run.pair, seen, utc(began), round(time.time() - began, 4), surveys, vantages=vantages
    )
    if closely:
        clients = run.clients.look(run, now)
        now = replace(now, clients=clients, seconds=round(time.time() - began, 4))
    if journal:
        nodes = {s.node: {"as": type(s).__name__, "words": str(s)} for s in seen}
        run.journal.write(
            "seen", nodes=nodes, facts=seen, **({"vantages": vantages} if around else {})
        )
    return now


def _survey(run: Run, seen: Mapping[str, Sighting]) -> dict[str, Survey | str]:
    if why_not := _too_close(seen.values()):
        return dict.fromkeys(seen, why_not)

    def closely(name: str) -> Survey | str:
        found = seen[name]
        return survey(run, found) if isinstance(found, Running) else str(found)

    return dict(zip(run.pair.names, run.both(closely), strict=True))


def _too_close(seen: Iterable[Sighting]) -> str:
    """Why nobody may look closely, or nothing.

    A replication connection that is tried has the postmaster look, too.
    """
    for node in seen:
        if isinstance(node, Running) and node.in_recovery and node.disk and node.disk.triggers:
            return (
                f"not looked at closely: {node.node} has {' and '.join(node.disk.triggers)}, "
                "and a look may promote it"
            )
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
        answers = [_why_not(check, now) for check in checks]
        reasons = [reason for reason in answers if reason]
        if not reasons or time.monotonic() > began + within or (log and log.is_final()):
            break
        time.sleep(0.05)
    took = time.monotonic() - began
    if journal:
        look(run)
    if reasons:
        complaint, remedy = log.words() if log else ("", "look at the server's log on that node")
        raise NotAchieved(f"after {span(took)} still: {'; '.join(reasons)}{complaint}", remedy)
    return now


def _why_not(check: Check, now: Snapshot) -> str | None:
    try:
        return check(now)
    except (NotSeen, ValueError, KeyError) as silence:
        return str(silence)


def sight(door: Door) -> Sighting:
    """One node: SQL first, then its shell, and whichever of the five sightings these two make."""
    return sight_and_words(door)[0]


def sight_and_words(door: Door) -> tuple[Sighting, Heard, Heard]:
    """One node, and what SQL and ssh had to say, each by itself."""
    running = _ask_sql(door)
    try:
        disk = read_disk(door)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        words = _words(silence)
        return _without_shell(door.node, running, words), _heard(running), Heard("no", words)
    return _sighting(door, running, disk), _heard(running), Heard("yes")


def _heard(running: Running | HaError) -> Heard:
    """Whether SQL was answered; a server that refuses us is alive, and may well serve others."""
    if isinstance(running, Running):
        return Heard("yes", str(running))
    return Heard("yes" if refuses(_answer(running)) else "no", running.what.removeprefix("SQL: "))


def _sighting(door: Door, running: Running | HaError, disk: Disk) -> Sighting:
    if isinstance(running, Running):
        settings = {**running.settings, **(disk.recovery if running.in_recovery else {})}
        return replace(
            running,
            disk=disk,
            timeline=max(running.timeline, disk.recovering),
            settings=settings,
            replay_delay=_delay(settings),
        )
    if disk.processes:
        return Hung(door.node.name, running.what, disk, _answer(running))
    if disk.control is None:
        return Blank(door.node.name, disk.blank, disk)
    return Stopped(door.node.name, disk)


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
    return f"{silence.what} ({silence.remedy})" if silence.remedy else silence.what


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
    itself |= {key: Lsn.parse(itself[key]) for key in ("written", "received", "replayed")}
    values = {row["name"]: row["setting"] for row in settings}
    return Running(
        node.name,
        **itself,
        replay_delay=_delay(values),
        settings=values,
        pending_restart=tuple(row["name"] for row in settings if row["pending_restart"]),
        senders=tuple(_sender(row) for row in sql.read(query("senders"))),
        receiver=next((Receiver(**row) for row in sql.read(query("receiver", major))), None),
        slots=tuple(_slot(row) for row in sql.read(query("slots", major))),
        databases=tuple(holdings["databases"]),
        tablespaces=tuple(holdings["tablespaces"]),
    )


def _delay(settings: Mapping[str, str]) -> float:
    return int(settings.get("recovery_min_apply_delay", 0)) / 1000


def _sender(row: dict[str, Any]) -> Sender:
    lsns = {key: Lsn.parse(row[key]) for key in ("sent", "written", "flushed", "replayed")}
    return Sender(**{**row, **lsns})


def _slot(row: dict[str, Any]) -> Slot:
    return Slot(**{**row, "restart": Lsn.parse(row["restart"]) if row["restart"] else None})
