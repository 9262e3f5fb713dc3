"""Where a node was when a run saw it last, by this machine's records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..journal import read
from ..model import Lsn, Position
from ..plans.account import Known
from .folder import named, record_folders

_MANY = 50  # records of the pair, the newest: a verify a day for seven weeks


def last_known(records: Path, pair: str, node: str, system_id: str) -> Known | None:
    """The newest position at which a run of this pair saw the node as primary of this system, or None."""
    ours = [folder for folder in record_folders(records) if (name := named(folder)) and name.pair == pair]
    for folder in ours[:_MANY]:
        try:
            events = read(folder).events
        except OSError:
            continue
        for event in reversed(events):
            if event["event"] == "seen" and (at := _position(event.get("facts"), node, system_id)):
                return Known(at, str(event.get("at", "")), folder.name.rsplit("-", 1)[-1])
    return None


def _position(facts: Any, node: str, system_id: str) -> Position | None:
    """What one look saw; None where it is not told, or in another form than this version writes."""
    for fact in facts if isinstance(facts, list) else ():
        wanted = {"is": "Running", "in_recovery": False, "node": node, "system_id": system_id}
        if isinstance(fact, Mapping) and wanted.items() <= fact.items():
            try:
                return Position(int(fact["timeline"]), Lsn(fact["written"]))
            except (LookupError, TypeError, ValueError):
                return None
    return None
