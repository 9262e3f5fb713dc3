"""Lag, measured on both ends.

Bytes and seconds, as the primary sees its standby and as the standby sees itself. Where somebody
looks, or only a rehearsal is asked for, the cell watches it for some seconds. Where nobody looks
and the consent is given, nobody waits: it is watched beside the rest of the run, but never in the
outage window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..model import Lsn, Snapshot, frontend, show
from ..model.errors import HaError, Refusal
from ..model.lag_file import LAG_COLUMNS, LAG_CSV, LagRow, csv_of
from ..run.events import SAMPLED
from ..run.run import Run
from ..wire.sql import Session
from .lag_chart import live
from .queries import query

if TYPE_CHECKING:
    import pandas as pd

INTERVAL = 0.2  # seconds between samples
BESIDE = 0.1  # the same beside the rest of the run
_LAST = 0.5  # seconds to wait for the sample under way


Said = tuple[str, dict[str, float]]  # a node's role, and its lag in bytes and seconds
_NOTHING: Said = ("", {})


@dataclass(frozen=True)
class Lag(show.Shown):
    """Samples, oldest first.

    A row has a value per column of COLUMNS, None where a node did not answer. Kept without pandas,
    which takes half a second to load: a light verify never draws.
    """

    rows: tuple[LagRow, ...]
    once: bool = False  # nobody meant to watch: one row, which is no curve

    @property
    def frame(self) -> pd.DataFrame:
        """The same for pandas: `at` in seconds since the epoch, bytes, seconds, all floats."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(LAG_COLUMNS)).astype(float)

    def worst(self, unit: str) -> float | None:
        """The greatest lag in `bytes` or `seconds`, of both views; None if nobody answered."""
        places = [LAG_COLUMNS.index(f"{view}_{unit}") for view in ("primary", "standby")]
        values = []
        for row in self.rows:
            values += [row[place] for place in places]
        return max((value for value in values if value is not None), default=None)

    def table(self) -> show.Table:
        """What was seen at worst."""
        size = self.worst("bytes")
        span = self.worst("seconds")
        words = [str(len(self.rows)), "", ""]
        if size is not None:
            words[1] = show.size(size)
        if span is not None:
            words[2] = show.span(span)
        return show.Table(("samples", "worst lag", ""), [tuple(words)])


def sample(run: Run, now: Snapshot, seconds: float | None = None) -> Lag:
    """Watch the lag for some seconds, with a row per sample.

    By default for the parameter `sample_seconds`, or 2. Columns: `at` (seconds since the epoch),
    `primary_bytes` (written but not replayed on the standby, as the primary sees it),
    `standby_bytes` (received but not replayed), `primary_seconds` and `standby_seconds` (delay of
    replay). A node that does not answer leaves its columns empty. The rows are added to the
    record's lag.csv. In JupyterLab they are drawn while they come in. Where no primary is seen that
    feeds anybody there is one row: nothing follows it, and in a failover the clients are waiting.
    In a change that nobody watches there is one row, too, and the next time all that were taken
    beside the run since. Raises Refusal when the run has ended.
    """
    still_open(run)
    if seconds is None:
        seconds = float(str(run.parameters.get("sample_seconds", 2)))
    watched = float(seconds)
    sampler = run.attended(Sampler)
    rows = sampler.end() if sampler else []
    is_fed = any(primary.senders for primary in now.primaries)
    if sampler or run.parameters.get("light") or not is_fed:
        watched = 0.0
    elif not frontend.somebody() and run.parameters.get("confirm"):
        watched = 0.0
        run.attend(Sampler(run))
    with live(run, lambda: Lag(tuple(rows)).frame, watched):
        end = time.monotonic() + watched
        while not rows or time.monotonic() < end:
            began = time.monotonic()
            rows.append(_once(run, now))
            time.sleep(max(0.0, min(INTERVAL, end - began) - (time.monotonic() - began)))
    lag = Lag(tuple(rows), once=len(rows) == 1)
    _tell(run, lag)
    return lag


def _tell(run: Run, lag: Lag) -> None:
    worst = {f"worst_{unit}": lag.worst(unit) for unit in ("bytes", "seconds")}
    run.journal.write(SAMPLED, rows=len(lag.rows), **worst, sha256=_keep(run, lag))


class Sampler:
    """Watches the lag by sessions of its own, until it is asked, or the run ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sessions = {
            name: run.doors[name].session(run.pair.database) for name in run.pair.names
        }
        self._rows: list[LagRow] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pgha-lag", daemon=True)
        self._thread.start()

    def end(self) -> list[LagRow]:
        """Watch no longer; gives the samples. The next time there is nothing to give."""
        self._over.set()
        self._thread.join(_LAST)
        rows, self._rows = self._rows, []
        return rows

    def close(self) -> None:
        """The run ends, maybe without having asked."""
        if rows := self.end():
            _tell(self._run, Lag(tuple(rows)))

    def _watch(self) -> None:
        while not self._over.wait(BESIDE):
            with self._run.turn:
                at = time.time()
                told = [_ask(self._run, sql, name) for name, sql in self._sessions.items()]
            self._rows.append(_row(at, told))
        for session in self._sessions.values():
            session.close()


def _keep(run: Run, lag: Lag) -> str:
    """Add the rows to lag.csv; gives the digest of the file."""
    head = not (run.folder / LAG_CSV).exists()
    return run.keep(LAG_CSV, csv_of(lag.rows, head), append=True)


def still_open(run: Run) -> None:
    """Raises Refusal when the run has ended.

    What is written into its record now would belie the journal.
    """
    if run.ended:
        raise Refusal("this run has ended", "run the first cell again: it begins a new run")


def _once(run: Run, now: Snapshot) -> LagRow:
    """One sample of the nodes that answered when they were looked at.

    Whoever did not may take seconds to do so now.
    """
    at = time.time()
    running = [seen.node for seen in now.running]

    def ask(name: str) -> Said:
        return _ask(run, run.doors[name].sql, name) if name in running else _NOTHING

    return _row(at, run.both(ask))


def _row(at: float, said: Iterable[Said]) -> LagRow:
    by_role = dict(said)
    primary = by_role.get("primary", {})
    standby = by_role.get("standby", {})
    return (
        at,
        primary.get("bytes"),
        standby.get("bytes"),
        primary.get("seconds"),
        standby.get("seconds"),
    )


def _ask(run: Run, sql: Session, name: str) -> Said:
    """What a node is, and what it says of the lag; nothing if it does not answer."""
    other = run.pair.other(name).name
    try:
        row = sql.read(query("lag here"), [other])[0]
    except HaError:
        return _NOTHING
    role = "standby" if row["in_recovery"] else "primary"
    return role, _numbers(row)


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    behind = Lsn.parse(row["replayed"])
    if not behind:  # the primary feeds nobody, so it does not know
        return {}
    size = Lsn.parse(row["ahead"]) - behind
    return {"bytes": float(max(0, size)), "seconds": float(row["seconds"])}
