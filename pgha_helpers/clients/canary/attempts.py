"""What a canary saw: its attempts, the longest gap between its rows, and the latency outside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil
from typing import Any, NamedTuple

from ...model.foreign import ODD, text_of

AROUND = 5.0  # seconds around the longest gap of which every attempt is kept
COLUMNS = (
    "at",
    "until",
    "attempts",
    "acknowledged",
    "refused",
    "unanswered",
    "first_seq",
    "last_seq",
    "slowest_ms",
)
CODES = ("ok", "refused", "unanswered")


class Attempt(NamedTuple):
    """One attempt to commit a row.

    Times are seconds since the epoch; `seq` is 0 if nothing was sent. `code` is ok; refused, if the
    row was certainly not written; or unanswered, if nobody knows.
    """

    seq: int
    began: float
    sent: float
    done: float
    code: str

    @property
    def seconds(self) -> float:
        """How long the answer to the row took, the connection not included."""
        return self.done - self.sent


class Gap(NamedTuple):
    """A time without an acknowledged row.

    `over` is False if none came before the canary ended, and `since_row` if none came before the
    gap: then it may have begun before the canary did.
    """

    began: float
    ended: float
    over: bool = True
    since_row: bool = True

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began


@dataclass(frozen=True)
class Attempts:
    """Everything that a canary saw, in order.

    `said` counts what it was told instead of an acknowledgement.
    """

    attempts: tuple[Attempt, ...] = ()
    said: tuple[tuple[str, int], ...] = ()
    ended: str = ""

    def count(self, code: str) -> int:
        """How many attempts ended so."""
        return sum(attempt.code == code for attempt in self.attempts)

    @property
    def acknowledged(self) -> frozenset[int]:
        """The sequence numbers that must be there."""
        return frozenset(attempt.seq for attempt in self.attempts if attempt.code == "ok")

    @property
    def gap(self) -> Gap | None:
        """The longest time between two acknowledged rows.

        The first and the last attempt close it, too.
        """
        if not self.attempts:
            return None
        times = [attempt.done for attempt in self.attempts if attempt.code == "ok"]
        first, last = self.attempts[0].began, self.attempts[-1].done
        gaps = [Gap(*ends) for ends in pairwise(times)]
        if times:
            gaps.append(Gap(first, times[0], since_row=False))
        since = times[-1] if times else first
        over = self.attempts[-1].code == "ok"
        gaps.append(Gap(since, last, over, since_row=bool(times)))
        return max(gaps, key=lambda gap: gap.seconds)

    def latency(self, part: float) -> float | None:
        """Seconds in which that part of the rows was acknowledged: 0.5 for the median.

        Rows outside of the gap count: the one that ended it does not.
        """
        gap = self.gap
        if gap is None:
            return None
        outside = [each for each in self.attempts if each.code == "ok" and each.done != gap.ended]
        if not outside:
            return None
        taken = sorted(attempt.seconds for attempt in outside)
        return taken[max(0, ceil(part * len(taken)) - 1)]

    def around(self, before: float, after: float) -> tuple[Attempt, ...]:
        """The attempts that lie, even in part, within so many seconds of the gap."""
        gap = self.gap
        if gap is None:
            return ()
        first, last = gap.began - before, gap.ended + after
        return tuple(a for a in self.attempts if a.done >= first and a.began <= last)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """For the file, in order: a row per attempt around the gap, else one per second.

        See COLUMNS.
        """
        near = set(self.around(AROUND, AROUND))
        for _, group in groupby(self.attempts, lambda a: a if a in near else int(a.began)):
            yield _row(tuple(group))


def _row(group: Sequence[Attempt]) -> tuple[Any, ...]:
    codes = Counter(attempt.code for attempt in group)
    sent = [attempt.seq for attempt in group if attempt.seq]
    slowest = max((a.seconds for a in group if a.code == "ok"), default=None)
    return (
        f"{group[0].began:.6f}",
        f"{group[-1].done:.6f}",
        len(group),
        *(codes[code] for code in CODES),
        min(sent, default=""),
        max(sent, default=""),
        "" if slowest is None else f"{slowest * 1000:.3f}",
    )


def read_seen(lines: Iterable[bytes]) -> Attempts:
    """What the canary has told, a line of JSON per attempt.

    A last line that was cut off is left out.
    """
    attempts, said, ended, other = [], Counter[str](), "", b""
    for line in lines:
        try:
            told = json.loads(line)
            if "ended" in told:
                ended = str(told["ended"])
                continue
            words = str(told.pop("said"))
            attempts.append(Attempt(**told))
        except ODD:  # a traceback, or half a line
            other = line
            continue
        if words:
            said[words] += 1
    ended = ended or f"its process had gone: {text_of(other).strip()}".rstrip(": ")
    return Attempts(tuple(attempts), tuple(said.most_common(5)), ended)


def spans_of(numbers: Iterable[int]) -> str:
    """Sequence numbers as a person reads them.

    >>> spans_of([3, 1, 2, 7])
    '1 to 3, 7'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in found)
