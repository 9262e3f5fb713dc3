"""What was judged and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from . import show


@dataclass(frozen=True)
class Verdict:
    """One check's answer. `level` is ok, warning, critical or unknown; `reason` is empty when it is
    ok.
    """

    title: str
    level: str
    reason: str = ""
    value: str = ""
    limit: str = ""
    remedy: str = ""


class Verdicts(show.Shown, tuple[Verdict, ...]):
    """Every verdict of a checklist, the bad ones included."""

    @property
    def worst(self) -> str:
        """The level to act on: critical before unknown before warning before ok."""
        levels = {v.level for v in self}
        return next(
            (level for level in ("critical", "unknown", "warning") if level in levels), "ok"
        )

    @property
    def against(self) -> tuple[Verdict, ...]:
        """Those that do not say yes."""
        return tuple(v for v in self if v.level != "ok")

    def table(self) -> show.Table:
        """A row per verdict, the worst first, with a mark that does not lean on colour alone."""
        head = ("", "check", "value", "limit", "why not, and what to do")
        return show.Table(head, [_row(v) for v in self._ordered])

    def __str__(self) -> str:
        """What is in the way in sentences, then a short line for each yes: a terminal is too narrow
        for the table.
        """
        against = [
            f"{show.MARKS[v.level]}: {v.title}\n    {_why(v)}"
            for v in self._ordered
            if v.level != "ok"
        ]
        return "\n".join([*against, *str(self._well).splitlines()])

    def _repr_html_(self) -> str:
        """What is in the way, then each yes in a table of its own, whose rows need no room for
        reasons.
        """
        worst = [_row(v) for v in self._ordered if v.level != "ok"]
        against = show.Table(self.table().head, worst)._repr_html_() if worst else ""
        return against + self._well._repr_html_()

    @property
    def _well(self) -> show.Table:
        rows = [_row(v)[:4] for v in self if v.level == "ok"]
        return show.Table(
            ("", f"{len(rows)} of {len(self)} checks say yes", "value", "limit"), rows
        )

    @property
    def _ordered(self) -> list[Verdict]:
        order = ("critical", "unknown", "warning", "ok")
        return sorted(self, key=lambda v: order.index(v.level))


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
        return show.Table(("when", "node", "deed", "took"), rows)


def _row(verdict: Verdict) -> tuple[str, str, str, str, str]:
    return show.MARKS[verdict.level], verdict.title, verdict.value, verdict.limit, _why(verdict)


def _why(verdict: Verdict) -> str:
    if not verdict.reason:
        return ""
    words = f"{verdict.reason}. {verdict.remedy}"
    return words.strip(". ") + "."
