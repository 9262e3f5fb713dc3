"""One thread that watches the lag beside a run, from its first cell to its last line.

It has sessions of its own and asks ten times a second, so that nobody has to wait for samples. In
the outage window it is silent: see `run.window`. A node that does not answer is left out of its
samples, and nobody waits for it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ..model import Lsn, Spread
from ..model.dialect import Variants
from ..model.errors import HaError
from ..model.foreign import ODD
from ..model.lag_file import LAG_CSV, LagRow, csv_of
from ..run.events import SAMPLED
from ..run.run import Run
from ..wire.sql import Row
from .queries import query

PACE = 0.1  # seconds from one sample to the next
_UNITS = ("bytes", "seconds")
_CLOSELY = 600.0  # seconds for which it keeps that pace: a gate may wait for a night
_LATE = 1.0  # seconds after which a node that was asked counts as silent
_AGAIN = 0.2  # seconds from one attempt to reach a node to the next
_LAST = 0.5  # seconds to wait for the sample under way

Said = tuple[str, str, dict[str, float]]  # a node, its role, and its lag in bytes and seconds


class Sampler:
    """Watches the lag until the run ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._eyes = [_Eye(run, name) for name in run.pair.names]
        self._rows: list[LagRow] = []
        self._kept = 0  # rows that are in the file
        self._began = self._hurried = time.monotonic()
        self._worked = 0.0  # seconds of the processor
        self._over = False
        self._stirred = threading.Event()
        run.beside.leave.append(self._leave_primary)
        self._thread = threading.Thread(target=self._watch, name="pgha-lag", daemon=True)
        self._thread.start()

    @property
    def rows(self) -> tuple[LagRow, ...]:
        """Every sample so far, the oldest first."""
        return tuple(self._rows)

    @property
    def watched(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    def hurry(self) -> None:
        """Keep the quick pace from now on, for a while."""
        self._hurried = time.monotonic()
        self._stirred.set()

    def next(self) -> None:
        """Wait for one more sample, if it comes soon."""
        known, end = len(self._rows), time.monotonic() + _LAST
        self._stirred.set()
        while len(self._rows) == known and time.monotonic() < end and self._thread.is_alive():
            time.sleep(PACE / 20)

    def keep(self) -> None:
        """Write what was seen since the last time into the record."""
        rows = self.rows
        keep_rows(self._run, rows, self._kept, self._worked)
        self._kept = len(rows)

    def close(self) -> None:
        """The run ends."""
        self._over = True
        self._stirred.set()
        self._thread.join(_LAST)
        self.keep()

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._over:
            with self._run.beside.turn:
                row = self._sample()
            if self._rows or row.primary or row.standby:  # else nobody is reached yet
                self._rows.append(row)
            self._worked = time.thread_time()
            quiet = (time.monotonic() - self._hurried) / _CLOSELY
            due = max(due + PACE * max(1.0, quiet), time.monotonic())
            if self._stirred.wait(due - time.monotonic()):
                self._stirred.clear()
                due = time.monotonic()
        for eye in self._eyes:
            eye.close()

    def _leave_primary(self) -> None:
        last = self._rows[-1].primary.split() if self._rows else []
        for eye in self._eyes:
            if eye.name in last:
                eye.leave()

    def _sample(self) -> LagRow:
        """Both are asked before the first answer is waited for."""
        at = time.time()
        asked = [eye.ask() for eye in self._eyes]
        return lag_row(at, [said() for said in asked])


def hurry(run: Run) -> None:
    """Something is about to happen: whoever watches the lag of this run slowly is to hurry."""
    if sampler := run.beside.attended(Sampler):
        sampler.hurry()


class _Eye:
    """A session to one node, opened by a thread of its own: where nobody answers that takes
    seconds.

    A node that could not be reached is tried again only once the run itself has reached it: a wrong
    password is not to be said ten times a second.
    """

    def __init__(self, run: Run, name: str) -> None:
        self._door, self._pair, self.name = run.doors[name], run.pair, name
        self._session = run.doors[name].session(run.pair.database)
        self._tried = -_AGAIN
        self._trying = self._failed = self._closed = False

    def ask(self) -> Callable[[], Said]:
        """Send the question, and give what waits for its answer."""
        if self._session.is_open:
            with contextlib.suppress(HaError):
                rows = self._session.ask("execute lag_here", within=_LATE)
                return lambda: said_by(self.name, rows)
        elif not self._trying:
            self._open()
        return lambda: (self.name, "", {})

    def leave(self) -> None:
        """Let it go; it is opened anew when it is next asked."""
        if not self._trying:
            self._session.close()

    def close(self) -> None:
        """Let it go, now or as soon as it is open."""
        self._closed = True
        self.leave()

    def _open(self) -> None:
        now = time.monotonic()
        if now - self._tried < _AGAIN or (self._failed and not self._door.sql.is_open):
            return
        self._tried, self._trying = now, True
        threading.Thread(target=self._connect, name="pgha-lag-door", daemon=True).start()

    def _connect(self) -> None:
        try:
            text, names = lag_question(self._pair.other(self.name).name)
            self._session.do(
                f"prepare lag_here as {self._session.spelled(text)}", names
            )  # planned once, not each time
            self._failed = False
        except (HaError, *ODD):
            self._failed = True
        finally:
            self._tried, self._trying = time.monotonic(), False
        if self._closed:
            self._session.close()


def keep_rows(run: Run, rows: Sequence[LagRow], kept: int = 0, processor: float = 0.0) -> None:
    """Add samples to lag.csv, which has the first so many, and tell the journal of all.

    `processor` is how many seconds of it they took.
    """
    if kept == len(rows):
        return
    head = not (run.folder / LAG_CSV).exists()
    digest = run.keep(LAG_CSV, csv_of(rows[kept:], head), append=True)
    found: dict[str, Any] = {f"worst_{unit}": worst_lag(rows, unit) for unit in _UNITS}
    if len(rows) > 1:
        found |= {unit: _spread(rows, unit) for unit in _UNITS}
    run.journal.write(
        SAMPLED, rows=len(rows), **found, processor=round(processor, 4), sha256=digest
    )


def _spread(rows: Iterable[LagRow], unit: str) -> dict[str, Any] | None:
    """How the lag lies over the samples, of each the worse of both views."""
    worst = (worst_lag([row], unit) for row in rows)
    found = Spread.of(value for value in worst if value is not None)
    return asdict(found) if found else None


def worst_lag(rows: Iterable[LagRow], unit: str) -> float | None:
    """The greatest lag in `bytes` or `seconds`, of both views; None if nobody told."""
    values: list[float | None] = []
    for row in rows:
        values += [getattr(row, f"{view}_{unit}") for view in ("primary", "standby")]
    return max((value for value in values if value is not None), default=None)


def lag_question(other: str) -> tuple[Variants, list[str]]:
    """What a node is asked, whose other node is that one."""
    return query("lag here"), [other]


def said_by(name: str, ask: Callable[[], list[Row]]) -> Said:
    """What a node is, and what it says of the lag; without a role if it does not answer."""
    try:
        row = ask()[0]
        return name, "standby" if row["in_recovery"] else "primary", _numbers(row)
    except (HaError, *ODD):
        return name, "", {}


def _numbers(row: Row) -> dict[str, float]:
    behind = Lsn.parse(row["replayed"])
    if not behind:  # the primary feeds nobody, so it does not know
        return {}
    told = {"bytes": max(0, Lsn.parse(row["ahead"]) - behind), "seconds": row["seconds"]}
    return {unit: float(value) for unit, value in told.items() if value is not None}


def lag_row(at: float, told: Iterable[Said]) -> LagRow:
    """A sample of what both nodes have said."""
    found: dict[str, float | str] = {}
    for name, role, numbers in told:
        if role:
            found[role] = f"{found.get(role, '')} {name}".strip()
            found |= {f"{role}_{unit}": value for unit, value in numbers.items()}
    return LagRow(at, **found)  # type: ignore[arg-type]
