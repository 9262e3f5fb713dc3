"""Records as a table for a terminal: what each journal says, and never more."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ...model.show import Table
from .entries import Entry
from .outages import outage
from .words import minute, plain

_HEAD = ("began", "run", "notebook", "outcome", "changed", "outage", "ticket", "reason")
_WIDTH = 72  # characters of a reason: more of it would break every line of the table


def listing(entries: Iterable[Entry]) -> Table:
    """A row per record, in the order given.

    A record that cannot be told says why where its reason would stand.
    """
    return Table(_HEAD, [_row(entry) for entry in entries])


def in_json(told: object) -> str:
    """For programs. What JSON has no form for is told as text."""
    return json.dumps(told, indent=2, ensure_ascii=False, default=str)


def _row(entry: Entry) -> tuple[str, ...]:
    told = entry.told
    changed = ""
    if "changed" in told:
        changed = {True: "yes", False: "no"}.get(bool(told.get("changed")), "")
    words = [told["run"], told["notebook"], told["outcome"], changed, outage(told)]
    reason = entry.why or told.get("reason")
    return (
        minute(told["began"]),
        *map(plain, words),
        plain(told.get("ticket"), 24),
        plain(reason, _WIDTH),
    )
