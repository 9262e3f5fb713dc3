"""What the cells of a run have said and done by its journal, for those whose page lost it.

A page that is reloaded, or closed, hears nothing more of the cells that it had begun; the kernel
works on, and the journal has what they did.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...run.events import (
    ABORT,
    CELL_BEGUN,
    DEED_ENDED,
    DEED_FAILED,
    DRAWN,
    ERROR,
    FENCED_BY,
    GATE_ANSWERED,
    GATE_PASSED,
    GATE_SHOWN,
    JUDGED,
    NOT_WRITTEN,
    OUTAGE,
    PLANNED,
    READY,
    RUN_BEGUN,
    RUN_ENDED,
    SAMPLED,
    SEEN,
    SIZED,
)
from ...run.finding import find_notebook
from ...run.journal import Event, Story
from ...run.redaction import Redactor
from ..reading import notebooks
from ..reading.ready import could_we
from ..reading.words import listed, pairs_of
from .files import copy_notebook, replace_file
from .folder import id_of

_BY_HAND = ("pgha open", "jupyter")
LOST = "The page lost this cell's output; the journal has:"
UNHEARD = "The page did not hear the end of this cell; the journal has:"
_WAITS = (
    "The gate waits for an answer, and nothing is changed before. Only the page that began it has "
    "the box to type into: if that is gone, choose Kernel > Interrupt Kernel, then Run > Run All "
    "Cells."
)
_GOES_ON = "It is still at work. Reload this page to see more."


@dataclass
class CellTold:
    """A cell as the journal tells it: its id, when it was begun, and its events.

    `cell` is empty for that of `begin`, which began the journal. `open` tells that it is at work.
    """

    cell: str
    at: str
    events: list[Event] = field(default_factory=list)
    open: bool = False

    @property
    def lines(self) -> list[str]:
        """What it did, in sentences."""
        return [line for event in self.events for line in _told(event)]

    def words(self, heard: bool) -> str:
        """What is put in place of what was lost: all of its output, or what came after some."""
        intro = UNHEARD if heard else LOST
        lines = [f"{intro} begun at {self.at}", *(f"  {line}" for line in self.lines)]
        if self.open:
            waits = self.events and self.events[-1]["event"] == GATE_SHOWN
            lines.append(_WAITS if waits else _GOES_ON)
        return "\n".join(lines)


def cells_told(story: Story) -> list[CellTold]:
    """Every cell that was run, in order; one that was run again stands there again."""
    found: list[CellTold] = []
    for event in story.events:
        if event["event"] == CELL_BEGUN or not found:
            found.append(CellTold(str(event.get("cell") or ""), str(event["at"])))
        if event["event"] != CELL_BEGUN:
            found[-1].events.append(event)
    if found and story.state == "running":
        found[-1].open = story.events[-1]["event"] not in (ERROR, RUN_ENDED)
    return found


def filled(notebook: dict[str, Any], story: Story) -> dict[str, Any]:
    """The notebook, with the journal's words in each cell that was run and whose end it lacks."""
    told = {cell.cell: cell for cell in cells_told(story)}
    cells = []
    for cell in notebook["cells"]:
        name = "" if _begins(cell) else str(cell.get("id"))
        lost = cell.get("cell_type") == "code" and cell.get("execution_count") is None
        if lost and name in told:
            own = own_outputs(cell)
            cell = {**cell, "outputs": [*own, _output(told[name].words(bool(own)))]}
        cells.append(cell)
    return {**notebook, "cells": cells}


