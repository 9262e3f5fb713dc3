"""One node as it is seen at one moment: by SQL, and by its shell."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

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
    Stopped,
    dialect,
)
from ..model.conninfo import parts
from ..model.errors import (
    CommandFailed,
    HaError,
    NotSafe,
    QueryFailed,
    TooSlow,
    Unreachable,
    understood,
)
from ..model.grants import grant_for
from ..model.rights import Rights, to_ask
from ..model.sightings import Unheard, refuses
from ..wire.doors import Door
from ..wire.sql import Session
from .configured import configured_settings
from .disk import read_disk
from .queries import query

_SETTINGS = (
    "server_version",
    "max_connections",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "max_worker_processes",
    "max_wal_senders",
    "wal_sender_shutdown_timeout",
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


def sight(door: Door) -> Sighting:
    """One node: SQL first, then its shell, and whichever of the five sightings these two make."""
    return sight_and_words(door)[0]


def writable(door: Door) -> bool:
    """Whether the server answers, and takes writes."""
    seen = sight(door)
    return isinstance(seen, Running) and seen.writable


def sight_and_words(door: Door) -> tuple[Sighting, Heard, Heard]:
    """One node, and what SQL and ssh had to say, each by itself.

    ssh is connected while SQL is asked: a node that is silent costs one time-out, not two.
    """
    with ThreadPoolExecutor(1, "pgha-ssh") as beside:
        connecting = beside.submit(door.connect)
        running = _ask_sql(door)
    sql = _heard(running)
    try:
        connecting.result()
        with door.turn:
            disk = read_disk(door)
    except (Unreachable, TooSlow, CommandFailed) as silence:
        return _without_shell(door.node, running, silence), sql, Heard("no", silence.what)
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
        return _running_on(running, disk, door.peer)
    if disk.processes and _takes_no_queries(door, running, disk):
        why = "as a standby it takes no queries: hot_standby is off"
        return Hung(name, f"SQL: {why}", disk, why, _HOT.format(name))
    if disk.processes:
        return Hung(name, running.what, disk, _answer(running), running.remedy)
    if disk.control is None:
        return Blank(name, disk.blank, disk)
    return Stopped(name, disk)


_HOT = "set hot_standby = on in the configuration of {}, and restart it"


def _takes_no_queries(door: Door, refused: HaError, disk: Disk) -> bool:
    """Whether a standby that streams was never told to take queries, as none is by default where
    titles tell of a walreceiver: it says that it is starting up for ever.
    """
    archive = disk.control is not None and disk.control.state == "in archive recovery"
    if not (archive and disk.receiver and _answer(refused)):
        return False
    node = door.node
    told = configured_settings(door, node.data_directory, node.config_directory)
    hot = told.get("hot_standby", dialect.UNSAID["hot_standby"])
    return dialect.as_shown("hot_standby", hot) == "off"


def _running_on(running: Running, disk: Disk, peer: str) -> Running:
    """What SQL has said, with what the disk adds to it."""
    settings = running.settings
    if running.in_recovery:
        settings = {**settings, **disk.recovery}
    timeline = max(running.timeline, disk.recovering)
    if disk.control and not timeline:
        timeline = disk.control.checkpoint.timeline
    system_id = disk.control.system_id if disk.control else ""
    senders = running.senders
    if not dialect.has("stat_replication", running.major):
        senders = tuple(replace(it, application=peer) for it in disk.senders)
    return replace(
        running,
        disk=disk,
        system_id=running.system_id or system_id,
        timeline=timeline,
        settings=settings,
        replay_delay=_delay(settings),
        senders=senders,
        receiver=running.receiver or _receiver(disk, settings),
    )


def _receiver(disk: Disk, settings: Mapping[str, str]) -> Receiver | None:
    """The walreceiver by its title, which names a position once something has come in: one that is
    not connected ends. Where it streams from, only its definition tells.
    """
    if not disk.receiver:
        return None
    told = parts(settings.get("primary_conninfo", ""))
    slot = settings.get("primary_slot_name", "")
    return Receiver("streaming", told.get("host", ""), int(told.get("port", 5432)), slot)


def _without_shell(node: Node, running: Running | HaError, shell: HaError) -> Sighting:
    why = shell.what.removeprefix(f"{node.name}: ")
    if isinstance(running, Running):
        return replace(running, shell_silent=why, shell_remedy=shell.remedy)
    sql = Unheard(running.what, running.remedy, _answer(running))
    ssh = Unheard(why, shell.remedy, _answer(shell))
    return Silent(node.name, f"{running.what}; {why}", sql, ssh)


def _answer(silence: HaError) -> str:
    """The other side's own words, if it gave any.

    An error is an answer too, and whoever gives it is alive.
    """
    if isinstance(silence, QueryFailed | NotSafe | CommandFailed):
        return silence.what
    return str(getattr(silence, "answer", ""))


def _ask_sql(door: Door) -> Running | HaError:
    """What SQL says, or why it says nothing."""
    try:
        with understood(door.node.name, "an answer of SQL"):
            door.sql.connect()
            with door.turn:
                return _running(door.node, door.sql, door.changer)
    except HaError as silence:
        return silence


def _running(node: Node, sql: Session, role: str) -> Running:
    major = dialect.spoken(sql.version, node.name)
    itself = sql.read(query("itself"))[0]
    if blind := itself.pop("blind"):
        words = f"role {blind} may not see what others do (pg_read_all_stats)"
        raise QueryFailed(f"{node.name}: {words}", grant_for(words, blind))
    asked = [*_SETTINGS, *(() if dialect.has("backend_type", major) else (dialect.TITLES,))]
    settings = sql.read(query("settings"), [asked])
    holdings = sql.read(query("holdings"), [*to_ask(major), role])[0]
    receivers = sql.read(query("receiver"))
    for key in ("written", "received", "replayed"):
        itself[key] = sql.position(itself[key])
    values = {row["name"]: row["setting"] for row in settings}
    return Running(
        node.name,
        **itself,
        replay_delay=_delay(values),
        settings=values,
        pending_restart=tuple(row["name"] for row in settings if row["pending_restart"]),
        senders=tuple(_sender(row, sql) for row in sql.read(query("senders"))),
        receiver=Receiver(**receivers[0]) if receivers else None,
        slots=tuple(_slot(row) for row in sql.read(query("slots"))),
        databases=tuple(holdings["databases"]),
        tablespaces=tuple(holdings["tablespaces"]),
        rights=Rights(role, holdings["there"], holdings["superuser"], tuple(holdings["lacks"])),
    )


def _delay(settings: Mapping[str, str]) -> float:
    milliseconds = settings.get("recovery_min_apply_delay", "0")
    return int(milliseconds) / 1000


def _sender(row: dict[str, Any], sql: Session) -> Sender:
    fields = dict(row)
    for key in ("sent", "written", "flushed", "replayed"):
        fields[key] = sql.position(row[key])
    return Sender(**fields)


def _slot(row: dict[str, Any]) -> Slot:
    restart = row["restart"]
    fields = dict(row, restart=Lsn.parse(restart) if restart else None)
    return Slot(**fields)
