"""An outage in words: what the canary saw of it where there was one, else what the runbook measured."""

from __future__ import annotations

from .words import Told, number, pairs_of, took


def outage_of(told: Told) -> tuple[float | None, str]:
    """The outage in seconds, and who measured it: the canary, or else the machine that ran the notebook.

    >>> outage_of({"outage_seconds": 0.1, "outage_as_seen": {"seconds": 0.12}}), outage_of({"outage_seconds": 0.1})
    ((0.12, 'canary'), (0.1, 'runbook'))
    """
    seen, measured = number(pairs_of(told.get("outage_as_seen")).get("seconds")), number(told.get("outage_seconds"))
    return (measured, "" if measured is None else "runbook") if seen is None else (seen, "canary")


def outage(told: Told) -> str:
    """The same as a person reads it; empty if there was none.

    >>> outage({"outage_seconds": 0.1}), outage({})
    ('100 ms (runbook)', '')
    """
    seconds, by = outage_of(told)
    return "" if seconds is None else f"{took(seconds)} ({by})"


def as_seen(told: Told) -> str:
    """What the canary saw, in a sentence; empty where there was none."""
    seen = pairs_of(told.get("outage_as_seen"))
    if number(seen.get("seconds")) is None:
        return ""
    began, ended = (str(seen.get(key))[11:] for key in ("began", "ended"))
    first = "" if seen.get("since_row") else ", when the canary began,"
    ends = f"from {began}{first} to {ended}" + ("" if seen.get("over") else ", when it was not over")
    failed = f"{seen.get('refused')} were refused and {seen.get('unanswered')} never answered"
    lost = "; ".join(f"LOST on {name}: {missing}" for name, missing in pairs_of(seen.get("lost")).items())
    commits = f"a commit took {took(seen.get('median'))} (median), {took(seen.get('p99'))} (99 of 100)"
    kept = ", ".join(f"{name}: {words}" for name, words in pairs_of(seen.get("rows")).items())
    return (
        f"{took(seen['seconds'])} without a commit, {ends}. Of {seen.get('attempts')} attempts, {failed}; "
        f"outside of it {commits}. Acknowledged rows that are there: {kept}.{f' {lost}' if lost else ''}"
    )
