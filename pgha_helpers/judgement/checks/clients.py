"""Can the clients be moved?"""

from __future__ import annotations

from ...model import ClientSeen, Snapshot
from ...model.errors import NotSeen
from .check import check


def _seen(now: Snapshot) -> tuple[ClientSeen, ...]:
    """Every client of the pair file. Raises NotSeen where nobody has looked at them."""
    if missing := {client.name for client in now.pair.clients} - {
        seen.name for seen in now.clients
    }:
        raise NotSeen(f"{', '.join(sorted(missing))}: not looked at closely")
    return now.clients


@check(
    value=lambda now: (
        "; ".join(f"{c.name}: {c.words}" for c in _seen(now)) or "none in the pair file"
    )
)
def the_clients_can_be_moved(now: Snapshot) -> str | None:
    """The clients can be moved.

    Mend what is named, or the entry under clients: in the pair file; docs/clients.md tells how each
    is set up.
    """
    told = [f"{client.name}: {why}" for client in _seen(now) for why in client.against]
    return "; ".join(told) or None