def without_journal(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as its pages have heard it."""
    cells = []
    for cell in notebook["cells"]:
        code = cell.get("cell_type") == "code"
        cells.append({**cell, "outputs": own_outputs(cell)} if code else cell)
    return {**notebook, "cells": cells}


def tell_by_journal(folder: Path, story: Story, scrub: Redactor) -> str:
    """Put the journal's words into the record's notebook, where its page lost those of a cell.

    Where no notebook shows this run any more, because it was run again, one is made. Gives what is
    to be said of it.
    """
    begun, own = story.first(RUN_BEGUN), folder / notebooks.NOTEBOOK
    if begun.get("road") not in _BY_HAND:
        return ""
    if not own.exists() and not _made(own, begun):
        return ""
    notebook = notebooks.load_notebook(own)
    shown = None if notebook is None else notebooks.record_shown(notebook)
    if notebook is None or (shown is not None and id_of(shown) != id_of(folder)):
        return ""
    told = filled(notebook, story)
    if told == notebook:
        return ""
    text = json.dumps(scrub.whole(told), indent=1, ensure_ascii=False, sort_keys=True)
    replace_file(own, text + "\n")
    return "the journal tells what its page has lost"


def _made(own: Path, begun: Event) -> bool:
    """Make a notebook of the source and what was typed; whether that is what was run."""
    notebook = str(begun.get("notebook"))
    source = find_notebook(notebook).read_bytes()
    if begun.get("source") != hashlib.sha256(source).hexdigest():
        return False
    copy_notebook(notebook, pairs_of(begun.get("parameters")), own)
    return True


def own_outputs(cell: Mapping[str, Any]) -> list[Any]:
    """The outputs of a cell that a page has heard, without what was put in their place."""
    found = cell.get("outputs") or []
    return [one for one in found if pairs_of(one.get("metadata")).get("pgha") != _MARK]


_MARK = {"from": "journal"}


def _begins(cell: Mapping[str, Any]) -> bool:
    return "run = begin(" in "".join(cell.get("source") or "")


def _output(words: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {"text/plain": words},
        "metadata": {"pgha": _MARK},
    }


def _told(event: Event) -> Iterator[str]:
    say = _SAID.get(event["event"])
    if say is not None:
        yield from say(event)


def _seen(event: Event) -> Iterator[str]:
    for node, told in pairs_of(event.get("nodes")).items():
        yield f"{node}: {pairs_of(told).get('words')}"


def _planned(event: Event) -> Iterator[str]:
    plan = pairs_of(event.get("plan"))
    yield f"plan: {plan.get('already') or plan.get('kind')}"
    for number, step in enumerate(plan.get("steps") or (), 1):
        yield f"  {number} {step}"


def _judged(event: Event) -> Iterator[str]:
    verdicts = listed(event.get("verdicts"))
    yield f"{len(verdicts)} checks, the worst: {event.get('worst')}"
    for verdict in verdicts:
        if verdict.get("level") != "ok":
            yield f"{verdict.get('level')}: {verdict.get('title')}: {verdict.get('reason')}"


def _ready(event: Event) -> Iterator[str]:
    for change, answer, cost in could_we({"ready": event}):
        yield " ".join([f"{change}: {answer}.", *cost])


def _answered(event: Event) -> Iterator[str]:
    by = f" by {event['by']}" if event.get("by") else ""
    wrong = "" if event.get("right") else ": not the right words"
    yield f"“{event.get('answer')}” was given{by}{wrong}"


def _ended(event: Event) -> Iterator[str]:
    took = f" ({float(event['seconds']) * 1000:.0f} ms)" if "seconds" in event else ""
    yield f"{event.get('node')}: {event.get('did')}{took}"


def _failed(event: Event) -> Iterator[str]:
    yield f"{event.get('node')}: {event.get('did')}: FAILED: {event.get('error')}"


def _line(form: str) -> Callable[[Event], Iterator[str]]:
    """One line of these words, with the event's fields in them."""

    def say(event: Event) -> Iterator[str]:
        yield form.format_map(defaultdict(str, event))

    return say


#: How each event is told that tells something to a reader.
_SAID: Mapping[str, Callable[[Event], Iterator[str]]] = {
    RUN_BEGUN: _line("run {run}, {notebook} on {pair}, by {operator}"),
    SEEN: _seen,
    PLANNED: _planned,
    JUDGED: _judged,
    READY: _ready,
    SAMPLED: _line("{rows} samples of the lag, in lag.csv"),
    SIZED: _line("on {node}: {databases} bytes of databases, {wal} bytes of WAL"),
    NOT_WRITTEN: _line("{file} CANNOT BE WRITTEN ({because}). The run goes on."),
    DRAWN: _line("drawn: {file}"),
    GATE_SHOWN: _line("the gate asked for “{wanted}”"),
    GATE_ANSWERED: _answered,
    GATE_PASSED: _line("consent given"),
    FENCED_BY: _line("{node} fenced by {way}: {words}"),
    DEED_ENDED: _ended,
    DEED_FAILED: _failed,
    ABORT: _line("aborted: {because}"),
    OUTAGE: _line("Outage: {words}"),
    ERROR: _line("{type}: {error}"),
    RUN_ENDED: _line("run ended: {outcome}"),
}
