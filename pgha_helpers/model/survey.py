"""What a close look adds to a sighting: everything else that could spoil a planned move of the
primary.

Ages and spans are seconds, sizes are bytes, and an xmin age is a number of transactions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import NotSeen
from .foreign import ODD
from .positions import Lsn
from .set_aside import SetAside

LONGEST = 5.0  # seconds that a restore_command is waited for


@dataclass(frozen=True)
class PreparedTransaction:
    """A row of pg_prepared_xacts: it keeps its locks through a restart and a promotion, until
    somebody decides.
    """

    gid: str
    owner: str
    database: str
    age: float

    def __str__(self) -> str:
        return f"{self.gid!r} of {self.owner} in {self.database}"


@dataclass(frozen=True)
class Transaction:
    """An open transaction of a client; `xmin_age` is how many transactions' dead rows it keeps from
    vacuum.
    """

    pid: int
    user: str
    application: str
    database: str
    state: str
    age: float
    xmin_age: int

    def __str__(self) -> str:
        return (
            f"pid {self.pid} ({self.user}, {self.application or 'no application_name'}, "
            f"{self.state})"
        )


@dataclass(frozen=True)
class BaseBackup:
    """A base backup under way: pg_basebackup, or a session between the start and the stop of a
    low-level backup.
    """

    pid: int
    application: str
    phase: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.application or 'no application_name'}, {self.phase})"


@dataclass(frozen=True)
class Archiver:
    """pg_stat_archiver, and what the shell adds: segments that wait, and how long one takes.

    `failing` says that the last failure is later than the last success. `waiting` counts the
    `.ready` files, `oldest` is how long the first of them has waited, and `segment` how long one
    segment took of late (None where none was archived since the last checkpoints). `unread` says
    why none of these is known.
    """

    mode: str
    last_archived: str
    last_failed: str
    failing: bool
    waiting: int = 0
    oldest: float = 0.0
    segment: float | None = None
    unread: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it will hold the shutdown: all that waits, and the segment that the shutdown
        closes.
        """
        return None if self.segment is None else max(self.oldest, (self.waiting + 1) * self.segment)


@dataclass(frozen=True)
class LogicalSlot:
    """A logical slot: whether it moves with the primary (`failover`), and whether it was copied
    here (`synced`).
    """

    name: str
    plugin: str
    database: str
    active: bool
    failover: bool = False
    synced: bool = False
    lost: str = ""


@dataclass(frozen=True)
class Database:
    """One database: its unlogged tables with their sizes, and extensions whose files this node
    lacks.

    A size is None where the runbook's role may not read it. `unseen` says why the database could
    not be looked into.
    """

    name: str
    unlogged: Mapping[str, int | None] = field(default_factory=dict)
    extensions_missing: tuple[str, ...] = ()
    unseen: str = ""


@dataclass(frozen=True)
class Manager:
    """Somebody else who may start or stop PostgreSQL on this node. `ours` is whether it names this
    very cluster.
    """

    name: str
    words: str
    ours: bool


