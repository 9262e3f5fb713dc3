"""What a check of the archive works on and what it gives: records, their links, and findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ...model import Head
from ...model.foreign import ODD
from ...model.show import plural
from ...run.events import CHAINED
from ...run.journal import Story
from .manifest import Manifest


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, and where: a record, or the chain of a system."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"✗ {self.where}: {self.what}"


@dataclass
class Verified:
    """What was looked at, what was found, what is proved, and what could not be checked.

    `notes` are no accusation. `asked` is whether the nodes were; `held` are lines that somebody
    holds outside of this machine.
    """

    asked: bool = False
    records: int = 0
    chained: int = 0
    held: list[Head] = field(default_factory=list)
    proved: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    # who, or else with which key; one of each signed record
    signers: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        by = f" by {' and '.join(sorted(set(self.signers)))}" if self.signers else ""
        counts = f"{plural(self.records, 'record')}, {len(self.signers)} signed{by}, "
        counts += f"{self.chained} chained: "
        verdict = plural(len(self.findings), "finding") if self.findings else "all are as they were"
        told = [
            *map(str, self.findings),
            *(f"? {what}" for what in self.unread),
            *(f"  {note}" for note in self.notes),
            *(f"  {what}" for what in self.proved),
        ]
        return "\n".join([*told, counts + verdict, self.beyond])

    @property
    def beyond(self) -> str:
        """What nobody can find from here, and by whom it could have been done."""
        if self.held:
            since = "since the line that you hold"
        else:
            since = "at any time: hold a line of `pgha records head`, and ask with --head"
        if self.asked:
            who = "root of this machine and of both nodes (or who has its keys to them and signs)"
            return f"Not to be found from here: what {who} has made anew {since}"
        who = "whoever may write here has removed of the newest (the nodes know: --nodes)"
        return f"Not to be found from here: what {who}, or made anew {since}"


@dataclass(frozen=True)
class Link:
    """A run's place in the chain of a system, and what it names as the one before."""

    keys: ClassVar = ("run", "host", "journal", "manifest")
    system: str
    number: int
    run: str
    host: str
    journal: str
    manifest: str


@dataclass(frozen=True)
class Record:
    """One record as verify sees it."""

    folder: Path
    story: Story
    manifest: Manifest

    @property
    def link(self) -> Link | None:
        """Its place in a chain; None if its run is not chained, or if that is unreadable."""
        told = self.story.first(CHAINED)
        try:
            previous = told["previous"] or {}
            return Link(
                str(told["system_id"]),
                int(told["number"]),
                *(previous.get(k, "") for k in Link.keys),
            )
        except ODD:
            return None
