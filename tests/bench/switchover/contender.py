"""What every contender is, and what one switchover of it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..commands import Memory
from ..ledger import Seen
from .nodes import Nodes

#: Parts of the outage, and how the runbook's deeds for them begin.
PARTS = {"stop": "stopped the primary", "proof": "proved", "promote": "promote", "redirect": "redirect"}


class Unavailable(Exception):
    """A contender that cannot take part here; its words say why, and what to install."""


@dataclass(frozen=True)
class Told:
    """What a contender tells of its own switchover: seconds of its parts, of the pause of clients, and since its gate.

    `memory` is the most that its processes held at once, if anybody looked.
    """

    parts: Mapping[str, float] = field(default_factory=dict)
    pause: float | None = None
    after_gate: float | None = None
    memory: Memory | None = None


@dataclass(frozen=True)
class Round:
    """One switchover: what the client saw, what the contender tells, and seconds until both nodes were healthy."""

    seen: Seen
    told: Told
    wall: float


class Contender(Protocol):
    """Somebody who can move the primary of its own two nodes. `dsn` is the road of the clients."""

    name: str
    nodes: Nodes

    @property
    def dsn(self) -> str: ...

    def switch(self, old: str, new: str) -> Told:
        """Move the primary from `old` to `new`. Raises whatever went wrong."""
        ...


def parts_of(deeds: Iterable[tuple[str, float, float]]) -> dict[str, float]:
    """Seconds of each part, of deeds as (what was done, when it began, seconds); only those from the stop on count."""
    told = list(deeds)
    began = next((at for did, at, _ in told if did.startswith(PARTS["stop"])), 0.0)
    parts = dict.fromkeys(PARTS, 0.0)
    for did, at, seconds in told:
        for part, beginning in PARTS.items():
            if at >= began and did.startswith(beginning):
                parts[part] += seconds
    return parts
