"""Round trips: each time that something waits for an answer from a node or a pooler, and every
connection made.

An operator who is 20 ms away pays 20 ms for each that the main thread waits for. What other threads
ask meanwhile is counted beside: nobody waits for it, unless it takes longer.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

_counted: Counter[str] = Counter()
_mutex = threading.Lock()
#: Who is told of each, once it is answered; see run/verbose.py.
teller: Callable[[str], None] | None = None


def count(kind: str) -> float:
    """One more: "sql", "shell" or "connection". Gives the moment, by the monotonic clock."""
    beside = "" if threading.current_thread() is threading.main_thread() else " beside"
    with _mutex:
        _counted[kind + beside] += 1
    return time.monotonic()


def timed(kind: str, where: str, what: str, began: float) -> None:
    """Tell of one that was answered, or given up: of whom what was asked, and how long it took."""
    if teller is not None:
        at, took = time.strftime("%H:%M:%SZ", time.gmtime()), (time.monotonic() - began) * 1000
        teller(f"{at} {where:<6} {kind:<10} {took:8.1f} ms  {' '.join(what.split())}")


def counted() -> Counter[str]:
    """How many there were so far in this process, by kind."""
    with _mutex:
        return Counter(_counted)
