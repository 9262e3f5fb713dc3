"""What was judged: what allowed a change, and what was found after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...model.show import MARKS
from .words import JsonObject, listed, minute, pairs_of

_MARKS = {level: mark.split()[0] for level, mark in MARKS.items()}


@dataclass(frozen=True)
class Judged:
    """A verdict as it is shown."""

    level: str
    mark: str
    title: str
    value: str
    limit: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Judgement:
    """Verdicts that were given together, under a title and a sentence."""

    title: str
    told: str
    verdicts: Sequence[Judged]


def judgements(told: JsonObject) -> Iterator[Judgement]:
    """What allowed the change, and then what was judged last, unless nothing was judged after it.

    Where there is only one of the two it needs no title.

    >>> yes, now = [{"title": "The primary feeds the standby", "level": "ok"}], "2026-11-22T03:12Z"
    >>> for one in judgements({"allowed": {"at": now, "verdicts": yes}, "verdicts": yes * 2}):
    ...     print(f"{one.title}: {one.told}")
    What allowed the change: 1 of 1 checks says yes, at 2026-11-22 03:12:00Z, before the first step.
    After the change: 2 of 2 checks say yes, when they were last asked.
    """
    allowed, last = pairs_of(told.get("allowed")), listed(told.get("verdicts"))
    before = listed(allowed.get("verdicts"))
    if before:
        when = f", at {minute(allowed.get('at'))}, before the first step"
        yield _judgement("What allowed the change", before, when)
    if last and last != before:
        title = "After the change" if before else ""
        yield _judgement(title, last, ", when they were last asked")


def _judgement(title: str, found: Sequence[Any], when: str) -> Judgement:
    verdicts = [_judged(verdict) for verdict in found]
    well = sum(verdict.level == "ok" for verdict in verdicts)
    say = "says" if well == 1 else "say"
    return Judgement(title, f"{well} of {len(verdicts)} checks {say} yes{when}.", verdicts)


def _judged(verdict: JsonObject) -> Judged:
    level = str(verdict.get("level"))
    known = level if level in _MARKS else "unknown"
    texts = (str(verdict.get(key) or "") for key in ("title", "value", "limit", "reason", "remedy"))
    return Judged(known, _MARKS[known], *texts)
