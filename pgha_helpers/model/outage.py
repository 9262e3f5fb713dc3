"""The time without a primary. It belongs to a change, and a change may have taken several runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .show import span, utc


@dataclass(frozen=True)
class Mark:
    """A moment (seconds since the epoch) of which a sign tells whether clients had a primary
    `before` and `after` it.

    None where the sign shows that nobody can know. One that is `dated` was read from a file's date
    on a node.
    """

    at: float
    before: bool | None
    after: bool | None
    dated: bool = False


@dataclass(frozen=True)
class Outage:
    """The last time without a primary that some marks tell of, as closely as they do.

    There surely was none from `since` to `until`; it began after `earliest`, and was over by
    `latest`. `earliest` is None where nothing tells, `latest` also where it was not over. `runs`
    had a part in it, the oldest first.
    """

    earliest: float | None
    since: float
    until: float
    latest: float | None
    runs: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasted at least."""
        return self.until - self.since

    @property
    def at_most(self) -> float | None:
        """How long it lasted at most; None where nobody can tell."""
        if self.earliest is None or self.latest is None:
            return None
        return self.latest - self.earliest

    @property
    def facts(self) -> dict[str, object]:
        """For the journal. Where both bounds are the same, `at_most` is not told."""
        most = self.at_most
        known = most is not None and most - self.seconds < 0.001
        return {
            "since": utc(self.since),
            "until": utc(self.until),
            "seconds": round(self.seconds, 4),
            "at_least": not known,
            "at_most": None if known or most is None else round(most, 4),
            "over": self.latest is not None,
            "runs": self.runs,
        }

    def __str__(self) -> str:
        facts = self.facts
        least = "at least " if facts["at_least"] else ""
        most = "" if facts["at_most"] is None else f", at most {span(self.at_most or 0.0)}"
        runs = f", in runs {' and '.join(self.runs)}" if len(self.runs) > 1 else ""
        over = f"to {facts['until']}" if self.latest is not None else "on, and not over"
        return f"{least}{span(self.seconds)} (from {facts['since']} {over}{most}{runs})"


_CLOSE = 0.5  # seconds by which a date may be mistaken, although the clock it was read by is known


def _in_order(marks: Iterable[Mark]) -> list[Mark]:
    found = sorted(marks, key=lambda mark: mark.at)
    measured = [mark for mark in found if mark.before != mark.after and not mark.dated]
    return [mark for mark in found if not any(_is_mistaken(mark, change) for change in measured)]


def _is_mistaken(mark: Mark, change: Mark) -> bool:
    """Whether a date says otherwise than a change that a run has measured close to it, or the same
    once more.
    """
    if not mark.dated or abs(mark.at - change.at) > _CLOSE:
        return False
    if mark.before is not None and mark.before != mark.after:
        return (mark.before, mark.after) == (change.before, change.after)
    there = change.after if mark.at >= change.at else change.before
    return mark.after != there


def last_outage(marks: Iterable[Mark]) -> Outage | None:
    """The last time without a primary among these marks.

    >>> stop, promoted = Mark(10, True, False), Mark(14, False, True)
    >>> str(last_outage([stop, promoted]))
    '4 s (from 1970-01-01T00:00:10.000Z to 1970-01-01T00:00:14.000Z)'
    >>> str(last_outage([Mark(12, False, False), promoted]))
    'at least 2 s (from 1970-01-01T00:00:12.000Z to 1970-01-01T00:00:14.000Z)'
    """
    points = [(mark.at, there) for mark in _in_order(marks) for there in (mark.before, mark.after)]
    without = [number for number, (_, there) in enumerate(points) if there is False]
    if not without:
        return None
    first = last = without[-1]
    while first > 0 and points[first - 1][1] is False:
        first -= 1
    before = points[first - 1] if first > 0 else (0.0, None)
    after = points[last + 1] if last + 1 < len(points) else (0.0, None)
    earliest, latest = (at if there else None for at, there in (before, after))
    return Outage(earliest, points[first][0], points[last][0], latest)
