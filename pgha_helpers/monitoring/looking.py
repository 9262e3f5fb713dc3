"""One close look at a pair, and nothing beside it: no record, no lock, no kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ..model import Pair
from ..records.making.folder import records_of
from ..records.making.history import EarlierRuns, clients_of
from ..run.journal import Journal
from ..run.run import Run
from ..run.verbose import tell_of
from ..wire.doors import NO_TURNS, Door
from ..wire.lock import Lock


class NoJournal(Journal):
    """That of a look that leaves no record: what is told to it is kept nowhere."""

    def __init__(self) -> None:
        self.events = []

    def write(self, event: str, **facts: Any) -> None:
        """Nothing is kept."""


@contextlib.contextmanager
def looking(pair: Pair, turn: AbstractContextManager[Any] = NO_TURNS) -> Iterator[Run]:
    """What `look` takes, without a record: it holds connections until the end of the block.

    `turn` is that of its doors.
    """
    tell_of(pair)
    doors = {node.name: Door(node, pair, turn) for node in pair}
    lock = Lock(doors.values(), "nobody", pair.timeouts.lock)  # which is never taken
    nowhere = Path(os.devnull)
    history = EarlierRuns(records_of(pair) / "none", pair.name)
    clients = clients_of(pair)
    run = Run("", "status", pair, {}, nowhere, NoJournal(), doors, lock, clients, history)
    try:
        yield run
    finally:
        run.close()
