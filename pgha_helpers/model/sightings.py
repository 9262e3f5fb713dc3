"""The five honest things one can say of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .positions import Lsn, Position

NOWHERE = Lsn(0)


@dataclass(frozen=True)
class Control:
    """What `pg_controldata` says: the server's own notes about its last checkpoint."""

    system_id: str
    state: str
    checkpoint: Position
    redo: Lsn
    minimum_recovery: Lsn = NOWHERE
    segment: int = 16 * 1024 * 1024  # bytes per WAL segment

    @property
    def shut_down_as_primary(self) -> bool:
        """It ended cleanly, having been writable, and wrote a shutdown checkpoint."""
        return self.state == "shut down"

    @property
    def shut_down_in_recovery(self) -> bool:
        """It ended cleanly as a standby."""
        return self.state == "shut down in recovery"

    @property
    def ended_in_recovery(self) -> bool:
        """It ended as a standby, cleanly or not."""
        return self.shut_down_in_recovery or self.state == "in archive recovery"

    @property
    def least_end(self) -> Position:
        """A position that whoever has all of this node's WAL must have passed or reached.

        In recovery the last checkpoint is only the last restartpoint, so the minimum recovery
        position counts too.
        """
        return Position(
            self.checkpoint.timeline, Lsn(max(self.minimum_recovery, self.checkpoint.lsn + 1))
        )


@dataclass(frozen=True)
class Disk:
    """What a shell on the node says: the data directory, the processes that have it open, the
    clock.

    `processes` are the pids of every PostgreSQL process whose working directory is this data
    directory: a postmaster killed with -9 leaves backends that still commit, and the pid file does
    not know them. Those of `halted` were stopped by a signal (SIGSTOP) and go on with the next
    SIGCONT. `triggers` are files by which pg_ctl asks for a promotion: the next signal to the
    postmaster of a standby has it look, and each walreceiver or walsender that is started sends one
    (tried on 18); a start of the server removes them. `recovery` is what recovery.conf tells a
    standby, up to PostgreSQL 11. `recovering` is the timeline of the WAL file that a startup
    process says it reads or waits for, or 0: a standby's control file, and so SQL, may still tell
    the timeline before (seen on 15, where the walreceiver had ended). `programs` is the major
    version of what is in bin_directory; `clock_skew` is seconds that the node's clock is ahead of
    this machine's. `free_bytes` are left where the data directory is, and `wal_free` where its WAL
    is (None where that is not told). `no_wal` says that no WAL is there at all, which every cluster
    has: its disk is not mounted, or not readable. `half` says that the directory is a copy by rsync
    that did not end or was never started, so that nothing in it is the node's own. `unfinished` is
    where the data directory is, if a run was cut short that had set it aside to recover and rewind
    it. `unread` says why the `clock` or what is `free` is not known. Dates are by the node's clock,
    in seconds since the epoch, and 0 where there is none: it was `armed` when its standby
    definition was put in place, its control file was last `written`, and its newest history
    `forked` from the one before when its file was written.
    """

    control: Control | None = None
    blank: str = ""
    processes: tuple[int, ...] = ()
    halted: tuple[int, ...] = ()
    standby_files: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    histories: Mapping[int, str] = field(default_factory=dict)
    recovery: Mapping[str, str] = field(default_factory=dict)
    recovering: int = 0
    programs: int = 0
    free_bytes: int | None = 0
    wal_free: int | None = None
    clock_skew: float | None = 0.0
    no_wal: str = ""
    half: str = ""
    unfinished: str = ""
    armed: float = 0.0
    written: float = 0.0
    forked: float = 0.0
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sender:
    """One row of pg_stat_replication: a walsender, and the position of whoever it feeds.

    Who replays nothing, as pg_receivewal, has replayed to 0/0. `kind` is that of the slot:
    physical, logical or none.
    """

    pid: int
    application: str
    user: str
    address: str
    state: str
    sent: Lsn
    written: Lsn
    flushed: Lsn
    replayed: Lsn
    replay_lag: float
    sync_state: str
    slot: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Receiver:
    """The walreceiver: where a standby gets its WAL from."""

    status: str
    sender_host: str
    sender_port: int
    slot: str


@dataclass(frozen=True)
class Slot:
    """A replication slot; `restart` is the oldest WAL that it keeps, or None when it keeps nothing.

    `database` is that of a logical slot. One that is `synced` is a copy, made and removed by the
    server itself, of one that is to survive a `failover`.
    """

    name: str
    kind: str
    active: bool
    restart: Lsn | None
    wal_status: str
    temporary: bool = False
    database: str = ""
    synced: bool = False
    failover: bool = False


