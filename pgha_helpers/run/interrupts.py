"""Putting off Ctrl-C until something is done that would be worse half done.

A promotion, a line of the journal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C until the block is done.

    Blocks may lie in one another: it is heard when the outermost one ends. Signals are heard by the
    main thread only, so in any other there is nothing to put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        if not callable(before):
            raise KeyboardInterrupt
        before(signal.SIGINT, None)
