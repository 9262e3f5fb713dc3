"""What a shell says of a node's data directory: its control file, and what lies and runs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .major import Major
from .positions import Lsn, Position
from .replication import Sender

NOWHERE = Lsn(0)


@dataclass(frozen=True)
class Control:
    """What `pg_controldata` says: the server's own notes about its last checkpoint. `backup` is
    where the backup began of which it replays, and of which it has not seen the end. `xid` is the
    next one then, without its epoch; 0 where nobody told.
    """

    system_id: str
    state: str
    checkpoint: Position
    redo: Lsn
    minimum_recovery: Lsn = NOWHERE
    segment: int = 16 * 1024 * 1024  # bytes per WAL segment
    backup: Lsn = NOWHERE
    xid: int = 0

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
    def backup_was_cut_off(self) -> bool:
        """It has been started, not as a standby, from the backup_label of a backup whose end never
        came: up to 14 whatever dies in an exclusive one. It works. As a standby it ends, with
        "online backup was cancelled" (seen on 9.0.0), or never takes queries (9.6.24).
        """
        return bool(self.backup) and not self.ended_in_recovery

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
    the timeline before (seen on 15, where the walreceiver had ended). `held` says that
    this process waits for a query or a lock of a session there. `unknown_files` are those of a
    standby definition that the version of `programs` does not know, and `label` names the
    exclusive backup of which a backup_label lies there. `senders`
    are walsenders as their titles name them, and `receiver` is what the walreceiver's says:
    before 10 alone. `programs` is the major
    version of what is in bin_directory; `clock_skew` is seconds that the node's clock is ahead of
    this machine's. `free_bytes` are left where the data directory is, and `wal_free` where its WAL
    is (None where that is not told). `no_wal` says that no WAL is there at all, which every cluster
    has: its disk is not mounted, or not readable. `half` says that the directory is a copy by rsync
    that did not end or was never started, so that nothing in it is the node's own. `unfinished` is
    where the data directory is, if a run was cut short that had set it aside to recover and rewind
    it. `port` is where its postmaster says that it listens (0 where none runs), and `owner` whose
    the directory is where it may not be entered. `unread` says why the `clock` or what is `free` is
    not known. Dates are by the node's clock, in seconds since the epoch, and 0 where there is none:
    it was `armed` when its standby definition was put in place, its control file was last
    `written`, and its newest history `forked` from the one before when its file was written.
    """

    control: Control | None = None
    blank: str = ""
    processes: tuple[int, ...] = ()
    halted: tuple[int, ...] = ()
    standby_files: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    histories: Mapping[int, str] = field(default_factory=dict)
    recovery: Mapping[str, str] = field(default_factory=dict)
    unknown_files: tuple[str, ...] = ()
    label: str = ""
    recovering: int = 0
    held: bool = False
    senders: tuple[Sender, ...] = ()
    receiver: str = ""
    programs: Major | None = None
    port: int = 0
    owner: str = ""
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
