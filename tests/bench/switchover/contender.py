"""What every contender is, and what one switchover of it gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Protocol

from pgha_helpers.model import DeedKind

from ..commands import Memory
from ..ledger import Seen
from .nodes import Nodes

#: Parts of the outage, and the kinds of the runbook's deeds for them; beside them `redirect`, by
#: the node of the deed.
PARTS: Mapping[str, Collection[str]] = {
    "stop": {DeedKind.STOP_PRIMARY},
    "proof": {DeedKind.PROVE_REPLAY, DeedKind.PROVE_CHECKPOINT, DeedKind.PROVE_HISTORY},
    "promote": {DeedKind.PROMOTE},
}
POOLER = "bouncer"  # the name of the pooler in the pair file


class Deed(NamedTuple):
    """A deed of the runbook, from a run in this process or from a record. Moments are seconds since
    the epoch.
    """

    node: str
    kind: str
    began: float
    seconds: float


class Unavailable(Exception):
    """A contender that cannot take part here; its words say why, and what to install."""


@dataclass(frozen=True)
class Told:
    """What a contender tells of its own switchover: seconds of its parts, of the pause of clients,
    and since its gate.

    `memory` is the most that its processes held at once, if anybody looked; `processor` is in
    seconds by process and `trips` counts by kind, both of the outage window; `stages` says where
    the seconds of a command went.
    """

    parts: Mapping[str, float] = field(default_factory=dict)
    pause: float | None = None
    after_gate: float | None = None
    memory: Memory | None = None
    processor: Mapping[str, float] = field(default_factory=dict)
    trips: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """One switchover: what the client saw, what the contender tells, and seconds since its first
    word.

    `healthy` is until an observer saw the other node stream from the new primary, `command` until
    it had ended.
    """

    seen: Seen
    told: Told
    healthy: float
    command: float

    @property
    def gap(self) -> float:
        """The outage, in seconds."""
        return self.seen.gaps[0]


class Contender(Protocol):
    """Somebody who can move the primary of its own two nodes. `dsn` is the road of the clients."""

    name: str
    nodes: Nodes
    version: str  # of the contender itself, where it is not this project's

    @property
    def dsn(self) -> str: ...

    def switch(self, old: str, new: str) -> Told:
        """Move the primary from `old` to `new`. Raises whatever went wrong."""
        ...


class Peer(Contender, Protocol):
    """Somebody else's tool. Missing or failing, it is told so by name, and the others go on."""

    def quickest(self) -> Peer:
        """The same servers, moved with what its own manual has that makes it quicker."""
        ...

    def get_ready(self) -> None:
        """Make its own settings those of the servers, because it shares them; nothing is measured
        yet.
        """
        ...


def parts_of(deeds: Sequence[Deed]) -> dict[str, float]:
    """Seconds of each part of the outage: of the deeds from the stop on that are of its kinds.

    >>> parts_of([Deed("db0", "stop primary", 5.0, 0.25),
    ... Deed("db1", "promote", 5.5, 0.5)])
    {'stop': 0.25, 'proof': 0.0, 'promote': 0.5, 'redirect': 0.0}
    """
    began = next((deed.began for deed in deeds if deed.kind in PARTS["stop"]), 0.0)
    inside = [deed for deed in deeds if deed.began >= began]
    return {
        **{
            part: sum((d.seconds for d in inside if d.kind in kinds), 0.0)
            for part, kinds in PARTS.items()
        },
        "redirect": sum((redirected.seconds for redirected in _redirects(inside)), 0.0),
    }


def pause_of(deeds: Sequence[Deed]) -> float | None:
    """Seconds from the pause of clients until the pooler let them go on; None where nobody was
    paused.
    """
    paused = next((deed.began for deed in deeds if deed.node == "clients"), None)
    resumed = next(
        (deed.began + deed.seconds for deed in _redirects(deeds) if paused and deed.began > paused),
        None,
    )
    return resumed - paused if paused and resumed else None


def _redirects(deeds: Sequence[Deed]) -> list[Deed]:
    """The deed that lets the pooler's clients go on; it was pointed at the new primary during the
    promotion.
    """
    promoted = next((deed.began for deed in deeds if deed.kind in PARTS["promote"]), inf)
    mine = [deed for deed in deeds if deed.node == POOLER and deed.began > promoted]
    return [deed for deed in mine if deed.kind == DeedKind.REDIRECT_CLIENTS][:1]
