"""The pair's clients as one run holds them open, and what is seen of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..model import Client, ClientSeen, Command, Pair, Pgbouncer, Snapshot
from ..model.errors import HaError, Unreadable, understood
from ..run.events import CLIENTS_SEEN
from ..run.run import Run
from .bouncer import Bouncer
from .command import Commanded
from .kind import Way
from .multihost import Multihost
from .road import Road


@dataclass
class ClientEntry:
    """One entry of `clients:` as a run holds it open."""

    name: str
    way: Way
    road: Road | None

    def close(self) -> None:
        """Let it go."""
        self.way.close()
        if self.road:
            self.road.close()


class HeldClients:
    """All of them, in the order of the pair file. They are made when somebody asks for them."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._entries: list[ClientEntry] = []

    @property
    def entries(self) -> Sequence[ClientEntry]:
        """Each entry of `clients:`; what they need is opened by their verbs."""
        if not self._entries:
            self._entries = [_entry(client, self._pair) for client in self._pair.clients]
        return self._entries

    def look(self, run: Run, now: Snapshot) -> tuple[ClientSeen, ...]:
        """See `look_at_clients`."""
        return look_at_clients(run, now)

    def close(self) -> None:
        """Let each of them go; a later verb opens what it needs again."""
        for entry in self._entries:
            with contextlib.suppress(HaError, OSError):
                entry.close()


def entries_of(run: Run) -> Sequence[ClientEntry]:
    """The clients that this run holds open; none where its pair file names none."""
    return run.clients.entries if isinstance(run.clients, HeldClients) else ()


def look_at_clients(run: Run, now: Snapshot) -> tuple[ClientSeen, ...]:
    """What is seen of every client, and why it could not be moved now. Changes nothing.

    For `Snapshot.clients`. Where nobody is writable, nothing is asked that needs a primary.
    """
    primary = system_id = ""
    if len(now.primaries) == 1:
        primary, system_id = now.primary.node, now.primary.system_id
    entries = entries_of(run)
    if not entries:
        return ()
    with ThreadPoolExecutor(len(entries), "pgha-clients") as pool:
        seen = tuple(pool.map(lambda entry: _look(run, entry, primary, system_id), entries))
    run.journal.write(CLIENTS_SEEN, clients=seen)
    return seen


def _look(run: Run, entry: ClientEntry, primary: str, system_id: str) -> ClientSeen:
    words, against = "", list[str]()
    try:
        with understood(entry.name, "what it says of itself"):
            words, against = entry.way.look(primary)
            if entry.road and primary:
                against += entry.road.why_not(run.doors[primary], system_id)
    except Unreadable as odd:
        against.append(odd.what)
    return ClientSeen(entry.name, words, tuple(against))


def _entry(client: Client, pair: Pair) -> ClientEntry:
    road = Road(client, pair) if client.dsn else None
    return ClientEntry(client.name, _way(client, pair), road)


def _way(client: Client, pair: Pair) -> Way:
    if isinstance(client, Pgbouncer):
        return Bouncer(client, pair)
    return Commanded(client, pair) if isinstance(client, Command) else Multihost(client, pair)
