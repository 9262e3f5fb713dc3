"""A deadline on every statement, kept by the client.

libpq waits for an answer without limit. `tcp_user_timeout` helps when packets get lost, but a
server that is stopped (SIGSTOP, a frozen virtual machine) still has a kernel that acknowledges
them, and its `statement_timeout` is as frozen as the rest of it. So one thread looks at the
statements under way and cuts the connection of an overdue one; the waiting thread then gets an
ordinary OperationalError.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import psycopg2.extensions

_LOOK_SECONDS = 0.05


class Watchdog:
    """Cuts connections whose statement takes longer than `patience` seconds. Use it as a context
    manager.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._under_way: dict[psycopg2.extensions.connection, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pgha-watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    @contextlib.contextmanager
    def over(self, connection: psycopg2.extensions.connection) -> Iterator[None]:
        """Watch what the connection does inside this block."""
        with self._lock:
            self._under_way[connection] = time.monotonic() + self._patience
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(connection, None)

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            # Under the lock: a connection leaves `over` before it is closed, so its descriptor is
            # still its own.
            with self._lock:
                for connection in self._overdue():
                    _cut(connection)
                    del self._under_way[connection]

    def _overdue(self) -> list[psycopg2.extensions.connection]:
        now = time.monotonic()
        return [connection for connection, deadline in self._under_way.items() if deadline < now]


def _cut(connection: psycopg2.extensions.connection) -> None:
    """Shut the socket down, not close it: libpq wakes up, and its descriptor stays reserved until
    it closes it.
    """
    with (
        contextlib.suppress(OSError, psycopg2.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)
