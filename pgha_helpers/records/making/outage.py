"""How long clients had no primary, as journals tell it.

This run's own, and those of runs that died before it. A run that is killed during the stop, and run
again, has one outage, and neither journal alone knows how long it was.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ...model import DeedKind, Mark, Outage, last_outage
from ...model.foreign import ODD
from ...run.events import (
    ABORT,
    CHAINED,
    DEED_BEGUN,
    DEED_ENDED,
    FENCED_BY,
    GATE_PASSED,
    OUTAGE,
    OUTAGE_BEGINS,
    OUTAGE_ENDED,
    OUTAGE_GOES_ON,
    RUN_ENDED,
    SEEN,
)
from ...run.journal import Event

Events = Sequence[Event]

#: What takes a primary from its clients.
_STOPS = (DeedKind.STOP_PRIMARY, DeedKind.STOP_TO_RESTART)


def outage_of_change(
    own: Events, older: Iterable[Events], here: Collection[str] = ()
) -> Outage | None:
    """The outage of this run's change, and the runs that had a part in it.

    `own` are the run's events, `older` those of the runs before it, the newest first; it asks for
    no more of them than it needs. `here` are the ids of all runs that this machine has records of.
    None where there was no outage, or where an earlier run has told of it.
    """
    read = [own]
    for story in older:
        if _is_enough(read):
            break
        if _is_legible(story):
            read.append(story)
    found = last_outage([*_marks_of_all(read), *_by_files(own)])
    elsewhere = _elsewhere(read, here)
    if found is None or (_was_over(found, own) and _was_told(found, read, elsewhere)):
        return None
    return replace(found, runs=_runs(found, read, elsewhere))


def _is_legible(story: Events) -> bool:
    """Whether a run's events are what this version writes.

    An odd record must not spoil the end of another change.
    """
    try:
        _ = [*marks_of(story)], _elsewhere([story], ())
        return bool(_at(story[0]) and _at(story[-1]))
    except ODD:
        return False


def _is_enough(read: Sequence[Events]) -> bool:
    """Whether older runs need not be asked.

    When it began is known, or nothing was left by the newest change. What the dates of files tell
    is asked of the runs first.
    """
    found = last_outage(_marks_of_all(read))
    if found is None or _was_over(found, read[0]):
        return any(_changes(events) for events in read[1:])
    return found.earliest is not None


def _marks_of_all(read: Sequence[Events]) -> list[Mark]:
    return [mark for events in reversed(read) for mark in marks_of(events)]


def _was_over(found: Outage, own: Events) -> bool:
    """Whether it had ended before this run began."""
    return found.latest is not None and found.latest < _at(own[0])


def _elsewhere(read: Sequence[Events], here: Collection[str]) -> list[Mapping[str, Any]]:
    """What nodes had noted of changes right before these, by runs without a record here."""
    events = [event for story in reversed(read) for event in story]
    found = []
    for event in events:
        told = event.get("previous") if event["event"] == CHAINED else None
        if isinstance(told, Mapping) and told.get("begun") and told["run"] not in here:
            found.append(told)
    return found


def _was_told(
    found: Outage, read: Sequence[Events], elsewhere: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether an earlier run has told of it.

    One of this machine, or one of another machine that came to its end.
    """
    events = (event for story in read[1:] for event in story)
    told = (event for event in events if event["event"] == OUTAGE)
    if any(_moment(event.get("until")) >= found.since for event in told):
        return True
    return any(_moment(there.get("ended")) >= (found.latest or 0.0) for there in elsewhere)