@dataclass(frozen=True)
class ForNow:
    """A setting that the run `run` has changed for a while on a node, from `was` to `value`; as it
    is noted there.

    `altered` is whether ALTER SYSTEM had set it before; else to reset it brings back what stands in
    a file.
    """

    node: str
    setting: str
    was: str
    value: str
    altered: bool
    run: str
    at: str

    @property
    def line(self) -> str:
        """As it stands in the node's file."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def parse(cls, node: str, line: str) -> ForNow | None:
        """What a line of this node tells, or None for one that is not ours, or that a full disk has
        torn.
        """
        try:
            told = json.loads(line)
            return cls(
                node, **{key.name: told[key.name] for key in fields(cls) if key.name != "node"}
            )
        except ODD:
            return None

    def __str__(self) -> str:
        since = f"since run {self.run} at {self.at}"
        return (
            f"{self.setting} is {self.value!r} on {self.node} for now, {since}; it was {self.was!r}"
        )


@dataclass(frozen=True)
class Start:
    """What a server would start with as its files are now, whatever runs there.

    `refused` says, reason by reason, why it would not come up; `settings` are by name as
    pg_settings shows them, and empty where they cannot be read; `version` is that of its programs,
    as 18.6.
    """

    refused: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    @property
    def unreadable(self) -> str:
        """Why its configuration cannot be read, which no other data would mend; empty where it
        can.
        """
        return "" if self.settings else "; ".join(self.refused)


@dataclass(frozen=True)
class Restore:
    """What restore_command does where it has not the file: after how many seconds it ends, 5 at
    most, and how.
    """

    seconds: float
    status: int = 1

    @property
    def fatal(self) -> bool:
        """PostgreSQL takes such an end for a signal or a missing program, and ends itself."""
        return self.status > 125 and self.seconds < LONGEST


@dataclass(frozen=True)
class Host:
    """What the node's shell says beyond Disk.

    `refused` are commands that a run would need and may not use, each with why. `connection` says
    why this node cannot replicate from the other one, and is empty where it can. `kept` are
    directories that were renamed aside, and `for_now` settings that a run has changed for a while.
    `unit` is the systemd unit whose main process the server is, and `options` what pg_ctlcluster
    gives it beside its configuration. `fixed` says why ALTER SYSTEM cannot write
    postgresql.auto.conf, `expired` when the server's certificate ends, if that is within a day or
    past, `start` what the server would start with. `restore` is how restore_command says that it
    has not a file, None without one.
    """

    managers: tuple[Manager, ...] = ()
    refused: tuple[str, ...] = ()
    connection: str = ""
    kept: tuple[SetAside, ...] = ()
    for_now: tuple[ForNow, ...] = ()
    unit: str = ""
    options: str = ""
    fixed: str = ""
    expired: str = ""
    start: Start = field(default_factory=Start)
    restore: Restore | None = None


@dataclass(frozen=True)
class WalReading:
    """Where WAL stood at a moment of this machine's monotonic clock: written on a primary, replayed
    on a standby.
    """

    moment: float
    lsn: Lsn


@dataclass(frozen=True)
class Survey:
    """One node, looked at closely.

    `readings` are the first and the last of the look. `pause` is pg_get_wal_replay_pause_state,
    where there is one. `settings` are those of pg_settings that anybody may have set. `conflicts`
    counts the queries that replay has cancelled here, `standby_xmin_age` what standbys with
    hot_standby_feedback keep from vacuum. `hasty` says, in words, by what a commit is acknowledged
    before it is on the disk. `given` are settings from the command line or the environment of its
    start, `waiting` those that wait for a restart, and `misset` where a setting stands that its
    files have, and that it cannot take now. `let_in` are the rules of pg_hba.conf as it stands on
    the disk. `unseen` says of each other key that SQL refused to tell why it did: see Refused.
    """

    node: str
    archiver: Archiver
    host: Host | None = None
    host_unseen: str = ""
    prepared: tuple[PreparedTransaction, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    backups: tuple[BaseBackup, ...] = ()
    logical_slots: tuple[LogicalSlot, ...] = ()
    databases: tuple[Database, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    hasty: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    misset: Mapping[str, str] = field(default_factory=dict)
    let_in: tuple[str, ...] = ()
    collations: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[WalReading, ...] = ()
    pause: str = ""
    conflicts: int = 0
    standby_xmin_age: int = 0
    seconds: float = 0.0
    unseen: Mapping[str, str] = field(default_factory=dict)


class Refused:
    """A survey of which SQL refused to tell some: whoever leans on that hears why, and on the rest
    nothing of it.
    """

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def __getattr__(self, key: str) -> Any:
        if key in self._survey.unseen:
            raise NotSeen(
                self._survey.unseen[key],
                "grant the runbook's role what it lacks, or let it be a superuser",
            )
        return getattr(self._survey, key)
