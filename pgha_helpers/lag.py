"""Lag, measured on both ends: bytes and seconds, as the primary sees its standby and as the standby sees itself."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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


def sample(run: Run, now: Snapshot, seconds: float | None = None) -> pd.DataFrame:
    """Watch the lag for some seconds (default: the parameter `sample_seconds`, or 2); a row per sample.

    Columns: `at` (seconds since the epoch), `primary_bytes` (written but not replayed on the standby, as the primary
    sees it), `standby_bytes` (received but not replayed), `primary_seconds` and `standby_seconds` (delay of replay).
    A node that does not answer leaves its columns empty. The rows are added to the record's lag.csv. In JupyterLab
    they are drawn while they come in. Raises Refusal when the run has ended.
    """
    still_open(run)
    watched = float(run.parameters.get("sample_seconds", 2) if seconds is None else seconds)
    if run.parameters.get("light"):
        watched = 0.0
    rows: list[tuple[float | None, ...]] = []
    with live(run, lambda: _frame(rows), watched):
        end = time.monotonic() + watched
        while not rows or time.monotonic() < end:
            began = time.monotonic()
            rows.append(_once(run, now))
            time.sleep(max(0.0, min(INTERVAL, end - began) - (time.monotonic() - began)))
    lag = _frame(rows)
    path = run.folder / NAME
    lag.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.6f")
    worst = {f"worst_{unit}": _worst(lag, unit) for unit in ("bytes", "seconds")}
    run.journal.write("sampled", rows=len(lag), **worst, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return lag


def still_open(run: Run) -> None:
    """Raises Refusal when the run has ended: what is written into its record now would belie the journal."""
    if run.ended:
        raise Refusal("this run has ended", "run the first cell again: it begins a new run")


def _frame(rows: Sequence[tuple[float | None, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(float)


def _worst(lag: pd.DataFrame, unit: str) -> float | None:
    worst = lag[[f"primary_{unit}", f"standby_{unit}"]].max().max()
    return None if worst != worst else float(worst)  # not a number: nobody answered


def _once(run: Run, now: Snapshot) -> tuple[float | None, ...]:
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
