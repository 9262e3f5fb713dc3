"""An outage in words.

What the canary saw of it where there was one, else what the runbook measured.
"""

from __future__ import annotations

from .words import JsonObject, finite, pairs_of, took


def measured_outage(told: JsonObject) -> tuple[float | None, str]:
    """The outage in seconds, and who measured it.

    The canary, or else the machine that ran the notebook. A canary that had begun too late, or
    ended too early, is asked only where nobody knows of more.

    >>> (measured_outage({"outage_seconds": 0.1, "outage_as_seen": {"seconds": 0.12}}),
    ... measured_outage({"outage_seconds": 0.1}))
    ((0.12, 'canary'), (0.1, 'runbook'))
    >>> seen = {"seconds": 2.0, "since_row": False}
    >>> measured_outage({"outage_seconds": 44.0, "outage_as_seen": seen})
    (44.0, 'runbook')
    """
    seen = finite(pairs_of(told.get("outage_as_seen")).get("seconds"))
    measured = finite(told.get("outage_seconds"))
    if seen is None or (measured is not None and measured > seen and not _saw_both_ends(told)):
        return measured, "" if measured is None else "runbook"
    return seen, "canary"


def _saw_both_ends(told: JsonObject) -> bool:
    seen = pairs_of(told.get("outage_as_seen"))
    return bool(seen.get("since_row", True) and seen.get("over", True))


def _runs(told: JsonObject) -> list[str]:
    runs = pairs_of(told.get("outage")).get("runs")
    return [str(run) for run in runs] if isinstance(runs, list | tuple) else []


def was_over(told: JsonObject) -> bool:
    """Whether the run knows of the outage's end.

    One that was killed leaves that to the next one.
    """
    return pairs_of(told.get("outage")).get("over") is not False


def outage(told: JsonObject) -> str:
    """The same as a person reads it; empty if there was none.

    >>> outage({"outage_seconds": 0.1}), outage({})
    ('100 ms (runbook)', '')
    >>> outage({"outage_seconds": 44.0, "outage": {"at_least": True, "over": True,
    ... "runs": ["4f2c", "91ab"]}})
    'at least 44 s (runbook, 2 runs)'
    >>> outage({"outage_seconds": 0.0, "outage": {"since": "2026-11-22T03:12:44.123Z",
    ... "over": False}})
    'not over, since 03:12:44Z (runbook)'
    """
    seconds, by = measured_outage(told)
    if seconds is None:
        return ""
    several = by == "runbook" and was_over(told) and len(_runs(told)) > 1
    runs = f", {len(_runs(told))} runs" if several else ""
    return f"{length(told)} ({by}{runs})"


def length(told: JsonObject) -> str:
    """How long it was, or since when, without who measured it; empty if there was none."""
    seconds, by = measured_outage(told)
    if seconds is None:
        return ""
    if by == "canary":
        least = "" if _saw_both_ends(told) else "at least "
        return f"{least}{took(seconds)}"
    whole = pairs_of(told.get("outage"))
    if not was_over(told):
        return f"not over, since {_clock(whole.get('since'))[:8]}Z"
    least = "at least " if whole.get("at_least") else ""
    return f"{least}{took(seconds)}"


def without_primary(told: JsonObject) -> str:
    """The outage that the runbook measured, in sentences; empty where there was none."""
    whole, seconds = pairs_of(told.get("outage")), finite(told.get("outage_seconds"))
    if seconds is None:
        return ""
    since, until = _clock(whole.get("since")), _clock(whole.get("until"))
    if not was_over(told):
        return (
            f"No primary from {since} on: it was not over when this run ended. The run that "
            "goes on tells all of it."
        )
    least = "at least " if whole.get("at_least") else ""
    most = finite(whole.get("at_most"))
    bounds = f", and at most {took(most)}" if most is not None else ""
    known = f"{bounds}: when it began or ended is not known more closely" if least else ""
    parts = f" Runs {' and '.join(_runs(told))} had a part in it." if len(_runs(told)) > 1 else ""
    ends = f", from {since} to {until}" if since and until else ""
    return f"{least}{took(seconds)} without a primary{ends}{known}.{parts}"


def _clock(text: object) -> str:
    """The time of a day, in UTC.

    >>> _clock("2026-11-22T03:12:44.123Z"), _clock(None)
    ('03:12:44.123Z', '')
    """
    return str(text)[11:] if text else ""


def as_seen(told: JsonObject) -> str:
    """What the canary saw, in a sentence; empty where there was none."""
    seen = pairs_of(told.get("outage_as_seen"))
    if finite(seen.get("seconds")) is None:
        return ""
    began, ended = (str(seen.get(key))[11:] for key in ("began", "ended"))
    first = "" if seen.get("since_row") else ", when the canary began,"
    last = "" if seen.get("over") else ", when it was not over"
    ends = f"from {began}{first} to {ended}{last}"
    was = "was" if seen.get("refused") == 1 else "were"
    failed = f"{seen.get('refused')} {was} refused and {seen.get('unanswered')} never answered"
    missing = pairs_of(seen.get("lost")).items()
    lost = "; ".join(f"LOST on {name}: {rows}" for name, rows in missing)
    if lost:
        lost = f" {lost}"
    commits = (
        f"a commit took {took(seen.get('median'))} (median), {took(seen.get('p99'))} (99 of 100)"
    )
    kept = ", ".join(f"{name}: {words}" for name, words in pairs_of(seen.get("rows")).items())
    least = "" if _saw_both_ends(told) else "at least "
    return (
        f"{least}{took(seen['seconds'])} without a commit, {ends}. Of {seen.get('attempts')} "
        f"attempts, {failed}; outside of it {commits}. Acknowledged rows that are there: "
        f"{kept}.{lost}"
    )