def _runs(
    found: Outage, read: Sequence[Events], elsewhere: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """The ids of the runs that had a part in it.

    They had passed their gate, and neither ended before it began nor began after it was over.
    """
    over = math.inf if found.latest is None else found.latest
    parts = [
        (_at(told[0]), _left(told, found), told[0].get("run")) for told in read if _changes(told)
    ]
    parts += [
        (_moment(told["begun"]), _left_there(told, found, read), told["run"]) for told in elsewhere
    ]
    return tuple(
        str(run) for first, last, run in sorted(parts) if last >= found.since and first <= over
    )


def _left_there(told: Mapping[str, Any], found: Outage, read: Sequence[Events]) -> float:
    """The same of a run on another machine.

    One that died had no part if somebody has seen a primary after it began. Unless that primary was
    armed later than that: then it was this run that did it.
    """
    if ended := _moment(told.get("ended")):
        return ended
    measured = last_outage(_marks_of_all(read))
    seen_after = (
        measured
        and measured.earliest == found.earliest
        and _moment(told["begun"]) <= (found.earliest or 0.0)
    )
    return 0.0 if seen_after else math.inf


def _left(events: Events, found: Outage) -> float:
    """When a run let go.

    One that died may have lived longer than it has told, if it told anything since it began.
    """
    last = _at(events[-1])
    died = events[-1]["event"] != RUN_ENDED
    if died and found.earliest is not None and last >= found.earliest:
        return math.inf
    return last


def _changes(events: Events) -> bool:
    return any(event["event"] == GATE_PASSED for event in events)


def marks_of(events: Events) -> Iterator[Mark]:
    """The signs that a run's events give, in order.

    Times of events are told to the millisecond, of deeds to less. Where commits wait for a
    synchronous standby, it is over only when that streams.
    """
    there, at, waits, opened = None, 0.0, False, ""
    for event in events:
        if event["event"] == ABORT:
            opened = str(event.get("old"))
        if event["event"] in (OUTAGE_BEGINS, OUTAGE_GOES_ON):
            waits = bool(event.get("synchronous"))
        for mark in _marks(event, there, waits, opened):
            there, at = mark.after, max(at, mark.at)
            yield replace(mark, at=at)
        waits = waits and event["event"] != OUTAGE_ENDED


def _marks(event: Event, there: bool | None, waits: bool, opened: str) -> Iterator[Mark]:
    name = event["event"]
    if name == DEED_BEGUN and event.get("kind") in _STOPS:
        yield Mark(_at(event), True, False)
    elif name == DEED_ENDED and event.get("changed"):
        yield from _done(event, waits, opened)
    elif name == FENCED_BY:
        yield Mark(_at(event), False, False)
    elif name == OUTAGE_ENDED:
        yield Mark(_at(event), bool(there), True)
    elif name == SEEN and not (waits and there is False):
        yield from _seen(event)


def _done(event: Event, waits: bool, opened: str) -> Iterator[Mark]:
    """What a deed tells that has changed something."""
    kind, began = event.get("kind"), float(event["began"])
    ended = began + float(event["seconds"])
    if kind == DeedKind.STOP_PRIMARY:
        yield Mark(began, True, False)
    elif kind == DeedKind.PROMOTE:
        yield Mark(ended, False, not waits)
    elif kind == DeedKind.START and event["node"] == opened:
        yield Mark(ended, False, True)


def _seen(event: Event) -> Iterator[Mark]:
    """What a look tells: somebody takes writes; or certainly neither node does."""
    facts = _facts(event)
    writable = [
        fact for fact in facts if fact.get("is") == "Running" and not fact.get("in_recovery")
    ]
    closed = all(fact.get("is") in ("Running", "Stopped", "Blank") for fact in facts)
    if facts and (writable or closed):
        yield Mark(_at(event), bool(writable), bool(writable))


def _facts(event: Event) -> list[Mapping[str, Any]]:
    return [fact for fact in event.get("facts") or () if isinstance(fact, Mapping)]


def _by_files(own: Events) -> Iterator[Mark]:
    """What the first look tells by the files of both nodes.

    That is, of a primary that was shut down, and of the node that took its place. It was armed
    while it took writes, and its control file was written last when it had shut down. One that is
    not armed may have been opened and shut down again by somebody.
    """
    first = next((event for event in own if event["event"] == SEEN), {})
    facts = _facts(first)
    old = next((fact for fact in facts if _shut_down(fact)), None)
    new = next((fact for fact in facts if fact.get("is") == "Running"), None)
    if old is None or new is None:
        return
    armed, ended, promoted = _date(old, "armed"), _date(old, "written"), _date(new, "forked")
    writable = not new.get("in_recovery")
    if writable:
        follows = promoted > ended
    else:
        follows = new["timeline"] == old["disk"]["control"]["checkpoint"]["timeline"]
    if not (ended and follows):
        return
    was_armed = 0 < armed <= ended
    if was_armed:
        yield Mark(armed, True, True, dated=True)
    yield Mark(ended, False if was_armed else None, False, dated=True)
    if writable:
        yield Mark(promoted, False, True, dated=True)


def _shut_down(fact: Mapping[str, Any]) -> bool:
    """Whether this node was shut down while it was a primary."""
    control = (fact.get("disk") or {}).get("control") or {}
    return fact.get("is") == "Stopped" and control.get("state") == "shut down"


def _date(fact: Mapping[str, Any], which: str) -> float:
    """One of the dates of a node's files, by this machine's clock; 0 where it is not told."""
    disk = fact.get("disk") or {}
    date = float(disk.get(which) or 0.0)
    if not date:
        return 0.0
    return date - float(disk.get("clock_skew") or 0.0)


def _at(event: Event) -> float:
    return _moment(event["at"])


def _moment(text: Any) -> float:
    """Seconds since the epoch; 0 for what is no time."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
