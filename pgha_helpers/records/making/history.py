"""What a run begins with: what this machine's records tell of those before, its `History`, and who
leads its clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from ...judgement.plans.back_again import Promoted
from ...judgement.plans.loss_estimate import LastKnown
from ...judgement.plans.rebuild import Rates
from ...model import Note, Outage, Pair, Past
from ...model.foreign import ODD
from ...run.journal import Event
from ...run.run import Clients, NoClients
from ..reading.past import past_of
from .earlier_runs import known_rates, last_known, last_well, newest_promotion, stories
from .folder import id_of, record_folders
from .outage import outage_of_change


class EarlierRuns:
    """The records beside a run's own folder, of the same pair. Read when they are asked for."""

    def __init__(self, folder: Path, pair: str) -> None:
        self._folder, self._records, self._pair = folder, folder.parent, pair

    def chain_notes(self, system_id: str, beyond: int) -> Sequence[Note]:
        """The notes of every chained run of this system beyond a number."""
        from .chain_notes import chained_notes  # a look that changes nothing never asks

        return chained_notes(self._records, system_id, beyond)

    def last_known(self, node: str, system_id: str) -> LastKnown | None:
        """The newest position at which a node of this system was seen as primary."""
        return last_known(self._records, self._pair, node, system_id)

    def outage(self, own: Sequence[Event]) -> Outage | None:
        """That of the change which these events are of.

        Records that cannot be read must not spoil its end: then its own journal tells.
        """
        told = stories(self._records, self._pair)
        older = (events for folder, events in told if folder != self._folder)
        try:
            here = {id_of(folder) for folder in record_folders(self._records)}
            return outage_of_change(own, older, here)
        except (OSError, *ODD):
            return outage_of_change(own, ())

    def last_well(self) -> str:
        """When the newest verify that found nothing but warnings has ended."""
        return last_well(self._records, self._pair)

    def promoted(self, since: float) -> Promoted | None:
        """The newest after a moment; read anew each time, as another window may change it."""
        return newest_promotion(self._records, self._pair, since)

    def seconds_since_drill(self) -> float | None:
        """How long ago a drill has passed, by the sequences."""
        from ..reading.drills import seconds_since_drill

        return seconds_since_drill(self._records, self._pair)

    def rates(self) -> Rates:
        """How fast the newest runs were that copied anything; read once."""
        return self._rates

    def past(self) -> Past:
        """How long earlier changes took, and how far behind the standby was."""
        return past_of(self._records, self._pair)

    @cached_property
    def _rates(self) -> Rates:
        return known_rates(self._records, self._pair)


def clients_of(pair: Pair) -> Clients:
    """Whoever leads them, loaded only where there are any: a light verify waits for nothing."""
    if not pair.clients:
        return NoClients()
    from ...clients import HeldClients

    return HeldClients(pair)
