"""The five honest things one can say of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .disk import NOWHERE, Control, Disk
from .major import Major, written
from .positions import Lsn, Position
from .replication import Receiver, Sender, Slot
from .rights import UNASKED, Rights
from .show import plural


@dataclass(frozen=True)
class Unheard:
    """Why nobody was heard by one road, SQL or ssh, and what to do about it.

    `answer` holds the words of a server that did answer there, and refused us.
    """

    what: str
    remedy: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Running:
    """It answered SQL. `shell_silent` says why its shell did not, `shell_remedy` what to do;
    `rights` are those of the role that changes, whoever has asked.
    """

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
    rights: Rights = UNASKED
    disk: Disk | None = None
    shell_silent: str = ""
    shell_remedy: str = ""

    @property
    def major(self) -> Major:
        """Its major version."""
        return Major.of(self.version)

    @property
    def release(self) -> str:
        """Its version as it names itself, such as 18.6 or 19beta3."""
        return self.settings.get("server_version", "").partition(" ")[0] or written(self.version)

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

    @property
    def role(self) -> str:
        """What it is, in a word; so has every other sighting, for records to compare."""
        return "primary" if self.writable else "standby"

    def __str__(self) -> str:
        if self.writable:
            return f"primary on timeline {self.timeline}, at {self.written}"
        return f"standby on timeline {self.timeline}, replayed to {self.replayed}"


@dataclass(frozen=True)
class Stopped:
    """A shell answered and no process has this data directory open; `disk.control` is
    pg_controldata speaking.
    """

    role: ClassVar[str] = "stopped"
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

    `answer` holds the server's own words where it answered and refused us; `remedy` is what to do.
    """

    role: ClassVar[str] = "does not answer SQL"
    node: str
    why: str
    disk: Disk
    answer: str = ""
    remedy: str = ""

    @property
    def starting(self) -> bool:
        """It says that it is starting or recovering. Another language than English counts as a
        refusal.
        """
        return _starting(self.answer)

    @property
    def moving(self) -> bool:
        """It says that it is starting, recovering or shutting down: soon it is something else."""
        return self.starting or _SHUTTING_DOWN in self.answer

    @property
    def refuses(self) -> bool:
        """It is alive and refuses us: too many clients, a password, pg_hba.conf. It may well serve
        others.
        """
        return refuses(self.answer)

    def __str__(self) -> str:
        state = f", control file says {self.disk.control.state!r}" if self.disk.control else ""
        return f"{plural(len(self.disk.processes), 'process', 'processes')}, but {self.why}{state}"


_SHUTTING_DOWN = "shutting down"


def refuses(answer: str) -> bool:
    """Whether these words of a server say that it is alive and refuses us.

    >>> (refuses("FATAL:  sorry, too many clients already"),
    ... refuses("FATAL:  the database system is shutting down"))
    (True, False)
    """
    return bool(answer) and not _starting(answer) and _SHUTTING_DOWN not in answer


def _starting(answer: str) -> bool:
    return any(words in answer for words in ("starting up", "not yet accepting", "recovery mode"))


@dataclass(frozen=True)
class Blank:
    """A shell answered, there is no readable data directory, and why."""

    role: ClassVar[str] = "no cluster"
    node: str
    why: str
    disk: Disk = field(default_factory=Disk)

    def __str__(self) -> str:
        return f"no cluster: {self.why}"


@dataclass(frozen=True)
class Silent:
    """Nobody answered, and why: in one sentence, and by each road."""

    role: ClassVar[str] = "did not answer"
    node: str
    why: str
    sql: Unheard | None = None
    shell: Unheard | None = None

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
        return sighting.remedy or f"mend what keeps this runbook out of {node}, which runs"
    roads = (sighting.sql, sighting.shell)
    told = dict.fromkeys(road.remedy for road in roads if road and road.remedy)
    return "; ".join(told) or f"mend the way to {node}, by SQL or by ssh"
