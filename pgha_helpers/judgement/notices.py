"""Whether something is news to those who are not here: a notice that nobody needs hides the next.

Only rules, over what records tell; what a notice says is put into words where records are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

#: Seconds: a cron job that runs once a day is not to the second.
A_DAY = 23 * 3600.0
#: How a verify ends that has judged: `done` is well.
VERDICTS = ("done", "warning", "critical", "unknown")
_ENDS = ("done", "refused", "failed", "abandoned", "interrupted")


class News(StrEnum):
    """Why a verdict is told."""

    BAD = "bad"  # the first that is known, or other or worse than the one before
    BETTER = "better"  # not yet well
    WELL = "well"
    STILL = "still"  # once a day


@dataclass(frozen=True)
class VerifyOutcome:
    """What a verify has found: when (seconds since the epoch), its outcome, one of VERDICTS, and
    the titles of the checks that were critical or unknown.
    """

    at: float
    outcome: str
    worst: frozenset[str] = frozenset()


def news_of_verdict(now: VerifyOutcome, earlier: Iterable[VerifyOutcome]) -> News | None:
    """Why this verdict is told, or None. `earlier` are those before it, the newest first.

    They are read no further than needed: of a pair that is well, one. Of the older ones only when,
    and how they ended, is asked.
    """
    older = iter(earlier)
    before = next(older, None)
    if before is None:
        return None if now.outcome == "done" else News.BAD
    if now.outcome != before.outcome:
        return _changed(now, before)
    if now.outcome == "done":
        return None
    if now.worst - before.worst:
        return News.BAD
    same = takewhile(lambda one: one.outcome == now.outcome, older)
    since = min((one.at for one in same), default=before.at)
    is_due = int((now.at - since) / A_DAY) > int((before.at - since) / A_DAY)
    return News.STILL if is_due else None


def _changed(now: VerifyOutcome, before: VerifyOutcome) -> News:
    if now.outcome == "done":
        return News.WELL
    return News.BETTER if now.outcome == "warning" and before.outcome != "done" else News.BAD


def change_is_news(outcome: str, changed: bool, *, by_hand: bool) -> bool:
    """Whether the end of a setup, a promotion or a rebuild is told.

    A rehearsal that went well is none, nor is one with nothing to do; nor, as long as nothing was
    changed, one that was left or interrupted `by_hand`, or asked for in words that are wrong:
    whoever did that knows.
    """
    if outcome not in _ENDS:
        return False
    return changed or not (by_hand or outcome == "abandoned")


def gate_is_news(waited: float, limit: float) -> bool:
    """Whether a gate has waited for too long, in seconds; a limit of 0 is none.

    >>> gate_is_news(601, 600), gate_is_news(601, 0)
    (True, False)
    """
    return 0 < limit < waited
