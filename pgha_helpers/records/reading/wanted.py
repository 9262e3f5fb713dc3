"""Which records somebody wants to see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ...model.errors import BadParameters
from .words import moment

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z")


@dataclass(frozen=True)
class Wanted:
    """Which records are wanted; an empty field wants all.

    Raises BadParameters for a date that cannot be meant. `since` and `until` are days or moments in
    UTC, both included.
    """

    pair: str = ""
    notebook: str = ""
    outcome: str = ""
    ticket: str = ""
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        first, last = self._between()
        if first and last and first > last:
            raise BadParameters(
                f"since {self.since} is later than until {self.until}", "exchange them"
            )

    def _between(self) -> tuple[datetime | None, datetime | None]:
        return _moment("since", self.since), _moment("until", self.until)

    def wants(self, told: Mapping[str, Any]) -> bool:
        """Whether this record is one of them."""
        for key in ("pair", "notebook", "outcome", "ticket"):
            asked = getattr(self, key).strip()
            if asked and asked.casefold() != str(told.get(key) or "").strip().casefold():
                return False
        first, last = self._between()
        began = moment(told["began"])
        if began is None:  # nobody knows when it was, so no day is its day
            return first is None and last is None
        return (first is None or began >= first) and (last is None or began <= last)


def _moment(key: str, text: str) -> datetime | None:
    """A day or a moment in UTC; the end of a day where it closes a span. Raises BadParameters."""
    asked = text.strip()
    try:
        if _DAY.fullmatch(asked):
            day = datetime.fromisoformat(asked).replace(tzinfo=UTC)
            return day + timedelta(days=1, microseconds=-1) if key == "until" else day
        if _UTC.fullmatch(asked):
            return datetime.fromisoformat(asked)
    except ValueError:  # the 30th of February
        pass
    if asked:
        raise BadParameters(
            f"{key}: {text!r} is no date", "write 2026-11-22, or 2026-11-22T19:46:31Z for a moment"
        )
    return None


ALL = Wanted()
