"""While JupyterLab is open: what happens there is told when it happens, not when it is closed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from ..model import Pair
from ..model.errors import HaError
from ..model.foreign import ODD
from .telling import tell_notices

EVERY = 5.0  # seconds between two looks at the records
_AGAIN = 60.0  # after something could not be sent


@contextlib.contextmanager
def watching(pair: Pair) -> Iterator[None]:
    """Until the block ends, tell of gates that wait and of runs that end, in a thread."""
    if not pair.notify:
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(pair, over), name="pgha-notices", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(pair.timeouts.notify)


def _watch(pair: Pair, over: threading.Event) -> None:
    """What cannot be sent is said by the command at its end: here somebody is at work."""
    pause = EVERY
    while not over.wait(pause):
        try:
            failed = list(tell_notices(pair, time.monotonic() + pair.timeouts.notify))
        except (OSError, HaError, *ODD):
            failed = [""]
        pause = _AGAIN if failed else EVERY
