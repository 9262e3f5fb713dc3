"""Lag, measured on both ends: bytes and seconds, as the primary sees its standby and as the standby sees itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import show
from .drawing import live
from .errors import HaError, Refusal
from .facts.queries import query
from .model import Lsn, Snapshot
from .run import Run

if TYPE_CHECKING:
    import pandas as pd

NAME = "lag.csv"
COLUMNS = ("at", "primary_bytes", "standby_bytes", "primary_seconds", "standby_seconds")
INTERVAL = 0.2  # seconds between samples


Row = tuple[float | None, ...]


@dataclass(frozen=True)
class Lag(show.Shown):
    """Samples, oldest first; a row has a value per column of COLUMNS, None where a node did not answer.

    Kept without pandas, which takes half a second to load: a light verify never draws.
    """

    rows: tuple[Row, ...]
    once: bool = False  # nobody meant to watch: one row, which is no curve

    @property
    def frame(self) -> pd.DataFrame:
        """The same for pandas: `at` in seconds since the epoch, the others in bytes and seconds, all floats."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(COLUMNS)).astype(float)

    def worst(self, unit: str) -> float | None:
        """The greatest lag in `bytes` or `seconds`, of both views; None if nobody answered."""
        places = [COLUMNS.index(f"{view}_{unit}") for view in ("primary", "standby")]
        return max((value for row in self.rows for at in places if (value := row[at]) is not None), default=None)

    def table(self) -> show.Table:
        """What was seen at worst."""
        size, span = self.worst("bytes"), self.worst("seconds")
        told = ("" if size is None else show.size(size), "" if span is None else show.span(span))
        return show.Table(("samples", "worst lag", ""), [(str(len(self.rows)), *told)])


def sample(run: Run, now: Snapshot, seconds: float | None = None) -> Lag:
    """Watch the lag for some seconds (default: the parameter `sample_seconds`, or 2); a row per sample.

    Columns: `at` (seconds since the epoch), `primary_bytes` (written but not replayed on the standby, as the primary
    sees it), `standby_bytes` (received but not replayed), `primary_seconds` and `standby_seconds` (delay of replay).
    A node that does not answer leaves its columns empty. The rows are added to the record's lag.csv. In JupyterLab
    they are drawn while they come in. Where no primary is seen that feeds anybody there is one row: nothing follows it,
    and in a failover the clients are waiting. Raises Refusal when the run has ended.
    """
    still_open(run)
    watched = float(run.parameters.get("sample_seconds", 2) if seconds is None else seconds)
    if run.parameters.get("light") or not any(primary.senders for primary in now.primaries):
        watched = 0.0
    rows: list[Row] = []
    with live(run, lambda: Lag(tuple(rows)).frame, watched):
        end = time.monotonic() + watched
        while not rows or time.monotonic() < end:
            began = time.monotonic()
            rows.append(_once(run, now))
            time.sleep(max(0.0, min(INTERVAL, end - began) - (time.monotonic() - began)))
    lag = Lag(tuple(rows), once=not watched)
    worst = {f"worst_{unit}": lag.worst(unit) for unit in ("bytes", "seconds")}
    run.journal.write("sampled", rows=len(rows), **worst, sha256=_keep(run, lag))
    return lag


def _keep(run: Run, lag: Lag) -> str:
    """Add the rows to lag.csv; gives the digest of the file."""
    lines = [] if (run.folder / NAME).exists() else [",".join(COLUMNS)]
    lines += [",".join("" if value is None else f"{value:.6f}" for value in row) for row in lag.rows]
    return run.keep(NAME, ("\n".join(lines) + "\n").encode(), append=True)


def still_open(run: Run) -> None:
    """Raises Refusal when the run has ended: what is written into its record now would belie the journal."""
    if run.ended:
        raise Refusal("this run has ended", "run the first cell again: it begins a new run")


def _once(run: Run, now: Snapshot) -> Row:
    at = time.time()
    answers = dict(zip(run.pair.names, run.both(lambda name: _ask(run, now, name)), strict=True))
    nobody: dict[str, float] = {}
    primary = next((answers[s.node] for s in now.primaries), nobody)
    standby = next((answers[s.node] for s in now.standbys), nobody)
    return at, primary.get("bytes"), standby.get("bytes"), primary.get("seconds"), standby.get("seconds")


def _ask(run: Run, now: Snapshot, name: str) -> dict[str, float]:
    """What one node says of the lag now; nothing if it does not answer or is not what it was."""
    sql = run.doors[name].sql
    try:
        if any(s.node == name for s in now.primaries):
            row = sql.read(query("lag on the primary"), [run.pair.other(name).name])[0]
            return _numbers(row, "written")
        if any(s.node == name for s in now.standbys):
            return _numbers(sql.read(query("lag on the standby"))[0], "received")
    except HaError:
        pass
    return {}


def _numbers(row: dict[str, Any], ahead: str) -> dict[str, float]:
    behind = Lsn.parse(row["replayed"])
    if not behind:  # the primary feeds nobody, so it does not know
        return {}
    return {"bytes": float(max(0, Lsn.parse(row[ahead]) - behind)), "seconds": float(row["seconds"])}
