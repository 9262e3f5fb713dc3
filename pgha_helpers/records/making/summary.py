"""record.json: the journal's answers to who, when, why, what and how it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from ...model import DeedKind
from ...run.events import (
    CANARY_ENDED,
    CELL_BEGUN,
    CHAINED,
    DEED_BEGUN,
    DEED_ENDED,
    DEED_FAILED,
    ERROR,
    FENCED_BY,
    GATE_ANSWERED,
    GATE_PASSED,
    GATE_SHOWN,
    JUDGED,
    OUTAGE,
    OUTAGE_BEGINS,
    READY,
    RUN_BEGUN,
    RUN_ENDED,
    SAMPLED,
    SEEN,
    SIZED,
)
from ...run.journal import Event, Story
from .files import replace_file
from .outage import outage_of_change

SUMMARY = "record.json"
SUMMARY_FORMAT = 1
_BEGAN = (
    "run",
    "notebook",
    "pair",
    "operator",
    "typed",
    "from",
    "road",
    "reason",
    "ticket",
    "file",
)
_SPREADS = ("bytes", "seconds")
_CODE = ("version", "versions", "git", "source", "parameters", "continues")


def summarise(story: Story) -> dict[str, Any]:
    """The summary of a journal. Nothing in it is remembered from elsewhere."""
    began, seen = story.first(RUN_BEGUN), [e for e in story.events if e["event"] == SEEN]
    cells = [e for e in story.events if e["event"] == CELL_BEGUN]
    chained, seconds = story.first(CHAINED), None
    if story.events:
        seconds = _between(story.events[0]["at"], story.events[-1]["at"])
    return {
        "format": SUMMARY_FORMAT,
        **{key: began.get(key) for key in (*_BEGAN, *_CODE)},
        "began": began.get("at"),
        "ended": story.events[-1].get("at") if story.events else None,
        "seconds": seconds,
        "outcome": story.outcome,
        "changed": story.changed,
        "error": story.last(ERROR).get("error"),
        "system_id": chained.get("system_id") or _system_id(seen),
        "chain": {key: chained[key] for key in ("number", "previous")} if chained else None,
        "before": seen[0]["nodes"] if seen else None,
        "after": seen[-1]["nodes"] if seen else None,
        "settings": _settings(seen[-1]) if seen else {},
        **_judged(story),
        "gate": _gate(story),
        "deeds": [_deed(e) for e in story.events if e["event"] in (DEED_ENDED, DEED_FAILED)],
        "outage": (outage := _outage(story)),
        "outage_seconds": outage["seconds"] if outage else None,
        "failover_seconds": _failover(story),
        "outage_as_seen": _as_seen(story.last(CANARY_ENDED)),
        "lag": _measured(story.last(SAMPLED), ("rows", "worst_bytes", "worst_seconds", *_SPREADS)),
        "sizes": _measured(story.last(SIZED), ("node", "databases", "wal")),
        "fenced_by": story.last(FENCED_BY).get("words"),
        # of a failover: what may be lost, as the gate said
        "account": story.last(OUTAGE_BEGINS).get("told") or [],
        "cells": [{"cell": e.get("cell") or "a cell", "at": e["at"]} for e in cells],
        "edited": [e["cell"] or "a cell" for e in cells if not e["as_in_source"]],
        "clock_set_back": any(
            later["at"] < earlier["at"] for earlier, later in pairwise(story.events)
        ),
        "last": story.last(RUN_ENDED).get("words"),
        "brief": is_brief(story),
    }


def is_brief(story: Story) -> bool:
    """Whether it is a light verify from cron that was well: one of thousands, and all that it has
    seen and judged is in its journal.
    """
    began = story.first(RUN_BEGUN)
    light = (began.get("parameters") or {}).get("light") is True
    ours = (began.get("notebook"), began.get("road")) == ("verify", "pgha run")
    return light and ours and story.outcome == "done"


def write_summary(folder: Path, story: Story) -> dict[str, Any]:
    """Write record.json from the folder's journal, and give what it says.

    By temporary name and rename.
    """
    summary = summarise(story)
    form: dict[str, Any] = {"separators": (",", ":")} if summary["brief"] else {"indent": 2}
    written = json.dumps(summary, ensure_ascii=False, **form) + "\n"
    replace_file(folder / SUMMARY, written)
    told: dict[str, Any] = json.loads(written)
    return told


def _allowed(story: Story) -> dict[str, Any] | None:
    """What was judged last before the first change, of a run that has passed its gate."""
    first = DEED_BEGUN if story.first(DEED_BEGUN) else GATE_PASSED
    judged: Event | None = None
    for event in story.events:
        if event["event"] == first:
            return judged and {"at": judged["at"], "verdicts": judged.get("verdicts", [])}
        if event["event"] == JUDGED:
            judged = event
    return None


def _gate(story: Story) -> dict[str, Any]:
    right = next(
        (e for e in reversed(story.events) if e["event"] == GATE_ANSWERED and e.get("right")), {}
    )
    return {
        "wanted": story.last(GATE_SHOWN).get("wanted"),
        "passed": bool(story.first(GATE_PASSED)),
        "by": right.get("by"),
        "seconds": right.get("seconds"),
    }


def _judged(story: Story) -> dict[str, Any]:
    """What allowed the change, what was judged last, and whether the primary could be moved."""
    return {
        "allowed": _allowed(story),
        "verdicts": story.last(JUDGED).get("verdicts", []),
        "ready": _measured(story.last(READY), ("switchover", "failover")),
    }


def _measured(event: Event, keys: tuple[str, ...]) -> dict[str, Any] | None:
    return {key: event[key] for key in keys if key in event} or None


def _deed(event: Event) -> dict[str, Any]:
    keys = ("at", "node", "kind", "did", "changed", "began", "seconds", "error")
    return {key: event.get(key) for key in keys if key in event}


def _outage(story: Story) -> dict[str, Any] | None:
    """From the request to stop the old primary until clients had one again.

    In whichever runs, as it was told then. A run that died tells what its own journal knows: what
    came before it, and after it, the next one tells.
    """
    if told := story.last(OUTAGE):
        return {key: told[key] for key in told if key not in ("n", "at", "event", "prev")}
    began = story.first(RUN_BEGUN)
    found = outage_of_change(story.events, ()) if story.first(GATE_PASSED) else None
    if found is None or (found.earliest is None and began.get("notebook") != "promote"):
        return None
    return {**replace(found, runs=(str(began.get("run")),)).facts, "words": str(found)}


def _failover(story: Story) -> float | None:
    """Seconds from the first gate that a failover passed until the promoted node was writable.

    None where the wall clock, which a gate is told by, was set back between them.
    """
    gate, writable = story.first(GATE_PASSED), _writable(story)
    if not (gate and writable and story.first(OUTAGE_BEGINS).get("told")):
        return None
    took = round(writable - datetime.fromisoformat(gate["at"]).timestamp(), 4)
    return took if took >= 0 else None


def _writable(story: Story) -> float | None:
    """When the promotion ended, in seconds since the epoch."""
    promoted = [e for e in story.events if e["event"] == DEED_ENDED and _promotes(e)]
    if not promoted:
        return None
    last = promoted[-1]
    return float(last["began"] + last["seconds"])


def _promotes(deed: Event) -> bool:
    return bool(deed.get("kind") == DeedKind.PROMOTE and deed.get("changed"))


def _as_seen(told: Event) -> dict[str, Any] | None:
    """The longest time without a commit that the canary saw, its attempts, and its rows.

    Of the rows it tells which are where.
    """
    if not told.get("outage"):
        return None
    keys = ("attempts", "acknowledged", "refused", "unanswered", "median", "p99", "rows", "lost")
    return {**told["outage"], **{key: told.get(key) for key in keys}}


def _system_id(seen: list[Event]) -> str | None:
    """The one system identifier of both nodes, as far as it was seen; None where there were two."""
    if not seen:
        return None
    found = set()
    for facts in seen[-1]["facts"]:
        found.add(facts.get("system_id") or _control(facts).get("system_id"))
    found -= {None, ""}
    return found.pop() if len(found) == 1 else None


def _control(facts: dict[str, Any]) -> dict[str, Any]:
    return (facts.get("disk") or {}).get("control") or {}


def _settings(seen: Event) -> dict[str, Any]:
    told = [facts for facts in seen["facts"] if facts.get("settings")]
    return {facts["node"]: facts["settings"] for facts in told}


def _between(first: str, last: str) -> float:
    passed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return round(passed.total_seconds(), 3)
