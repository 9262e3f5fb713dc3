"""What was judged: what allowed a change, and what was found after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...model import Verdict
from ...model.show import MARKS
from ...model.verdicts import Reason, verdicts_of
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
    """Verdicts that were given together, under a title and a sentence: why not, each cause once,
    and then each yes. `unasked` are the titles of what could not be asked.
    """

    title: str
    told: str
    verdicts: Sequence[Judged]
    unasked: Sequence[str]


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
    judged = verdicts_of(found)
    rows = [*map(_reason, judged.reasons), *(_yes(v) for v in judged if v.level == "ok")]
    unasked = [verdict.title for verdict in judged.unasked]
    return Judgement(title, f"{judged.count_of_yes}{when}.", rows, unasked)


def _reason(reason: Reason) -> Judged:
    what = reason.what if reason.title else ""
    title, mark = reason.title or reason.what, _MARKS[reason.level]
    return Judged(
        reason.level, mark, title, reason.value, reason.limit, what, reason.remedy.rstrip(".")
    )


def _yes(verdict: Verdict) -> Judged:
    return Judged("ok", _MARKS["ok"], verdict.title, verdict.value, verdict.limit, "", "")
