"""What a close look has a node's shell say: who else manages PostgreSQL, and how it would start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from .foreign import ODD
from .set_aside import SetAside

LONGEST = 5.0  # seconds that a restore_command is waited for


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
    has not a file, None without one. `libc` is by which text is sorted, as
    in "glibc 2.36". `lacks` are programs of PostgreSQL that are not installed, and
    for which something else stands in, and `others` those of another version than the server's,
    with it.
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
    lacks: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    libc: str = ""
    start: Start = field(default_factory=Start)
    restore: Restore | None = None
