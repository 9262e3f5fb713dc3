"""Round trips: each time that something waits for an answer from a node or a pooler, and every
connection made.

An operator who is 20 ms away pays 20 ms for each that the main thread waits for. What other threads
ask meanwhile is counted beside: nobody waits for it, unless it takes longer.
"""

from __future__ import annotations

import threading
from collections import Counter

_counted: Counter[str] = Counter()
_mutex = threading.Lock()


def count(kind: str) -> None:
    """One more: "sql", "shell" or "connection"."""
    beside = "" if threading.current_thread() is threading.main_thread() else " beside"
    with _mutex:
        _counted[kind + beside] += 1


def counted() -> Counter[str]:
    """How many there were so far in this process, by kind."""
    with _mutex:
        return Counter(_counted)
