"""The newest change of a pair, told before anything is asked: its page may have been lost.

A reload, a closed tab or a restarted kernel takes what a page has shown; the kernel went on, and
the journal has all of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...judgement.plans.back_again import YOUNG
from ...model import DeedKind
from ...model.foreign import ODD
from ...model.show import Table, span, utc
from ...run.events import DEED_BEGUN, DEED_ENDED, DEED_FAILED, ERROR, GATE_SHOWN, RUN_BEGUN
from ...run.journal import JOURNAL, Event, Story, read
from ..reading.outages import length
from ..reading.words import moment
from .earlier_runs import folders_of
from .summary import summarise

_CHANGING = ("setup", "promote", "rebuild")


@dataclass(frozen=True)
class Change:
    """A run that has changed something: its record's folder, and its journal."""

    folder: Path
    story: Story

    @property
    def run(self) -> str:
        """Its id."""
        return str(self.story.first(RUN_BEGUN).get("run"))

    @property
    def file(self) -> str:
        """The notebook that it was run in, where a person has one open; else empty."""
        return str(self.story.first(RUN_BEGUN).get("file") or "")

    @property
    def seconds_ago(self) -> float:
        """Since its newest line."""
        return max(0.0, time.time() - _at(self.story.events[-1]))

    @property
    def young(self) -> bool:
        """Whether that is less than an hour."""
        return self.seconds_ago < YOUNG

    @property
    def goes_on(self) -> bool:
        """Whether its program or its kernel still has it in hand."""
        return self.story.state == "running"

    def steps(self) -> Table:
        """What it did, step by step."""
        rows = [_row(event) for event in _steps(self.story)]
        return Table(("when", "node", f"step of run {self.run}", "took"), rows)

    def __str__(self) -> str:
        begun, last = self.story.first(RUN_BEGUN), self.story.events[-1]
        ago, done = f"{span(max(1, round(self.seconds_ago)))} ago", len(list(_steps(self.story)))
        if self.goes_on and last["event"] == ERROR:
            how = f"stopped at an error {ago} and is still open in another window"
        elif self.goes_on:
            since = utc(_at(begun))[:19] + "Z"
            how = f"is still running in another window or program, since {since}"
        else:
            outage = length(summarise(self.story))
            without = f";\n  clients without a primary: {outage}" if outage else ""
            how = f"{_aim(self.story)} {ago}: {self.story.outcome}{without}"
        steps = f" after {done} steps" if self.goes_on else ""
        return f"run {self.run} ({begun.get('notebook')}) {how}{steps}.\n  Record: {self.folder}"


def newest_change(records: Path, pair: str, but: Path | None = None) -> Change | None:
    """The run of this pair that changed something last, `but` this one; None where there is none.

    One that is still at work counts by what it has done last.
    """
    newest, at = None, 0.0
    for folder in folders_of(records, pair, *_CHANGING):
        with contextlib.suppress(OSError, *ODD):
            if folder == but or (folder / JOURNAL).stat().st_mtime < at:
                continue
            story = read(folder)
            if story.changed and (last := _at(story.events[-1])) > at:
                newest, at = Change(folder, story), last
    return newest


def _steps(story: Story) -> Iterator[Event]:
    """Those that have ended, and the one that was begun last, if its end is not told."""
    open_ = None
    for event in story.events:
        if event["event"] == DEED_BEGUN:
            open_ = event
        elif event["event"] in (DEED_ENDED, DEED_FAILED):
            open_ = None
            yield event
    if open_ is not None:
        yield open_


def _row(event: Event) -> tuple[str, str, str, str]:
    words = str(event.get("did"))
    if event["event"] == DEED_FAILED:
        words = f"{words}: FAILED: {event.get('error')}"
    elif event["event"] == DEED_BEGUN:
        words = f"{words}: begun, and its end is not told"
    took = f"{float(event['seconds']) * 1000:.0f} ms" if "seconds" in event else ""
    return str(event["at"])[11:], str(event.get("node")), words, took


def _aim(story: Story) -> str:
    """What it has done, or set out to do, with its node."""
    promoted = [event for event in _steps(story) if event.get("kind") == DeedKind.PROMOTE]
    if promoted:
        told = promoted[-1]
        begun = "" if told["event"] == DEED_ENDED else "began to promote"
        return f"{begun or 'promoted'} {told['node']}"
    wanted = str(story.last(GATE_SHOWN).get("wanted"))
    return f"carried out “{wanted}”" if story.outcome == "done" else f"was to {wanted}, and ended"


def _at(event: Event) -> float:
    found = moment(event["at"])
    return found.timestamp() if found else 0.0
