"""What was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from . import show


class DeedKind(StrEnum):
    """What a deed does, for whatever decides by it. Its words are for people, and may change."""

    # servers
    START = "start"
    STOP = "stop"
    STOP_TO_RESTART = "stop to restart"  # of a primary that clients use, for a changed setting
    STOP_PRIMARY = "stop primary"  # of a hand-over: the outage begins with it
    END_SHUTDOWN = "end shutdown"
    END_PROCESSES = "end processes"
    END_WALSENDERS = "end walsenders"
    WAIT_FOR_END = "wait for end"
    PROMOTE = "promote"
    CHECKPOINT = "checkpoint"
    # what a node is after its next start
    DEFINE_STANDBY = "define standby"
    ARM = "arm"
    DISARM = "disarm"
    REMOVE_TRIGGERS = "remove triggers"
    # replay
    CUT_OFF = "cut off"
    REPLAY = "replay"
    RESUME_REPLAY = "resume replay"
    WAIT_FOR_ARCHIVE = "wait for archive"
    FIND_END = "find end"
    COPY_WAL = "copy wal"
    COPY_HISTORIES = "copy histories"
    # what is seen before something depends on it, and changes nothing
    TELL_RECORD = "tell record"
    PROVE_CHECKPOINT = "prove checkpoint"
    PROVE_CONFIGURATION = "prove configuration"
    PROVE_CONNECTION = "prove connection"
    PROVE_HISTORY = "prove history"
    PROVE_REPLAY = "prove replay"
    PROVE_TIMELINE = "prove timeline"
    REHEARSE_START = "rehearse start"
    REHEARSE_REWIND = "rehearse rewind"
    # the old primary
    FENCE = "fence"
    DISABLE_SERVICE = "disable service"
    # settings, roles, slots and sessions
    SET = "set"
    SET_FOR_NOW = "set for now"
    SET_BACK = "set back"
    CREATE_ROLE = "create role"
    GRANT = "grant"
    EDIT_HBA = "edit hba"
    WRITE_PASSFILE = "write passfile"  # of the operator's machine
    MAKE_SLOT = "make slot"
    DROP_SLOT = "drop slot"
    DRAIN = "drain"
    END_SESSION = "end session"
    # a data directory that is made anew
    SAVE = "save"
    RECOVER = "recover"
    REWIND = "rewind"
    MOVE_BACK = "move back"
    PUT_AWAY = "put away"
    CLONE = "clone"
    RSYNC = "rsync"
    BEGIN_BACKUP = "begin backup"
    END_BACKUP = "end backup"
    COMPLETE_COPY = "complete copy"
    MOVE_ASIDE = "move aside"
    MOVE_IN = "move in"
    REMOVE_HALVES = "remove halves"
    KEEP_UNARCHIVED = "keep unarchived"
    KEEP_DIVERGED = "keep diverged"
    # clients and the canary
    PREPARE_CLIENTS = "prepare clients"
    PAUSE_CLIENTS = "pause clients"
    POINT_CLIENTS = "point clients"
    REDIRECT_CLIENTS = "redirect clients"
    TAKE_CLIENTS_BACK = "take clients back"
    LEAD_READERS = "lead readers"
    WRITE_ROW = "write row"
    MAKE_TABLE = "make table"
    DELETE_ROWS = "delete rows"


@dataclass(frozen=True)
class Deed:
    """One change, or the news that none was needed. `began` and `ended` are seconds since the
    epoch.
    """

    node: str
    kind: DeedKind
    did: str
    changed: bool
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


class Deeds(show.Shown, tuple[Deed, ...]):
    """Deeds in the order in which they were done."""

    def table(self) -> show.Table:
        """A row per deed with its milliseconds."""
        rows = [(show.utc(d.began), d.node, d.did, f"{d.seconds * 1000:.0f} ms") for d in self]
        return show.Table(("when", "node", "step", "took"), rows)
