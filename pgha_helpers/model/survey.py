"""What a close look adds to a sighting: everything else that could spoil a planned move of the
primary.

Ages and spans are seconds, sizes are bytes, and an xmin age is a number of transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .causes import Cause
from .errors import NotSeen
from .host import Host
from .positions import Lsn


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
    low-level backup. An exclusive one, up to 14, has no session, and no pid.
    """

    pid: int
    application: str
    phase: str

    def __str__(self) -> str:
        if not self.pid:
            return self.phase
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
        if self.segment is None:
            return None
        return max(self.oldest, (self.waiting + 1) * self.segment)


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

    A size is None where the runbook's role may not read it, and `sizes_unseen` says why;
    `extensions_unread` says why PostgreSQL does not tell which files there are. `unseen`
    says why the database could not be looked into.
    """

    name: str
    unlogged: Mapping[str, int | None] = field(default_factory=dict)
    extensions_missing: tuple[str, ...] = ()
    extensions_unread: str = ""
    unseen: str = ""
    sizes_unseen: str = ""


@dataclass(frozen=True)
class WalReading:
    """Where WAL stood at a moment of this machine's monotonic clock: written on a primary, replayed
    on a standby.
    """

    moment: float
    lsn: Lsn


@dataclass(frozen=True)
class Pace:
    """What a primary has written since its last checkpoint began, so many seconds ago: bytes of
    WAL, and the transactions that wrote.
    """

    transactions: int
    bytes: int
    seconds: float


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
    the disk. `pace` is None on a standby. `unseen` says of each other key that SQL refused to tell
    why it did: see Refused.
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
    pace: Pace | None = None
    seconds: float = 0.0
    unseen: Mapping[str, Cause] = field(default_factory=dict)


class Refused:
    """A survey of which SQL refused to tell some: whoever leans on that hears why, and on the rest
    nothing of it.
    """

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def __getattr__(self, key: str) -> Any:
        if key in self._survey.unseen:
            why = self._survey.unseen[key]
            raise NotSeen(str(why), why.remedy, [why])
        return getattr(self._survey, key)
