"""What a canary tells of what it saw: a table for a person, an account for the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model.show import span, utc
from .attempts import Attempts, Gap


def canary_lines(seen: Attempts) -> list[tuple[str, str]]:
    """The outage as this client saw it, and what came of its attempts: what, and in words."""
    gap = seen.gap
    longest = ""
    if gap is not None:
        longest = f"{span(gap.seconds)}, {_when(gap)}"
    failed = f"{seen.count('refused')} refused, {seen.count('unanswered')} never answered"
    attempts = f"{len(seen.attempts)}: {seen.count('ok')} acknowledged, {failed}"
    return [
        ("longest time without a commit", longest),
        ("attempts", attempts),
        ("a commit took, outside of it", _latency(seen)),
    ]


def account_of(seen: Attempts) -> Mapping[str, Any]:
    """What a canary saw, for the journal.

    Counts, the outage with its ends in UTC, and latencies, in seconds.
    """
    gap = seen.gap
    return {
        "attempts": len(seen.attempts),
        "acknowledged": seen.count("ok"),
        "refused": seen.count("refused"),
        "unanswered": seen.count("unanswered"),
        "outage": _outage(gap) if gap else None,
        "median": seen.latency(0.5),
        "p99": seen.latency(0.99),
        "said": dict(seen.said),
        "because": seen.ended,
    }


def _outage(gap: Gap) -> dict[str, Any]:
    return {
        "seconds": round(gap.seconds, 4),
        "began": utc(gap.began),
        "ended": utc(gap.ended),
        "over": gap.over,
        "since_row": gap.since_row,
    }


def _when(gap: Gap) -> str:
    first = "" if gap.since_row else ", when the canary began,"
    last = "" if gap.over else ", when it ended: not over"
    return f"from {utc(gap.began)}{first} to {utc(gap.ended)}{last}"


def _latency(seen: Attempts) -> str:
    half, most = seen.latency(0.5), seen.latency(0.99)
    if half is None or most is None:
        return ""
    return f"{half * 1000:.1f} ms (median), {most * 1000:.1f} ms (99 of 100)"