@dataclass(frozen=True)
class Running:
    """It answered SQL."""

    node: str
    in_recovery: bool
    version: int
    system_id: str
    timeline: int
    data_directory: str
    backend: int = 0
    written: Lsn = NOWHERE
    received: Lsn = NOWHERE
    replayed: Lsn = NOWHERE
    replay_paused: bool = False
    replay_delay: float = 0.0
    started: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    pending_restart: tuple[str, ...] = ()
    senders: tuple[Sender, ...] = ()
    receiver: Receiver | None = None
    slots: tuple[Slot, ...] = ()
    databases: tuple[str, ...] = ()
    tablespaces: tuple[str, ...] = ()
    disk: Disk | None = None
    shell_silent: str = ""

    @property
    def writable(self) -> bool:
        """It takes writes: it is a primary, whatever anybody meant it to be."""
        return not self.in_recovery

    @property
    def position(self) -> Position:
        """Where its WAL ends: written on a primary; received or replayed, whichever is further, on
        a standby.

        After a restart the received position is only the start of a segment, so it alone would
        understate.
        """
        return Position(
            self.timeline, max(self.received, self.replayed) if self.in_recovery else self.written
        )

    def __str__(self) -> str:
        if self.writable:
            return f"primary on timeline {self.timeline}, at {self.written}"
        return f"standby on timeline {self.timeline}, replayed to {self.replayed}"


@dataclass(frozen=True)
class Stopped:
    """A shell answered and no process has this data directory open; `disk.control` is
    pg_controldata speaking.
    """

    node: str
    disk: Disk

    @property
    def control(self) -> Control:
        """Its control file, always present in a Stopped sighting."""
        assert self.disk.control is not None, (
            "a Stopped sighting is made only from a readable control file"
        )
        return self.disk.control

    def __str__(self) -> str:
        armed = f", {self.disk.standby_files[0]} in place" if self.disk.standby_files else ""
        missing = f"; {self.disk.no_wal}" if self.disk.no_wal else ""
        return (
            f"stopped, control file says {self.control.state!r} at "
            f"{self.control.checkpoint}{armed}{missing}"
        )


@dataclass(frozen=True)
class Hung:
    """A shell answered, SQL did not, and processes exist: starting, stopping, stuck, or refusing
    us.

    `answer` holds the server's own words where it answered and refused us.
    """

    node: str
    why: str
    disk: Disk
    answer: str = ""

    @property
    def starting(self) -> bool:
        """It says that it is starting or recovering. Another language than English counts as a
        refusal.
        """
        return _starting(self.answer)

    @property
    def refuses(self) -> bool:
        """It is alive and refuses us: too many clients, a password, pg_hba.conf. It may well serve
        others.
        """
        return refuses(self.answer)

    def __str__(self) -> str:
        state = f", control file says {self.disk.control.state!r}" if self.disk.control else ""
        return f"{len(self.disk.processes)} processes, but no SQL: {self.why}{state}"


def refuses(answer: str) -> bool:
    """Whether these words of a server say that it is alive and refuses us.

    >>> (refuses("FATAL:  sorry, too many clients already"),
    ... refuses("FATAL:  the database system is shutting down"))
    (True, False)
    """
    return bool(answer) and not _starting(answer) and "shutting down" not in answer


def _starting(answer: str) -> bool:
    return any(words in answer for words in ("starting up", "not yet accepting", "recovery mode"))


@dataclass(frozen=True)
class Blank:
    """A shell answered, there is no readable data directory, and why."""

    node: str
    why: str
    disk: Disk = field(default_factory=Disk)

    def __str__(self) -> str:
        return f"no cluster: {self.why}"


@dataclass(frozen=True)
class Silent:
    """Nobody answered, and why."""

    node: str
    why: str

    def __str__(self) -> str:
        return f"did not answer: {self.why}"


Sighting = Running | Stopped | Hung | Blank | Silent


def disk_of(sighting: Sighting) -> Disk | None:
    """What a shell said of the node, if one answered."""
    return None if isinstance(sighting, Silent) else sighting.disk


def system_id_of(sighting: Sighting) -> str:
    """The system identifier, from SQL or from the control file; empty where neither could be
    read.
    """
    if isinstance(sighting, Running):
        return sighting.system_id
    disk = disk_of(sighting)
    return disk.control.system_id if disk and disk.control else ""


def is_or_was_standby(sighting: Sighting) -> bool:
    """Whether it is a standby, or was one last; its control file says so while it is still ending
    as one.
    """
    if isinstance(sighting, Running):
        return sighting.in_recovery
    disk = disk_of(sighting)
    return disk is not None and disk.control is not None and disk.control.ended_in_recovery


def to_be_seen(sighting: Sighting) -> str:
    """What to do so that this node answers SQL, by what keeps it from that; empty where it
    answers.
    """
    node = sighting.node
    if isinstance(sighting, Running):
        return ""
    if isinstance(sighting, Stopped):
        return f"start {node} by rebuild where the other node is primary, else by promote"
    if isinstance(sighting, Blank):
        return (
            f"mend data_directory or bin_directory of {node} in the pair file if they are "
            "wrong, else run rebuild"
        )
    if isinstance(sighting, Hung) and sighting.starting:
        return f"wait until {node} is up"
    if isinstance(sighting, Hung):
        return f"mend what keeps this runbook out of {node}, which runs"
    return f"mend the way to {node}, by SQL or by ssh"
