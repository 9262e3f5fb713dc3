"""What earlier runs tell a later one. The room of the records knows how; it hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..judgement.plans.back_again import Promoted
from ..judgement.plans.loss_estimate import LastKnown
from ..judgement.plans.rebuild import Rates
from ..model import Note, Outage, Past
from .journal import Event


class History(Protocol):
    """This machine's records of a pair, as a run asks them. None of it raises."""

    def chain_notes(self, system_id: str, beyond: int) -> Sequence[Note]:
        """What they tell of a system's chain beyond a number."""

    def last_known(self, node: str, system_id: str) -> LastKnown | None:
        """Where a node of a system was seen last, while it was primary."""

    def outage(self, own: Sequence[Event]) -> Outage | None:
        """How long clients had no primary, by a run's own events.

        Where runs have died before it, by theirs, too.
        """

    def last_well(self) -> str:
        """When a verify has found the pair well, in ISO 8601; empty where none is known."""

    def promoted(self, since: float) -> Promoted | None:
        """The newest promotion after a moment (seconds since the epoch), by another run."""

    def rates(self) -> Rates:
        """How fast earlier runs of this pair were."""

    def seconds_since_drill(self) -> float | None:
        """How long ago a drill has passed; None where none has."""

    def past(self) -> Past:
        """How long earlier changes took, and how far behind the standby was."""


class NoHistory:
    """That of a run whose records nobody asks."""

    def chain_notes(self, system_id: str, beyond: int) -> Sequence[Note]:
        """Nothing."""
        return ()

    def last_known(self, node: str, system_id: str) -> LastKnown | None:
        """Nobody knows."""
        return None

    def outage(self, own: Sequence[Event]) -> Outage | None:
        """None is told."""
        return None

    def last_well(self) -> str:
        """Nobody knows."""
        return ""

    def promoted(self, since: float) -> Promoted | None:
        """Nobody knows of one."""
        return None

    def rates(self) -> Rates:
        """Those that are assumed where nothing was measured."""
        return Rates()

    def seconds_since_drill(self) -> float | None:
        """Nobody knows."""
        return None

    def past(self) -> Past:
        """Nothing is told."""
        return Past()
