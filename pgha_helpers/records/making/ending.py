"""What a run ends with: what a person wants to know first, in a few lines.

The first line would do as a text message: which pair, what is wrong or reached, what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...judgement.checks.streaming import sender_for
from ...model import SetAside, Snapshot, Verdicts
from ...model.errors import NotSeen
from ...model.show import size, span
from ...run.events import PLANNED, THROUGHPUT
from ...run.journal import Event

#: Lines of a screen that reasons may take: a mail of cron's is read on one of 24.
REASONS = 15


def well(told: Mapping[str, Any], verdicts: Verdicts, now: Snapshot | None) -> str:
    """The line of a run that came to a good end: a verify found the pair well, a change is done."""
    word = "well" if told.get("notebook") == "verify" else "done"
    return f"{told.get('pair')}: {word}: {roles(told)}{_lag(now)}; {verdicts.count_of_yes}."


def bad(pair: str, verdicts: Verdicts, last_well: str, now: str) -> Iterator[str]:
    """The lines of a run that found something: the first is the worst, with what to do about it.

    `last_well` is when an earlier verify found the pair well (ISO 8601), or empty; `now` says what
    the nodes are.
    """
    first, rest = verdicts.reasons[0], verdicts.reasons[1:]
    since = f" (last well {last_well[:10]} {last_well[11:16]}Z)" if last_well else ""
    yield f"{pair}: {verdicts.worst}{since}: {first.sentence}"
    yield verdicts.told(rest, REASONS)
    if now:
        yield f"Now {now}."


def last_seen(told: Mapping[str, Any]) -> Iterator[str]:
    """How things stand after a change that did not reach its aim: what was seen last."""
    if last := roles(told):
        yield f"Last seen: {last}."
    yield from what_clients_saw(told)


def roles(told: Mapping[str, Any], when: str = "after") -> str:
    """What the nodes are, by a record's summary; empty where none was seen to be up.

    >>> roles({"after": {"db0": {"role": "standby"}, "db1": {"role": "primary"}}})
    'db1 is primary, db0 is its standby'
    >>> roles({"after": {"db0": {"role": "primary"}, "db1": {"role": "stopped"}}})
    'db0 is primary, db1: stopped'
    """
    found = {name: str(seen.get("role")) for name, seen in (told.get(when) or {}).items()}
    if not {"primary", "standby"} & set(found.values()):
        return ""
    names = sorted(found, key=lambda name: found[name] != "primary")
    each = []
    for name in names:
        of_another = found[name] == "standby" and "primary" in found.values()
        word = "is its standby" if of_another else f": {found[name]}"
        word = "is primary" if found[name] == "primary" else word
        each.append(f"{name} {word}".replace(" :", ":"))
    return ", ".join(each)


def _lag(now: Snapshot | None) -> str:
    """How far behind the standby is, where that was seen."""
    if now is None:
        return ""
    try:
        sender = sender_for(now.primary, now.standby.node)
        lag = f", {size(now.lag())}"
    except (NotSeen, ValueError):
        return ""
    if sender and sender.replay_lag is not None:
        lag += f" and {span(sender.replay_lag)}"
    return f"{lag} behind"


def what_clients_saw(told: Mapping[str, Any]) -> Iterator[str]:
    """How long clients were without a primary, as a client saw it where one looked; and its rows.

    >>> print(*what_clients_saw({"outage_as_seen": {"seconds": 0.0721, "acknowledged": 81,
    ... "rows": {"db1": "all 81"}, "lost": {}}}), sep=" ")
    Clients waited 72 ms for a commit. Acknowledged rows: 81; on db1 all 81; none is lost.
    """
    from ..reading.outages import length, measured_outage

    seconds, by = measured_outage(told)
    if seconds is not None and by == "canary":
        yield f"Clients waited {length(told)} for a commit."
    elif seconds is not None:
        yield f"Clients had no primary for {length(told)}, as this machine measured it."
    if seen := told.get("outage_as_seen"):
        rows = (f"on {name} {words}" for name, words in (seen.get("rows") or {}).items())
        lost = seen.get("lost") or {}
        many = sum(len(numbers) for numbers in lost.values())
        end = f"{many} ARE LOST" if many else "none is lost"
        yield ("; ".join([f"Acknowledged rows: {seen.get('acknowledged')}", *rows, end]) + ".")


def could_be_moved(told: Mapping[str, Any]) -> Iterator[str]:
    """The two verdicts with which a verify ends; with their cost where all else is well, because a
    screen is small.
    """
    from ..reading.ready import could_we

    answers = []
    for change, answer, cost in could_we(told):
        name = f"{change[0].upper()}{change[1:]}"
        if told.get("outcome") == "done":
            yield from (f"{name}: {answer}", *(f"    {words}" for words in cost))
        else:
            answers.append(f"{name}: {answer.partition(':')[0]}.")
    if answers:
        yield " ".join(answers)


def copied(events: Sequence[Event]) -> Iterator[str]:
    """By which method a node was made anew, and how much that has moved; nothing where none was."""
    plans = [event["plan"] for event in events if event["event"] == PLANNED]
    if not plans:
        return
    moved = sum(event["bytes"] for event in events if event["event"] == THROUGHPUT)
    seconds = sum(event["seconds"] for event in events if event["event"] == THROUGHPUT)
    much = f"{size(moved)} copied in {span(seconds)}" if moved else "nothing was copied"
    yield f"Method: {plans[-1]['kind']}; {much}."


def kept(found: Sequence[SetAside], run_id: str) -> Iterator[str]:
    """What this run has renamed aside, and how it is removed."""
    ours = [one for one in found if one.run == run_id]
    for one in ours:
        yield f"Kept on {one.node}: {one.path} ({one.holds})"
    if ours:
        yield "  When nothing in it is missed, verify shows the line that removes it."
