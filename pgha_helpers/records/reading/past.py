"""How long a pair's earlier changes took, and how far behind its standby was of late.

Read in milliseconds, however many records there are: of the promotions the newest, of the runs that
watched the lag a sample that is spread evenly over the days.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...model import Past, Spread
from ...model.foreign import ODD
from ...run.events import SAMPLED
from ...run.journal import JOURNAL
from ..making.folder import RECORD_STAMP
from ..making.summary import SUMMARY
from .outages import measured_outage, was_over
from .words import JsonObject, finite, pairs_of

_CHANGES = 20  # of the newest promotions
_LOOKS = 200  # of the runs that watched the lag
_DAYS = 30


def past_of(records: Path, pair: str) -> Past:
    """What this folder of records tells of a pair. Raises nothing: what cannot be read tells
    nothing.
    """
    try:
        names = sorted((path.name for path in records.iterdir()), reverse=True)
    except OSError:
        return Past(days=_DAYS)
    promotions = [_summary(records / name) for name in _of(names, pair, "promote")[:_CHANGES]]
    done = [told for told in promotions if told.get("outcome") == "done" and was_over(told)]
    since = datetime.fromtimestamp(time.time() - _DAYS * 86400, UTC).strftime(RECORD_STAMP)
    watched = [name for name in _of(names, pair, "verify", "promote") if name >= since]
    lags = list(_lags(records, _spread(watched)))
    return Past(
        Spread.of(_switchovers(done)),
        Spread.of(_failovers(done)),
        Spread.of(size for size, _ in lags if size is not None),
        Spread.of(seconds for _, seconds in lags if seconds is not None),
        _DAYS,
    )


def _of(names: Sequence[str], pair: str, *notebooks: str) -> list[str]:
    """The record folders of a pair by their names alone: to ask the disk of each takes a second for
    10,000 of them.
    """
    wanted = "|".join(map(re.escape, notebooks))
    ours = re.compile(rf"\d{{8}}T\d{{6}}Z-{re.escape(pair)}-(?:{wanted})-[0-9a-f]{{8}}")
    return [name for name in names if ours.fullmatch(name)]


def _spread(names: Sequence[str]) -> list[str]:
    """So many of them, evenly spread, the newest among them."""
    step = max(1, -(-len(names) // _LOOKS))
    return list(names[::step])


def _summary(folder: Path) -> JsonObject:
    with contextlib.suppress(OSError, *ODD):
        told = json.loads((folder / SUMMARY).read_bytes())
        return told if isinstance(told, dict) else {}
    return {}


def _switchovers(promotions: Sequence[JsonObject]) -> Iterator[float]:
    for told in promotions:
        seconds, _ = measured_outage(told)
        if pairs_of(told.get("parameters")).get("occasion") == "switchover" and seconds:
            yield seconds


def _failovers(promotions: Sequence[JsonObject]) -> Iterator[float]:
    for told in promotions:
        seconds = finite(told.get("failover_seconds"))
        if seconds is not None:
            yield seconds


def _lags(records: Path, names: Sequence[str]) -> Iterator[tuple[float | None, float | None]]:
    """The worst lag that each of these runs saw, in bytes and seconds. Only the line that tells it
    is read of a journal.
    """
    wanted = f'"event": {json.dumps(SAMPLED)}'.encode()
    for name in names:
        with contextlib.suppress(OSError, *ODD):
            text = (records / name / JOURNAL).read_bytes()
            lines = [line for line in text.split(b"\n") if wanted in line] if wanted in text else []
            for event in map(json.loads, lines[-1:]):
                if event.get("event") == SAMPLED:
                    yield finite(event.get("worst_bytes")), finite(event.get("worst_seconds"))
