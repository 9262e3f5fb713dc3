"""The writing client: how long was the outage, and was anything lost that had been acknowledged?"""

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import psycopg2

from .errors import LabError
from .watchdog import Watchdog
from .writer import IS_MISSING, TABLE, Writer, connect

_READ_BACK_SECONDS = 30.0
_READ_BACK_PATIENCE = 10.0
_RETRY_SECONDS = 0.1


@dataclass(frozen=True)
class LoadReport:
    """What a load saw. `failed` inserts were sent and never acknowledged; `missing` ones were, and
    are gone.
    """

    acknowledged: int
    failed: int
    longest_gap_ms: float
    missing: int


class Load:
    """Several clients that write for as long as the `with` block lasts, whatever happens to the
    servers.

    `think` is the pause of each client between two inserts, `patience` how long it waits for the
    answer to one before it gives the connection up; both in seconds. Every load has a `run` of its
    own, so that loads can share the table.
    """

    def __init__(
        self, dsn: str, clients: int = 4, think: float = 0.002, patience: float = 2.0
    ) -> None:
        self.run = uuid.uuid4().hex
        self._watchdog = Watchdog(patience)
        self._writers = [
            Writer(dsn, self.run, client, think, self._watchdog, patience)
            for client in range(clients)
        ]
        self._began = self._ended = 0.0

    def __enter__(self) -> "Load":
        self._began = time.time()
        self._watchdog.__enter__()
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.stop()
        for writer in self._writers:
            writer.join()
        self._watchdog.__exit__()
        self._ended = time.time()

    @property
    def acknowledged(self) -> int:
        """Inserts whose commit the server acknowledged."""
        return sum(len(writer.tally.acknowledged) for writer in self._writers)

    def more(self, rows: int, within: float = 20.0) -> bool:
        """Wait until so many more rows were acknowledged; whether they were."""
        aim, deadline = self.acknowledged + rows, time.monotonic() + within
        while self.acknowledged < aim and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.acknowledged >= aim

    @property
    def failed(self) -> int:
        """Inserts that were sent and never acknowledged: they may be there or not."""
        return sum(writer.tally.failed for writer in self._writers)

    @property
    def refused(self) -> int:
        """Attempts to connect that came to nothing."""
        return sum(writer.tally.refused for writer in self._writers)

    def longest_gap(self, since: float | None = None, until: float | None = None) -> float:
        """Seconds of the longest time without an acknowledged commit of any client.

        The window is in wall time (`time.time()`), by default the life of the load; its ends count
        as commits.
        """
        start = self._began if since is None else since
        end = (self._ended or time.time()) if until is None else until
        return longest_gap([at for _, _, at in self._all_acknowledged()], start, end)

    def missing(self, dsn: str) -> list[tuple[int, int]]:
        """The acknowledged (client, seq) that a writable server does not have now.

        Waits up to 30 s for a server to answer; raises LabError when none does.
        """
        expected = {(client, seq) for client, seq, _ in self._all_acknowledged()}
        return sorted(expected - _read_back(dsn, self.run))

    def _all_acknowledged(self) -> Iterator[tuple[int, int, float]]:
        for client, writer in enumerate(self._writers):
            for seq, at in writer.tally.acknowledged.copy():
                yield client, seq, at


def run_load(dsn: str, seconds: float, clients: int = 4) -> LoadReport:
    """Write for so many seconds (Ctrl-C ends it early), then read back. Raises LabError when no
    server answers.
    """
    with Load(dsn, clients) as load, contextlib.suppress(KeyboardInterrupt):
        time.sleep(seconds)
    return LoadReport(
        load.acknowledged, load.failed, load.longest_gap() * 1000, len(load.missing(dsn))
    )


def longest_gap(times: list[float], since: float, until: float) -> float:
    """The longest pause between neighbours of `times` in a window whose ends count too.

    >>> longest_gap([1.0, 2.0, 5.0, 9.0], since=0.0, until=6.0)
    3.0
    >>> longest_gap([], since=2.0, until=4.5)
    2.5
    """
    inside = sorted(at for at in times if since <= at <= until)
    return max((after - before for before, after in pairwise([since, *inside, until])), default=0.0)


def _read_back(dsn: str, run: str) -> set[tuple[int, int]]:
    deadline = time.monotonic() + _READ_BACK_SECONDS
    while True:
        try:
            return _rows(dsn, run)
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                reason = str(error).strip().splitlines()[-1]
                message = (
                    f"no writable server answered within {_READ_BACK_SECONDS:.0f} s ({reason}): "
                    "see `python -m tests.embedded status`"
                )
                raise LabError(message) from error
        time.sleep(_RETRY_SECONDS)


def _rows(dsn: str, run: str) -> set[tuple[int, int]]:
    with (
        contextlib.closing(connect(dsn, _READ_BACK_PATIENCE)) as connection,
        Watchdog(_READ_BACK_PATIENCE) as watchdog,
        watchdog.over(connection),
        connection.cursor() as cursor,
    ):
        cursor.execute(IS_MISSING)
        if cursor.fetchone() == (True,):
            return set()
        cursor.execute(
            f"select client, seq from {TABLE} where run operator(pg_catalog.=) %s", (run,)
        )
        return {(client, seq) for client, seq in cursor.fetchall()}
