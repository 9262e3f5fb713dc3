"""The figures of each run of a pair: what it measured, how long it took, how much there was.

Read from record.json, once for each sealed record; see `index`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...judgement.checks.readiness import CHANGES
from ...model.foreign import ODD
from ...run.events import SAMPLED
from ...run.journal import JOURNAL, read
from ..making.folder import record_name_of
from ..making.summary import SUMMARY, summarise
from .index import Index, Stamp, stamp_of
from .outages import measured_outage, was_over
from .words import JsonObject, finite, listed, pairs_of, seconds_of

_NEW = 20  # records that are read anew each time rather than written into the index
_FIRST = 20  # of the newest promotions: they are always read

_Unread = tuple[str, Stamp | None]


class Figures(NamedTuple):
    """One run. Spans are seconds and sizes bytes; None is what its record does not tell.

    `outage_by` says who measured the outage: the canary, or the runbook. Of the lag each sample
    counts as the worse of both nodes' views. `not_ok` counts checks, sizes are the primary's, but
    for `record_bytes`.
    """

    began: str
    run: str
    notebook: str
    pair: str
    outcome: str
    occasion: str | None = None
    light: bool | None = None
    changed: bool | None = None
    operator: str | None = None
    ticket: str | None = None
    reason: str | None = None
    seconds: float | None = None
    outage_seconds: float | None = None
    outage_by: str | None = None
    failover_seconds: float | None = None
    lag_samples: int | None = None
    lag_bytes_p50: float | None = None
    lag_bytes_p95: float | None = None
    lag_bytes_p99: float | None = None
    lag_bytes_max: float | None = None
    lag_seconds_p50: float | None = None
    lag_seconds_p95: float | None = None
    lag_seconds_p99: float | None = None
    lag_seconds_max: float | None = None
    checks: int | None = None
    not_ok: int | None = None
    switchover_ready: str | None = None
    failover_ready: str | None = None
    databases_bytes: float | None = None
    wal_bytes: float | None = None
    record_bytes: int | None = None

    @property
    def ended(self) -> bool:
        """Whether it came to an end of its own, so that it tells how long such a run takes."""
        return self.outcome in ("done", "already so", "rehearsed", "warning", "critical", "unknown")


def figures_of(records: Path, pair: str, most: int = 0) -> list[Figures]:
    """Every run of a pair in this folder, the newest first; of those that were never read at most
    so many, evenly spread (0: all). Raises nothing: what cannot be read tells nothing.
    """
    try:
        names = sorted(_names(records, pair), reverse=True)
    except OSError:
        return []
    index, found = Index(records, f"\0{pair}", _NEW), dict[str, Figures]()
    unread = list[_Unread]()
    for name in names:
        stamp = stamp_of(f"{records}/{name}")
        told = index.known(name, stamp) if stamp else None
        if told and (known := _again(told)):
            found[name] = known
        else:
            unread.append((name, stamp))
    for name, stamp in _chosen(unread, most):
        with contextlib.suppress(OSError, *ODD):
            found[name] = _read(records / name)
            if stamp:
                values = found[name]._asdict().items()
                index.keep(name, stamp, {k: v for k, v in values if v is not None})
    index.save()
    return [found[name] for name in names if name in found]


def _names(records: Path, pair: str) -> Iterator[str]:
    """The record folders of a pair by their names alone."""
    ours = re.compile(rf"\d{{8}}T\d{{6}}Z-{re.escape(pair)}-[a-z]+-[0-9a-f]{{8}}")
    return (name for name in os.listdir(records) if ours.fullmatch(name))  # noqa: PTH208


def _again(told: JsonObject) -> Figures | None:
    with contextlib.suppress(TypeError):  # another version's
        return Figures(**told)
    return None


def _chosen(unread: Sequence[_Unread], most: int) -> Iterable[_Unread]:
    """So many of them, evenly spread, the newest among them; and the newest promotions."""
    step = max(1, -(-len(unread) // most)) if most else 1
    promotions = [one for one in unread if "-promote-" in one[0]][:_FIRST]
    return dict([*unread[::step], *promotions]).items()


def _read(folder: Path) -> Figures:
    """Raises OSError, or whatever comes of a file that is odd."""
    try:
        told = json.loads((folder / SUMMARY).read_bytes())
    except FileNotFoundError:  # it goes on, or was killed
        told = summarise(read(folder))
    if "lag" not in told:  # of an older version, whose journal alone has it
        told["lag"] = _sampled(folder)
    if name := record_name_of(folder):  # whatever else is missing, its name tells
        told |= {"run": name.run, "notebook": name.notebook, "pair": name.pair}
        told["began"] = told.get("began") or f"{name.began:%Y-%m-%dT%H:%M:%SZ}"
    with os.scandir(folder) as files:
        return figures(told, sum(file.stat().st_size for file in files if file.is_file()))


def _sampled(folder: Path) -> JsonObject:
    """The worst lag that a run saw: only the line that tells it is read of a journal."""
    wanted = f'"event": {json.dumps(SAMPLED)}'.encode()
    lines = [line for line in (folder / JOURNAL).read_bytes().split(b"\n") if wanted in line]
    return pairs_of(json.loads(lines[-1])) if lines else {}


def figures(told: JsonObject, record_bytes: int | None = None) -> Figures:
    """Those of a record's summary."""
    seconds, by = measured_outage(told) if was_over(told) else (None, "")
    asked = pairs_of(told.get("parameters"))
    ready, sizes = pairs_of(told.get("ready")), pairs_of(told.get("sizes"))
    verdicts = listed(told.get("verdicts"))
    texts: dict[str, Any] = {key: str(told.get(key) or "") for key in Figures._fields[:5]}
    texts |= {key: _text(told.get(key)) for key in ("operator", "ticket", "reason")}
    texts |= {f"{key}_ready": _text(pairs_of(ready.get(key)).get("answer")) for key in CHANGES}
    return Figures(
        **texts,
        occasion=_text(asked.get("occasion")),
        light=_yes(asked.get("light")),
        changed=_yes(told.get("changed")),
        seconds=seconds_of(told),
        outage_seconds=seconds,
        outage_by=by or None,
        failover_seconds=finite(told.get("failover_seconds")),
        **_lag(pairs_of(told.get("lag"))),
        checks=len(verdicts) or None,
        not_ok=sum(one.get("level") != "ok" for one in verdicts) if verdicts else None,
        databases_bytes=finite(sizes.get("databases")),
        wal_bytes=finite(sizes.get("wal")),
        record_bytes=record_bytes,
    )


def _lag(told: JsonObject) -> dict[str, Any]:
    """Where there was one sample, or an older version has told no more, all are the worst."""
    rows = finite(told.get("rows"))
    found: dict[str, Any] = {"lag_samples": None if rows is None else int(rows)}
    for unit in ("bytes", "seconds"):
        worst, spread = finite(told.get(f"worst_{unit}")), pairs_of(told.get(unit))
        found[f"lag_{unit}_max"] = worst
        for share in ("p50", "p95", "p99"):
            known = finite(spread.get("median" if share == "p50" else share))
            found[f"lag_{unit}_{share}"] = worst if rows == 1 else known
    return found


def _yes(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return str(value) if value else None
