"""Somebody who watches from outside when both nodes are as they should be, while a contender still
works.
"""

from __future__ import annotations

import threading
import time

import psycopg2

from .nodes import Nodes, ask

_EVERY = 0.05  # seconds: what it asks takes half a millisecond, so nobody is held up by it
_HEALTHY = """
select not pg_is_in_recovery()
  and exists (select from pg_stat_replication where state = 'streaming')
"""


class Observer:
    """Watches the node that is to be primary until it is, and the other one streams from it; then
    `at` says when.
    """

    def __init__(self, nodes: Nodes, new: str) -> None:
        self.at = 0.0  # seconds since the epoch; 0 as long as it is not so
        self._nodes = nodes
        self._new = new
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Observer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait(self, within: float = 60.0) -> float:
        """Wait until it is so. Raises RuntimeError."""
        self._thread.join(within)
        if not self.at:
            raise RuntimeError(
                f"{self._new} is not a primary with a streaming standby after {within:.0f} s"
            )
        return self.at

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                with self._nodes.session(self._new) as session:
                    while not self._over.wait(_EVERY):
                        if ask(session, _HEALTHY):
                            self.at = time.time()
                            return
            except psycopg2.Error:
                self._over.wait(_EVERY)
