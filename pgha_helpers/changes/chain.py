"""The chain of the runs that changed one system: each names the one before.

The nodes note all of them. A run that has passed its gate joins the chain under the lock. What it
names comes from the nodes, so that an edited, removed or reordered record is found from another
operator's machine, and even by somebody who holds only a node.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..facts.chain_notes import Ledger, read_ledger
from ..judgement.plans import Plan
from ..model import Note, Snapshot, ends_of, system_id_of
from ..model.errors import HaError, Refusal
from ..model.show import utc
from ..run.events import CHAINED, NOT_NOTED
from ..run.run import Run
from ..wire.doors import Door
from .deeds.chain_notes import note_on


@dataclass
class ChainLink:
    """A run's place in the chain of a system; `noted` on every node that must know of it.

    Closed, it notes the end of the run on the `nodes` that could be asked for their notes.
    """

    run: Run
    nodes: tuple[str, ...]
    system_id: str
    number: int
    noted: bool = False

    def note(self, what: str) -> Note:
        """That the run has begun, or ended, with the digest of the journal's newest line."""
        run, now = self.run, utc(time.time())
        digest = run.journal.last
        return Note(self.number, run.id, what, digest, run.pair.name, platform.node(), now)

    def close(self) -> None:
        """Note the journal's last digest.

        The run is over: a node that does not take it is only told aloud.
        """
        run = self.run
        if not run.journal.whole:  # what is not on disk could never be compared
            print(
                f"The end of run {run.id} is not noted on the nodes: its journal is not whole",
                flush=True,
            )
            return
        ended = self.note("ended")
        for name in self.nodes:
            try:
                note_on(run.doors[name], self.system_id, [ended])
            except HaError as error:
                words = f"The end of run {run.id} could not be noted on {name}: {error.what}"
                print(words, flush=True)


def join(run: Run, plan: Plan, now: Snapshot) -> None:
    """Give the run its number and note it on every node that is locked.

    Raises Refusal where that cannot be noted. The node whose system goes on must take it. On the
    other one, which is left or made anew, a note is a courtesy: a disk that takes nothing may be
    why, and what it lacks is no contradiction to what the other has. Passing a gate twice joins
    only once.
    """
    if isinstance(run.link, ChainLink) and run.link.noted:
        return
    if any(event["event"] == CHAINED for event in run.journal.events):
        raise Refusal(
            "this run could not be noted on its nodes",
            "run the first cell again: it begins a new run",
        )
    system_id = _system_of(plan, now)
    ledgers = _ledgers(run, plan, system_id)
    noted = _longest(ledgers)
    newest, _ = ends_of(noted)
    known = [*noted, *run.history.chain_notes(system_id, newest)]
    number, ends = ends_of(known)
    told = {"previous": _previous(number, ends), "forked": _forked(ledgers), "torn": _torn(ledgers)}
    run.journal.write(CHAINED, system_id=system_id, number=number + 1, **told)
    link = run.link = ChainLink(run, tuple(ledgers), system_id, number + 1)
    begun = link.note("begun")
    survivor = surviving_node(plan)

    def note(name: str) -> None:
        if name not in ledgers:
            return
        lacking = missing(known, ledgers[name].notes)
        with _spared(run, name, may_fail=name != survivor):
            note_on(run.doors[name], system_id, [*lacking, begun])

    run.both(note)
    link.noted = True


def missing(wanted: Iterable[Note], noted: Sequence[Note]) -> list[Note]:
    """Those that are not noted yet."""
    lacking = []
    for note in wanted:
        if not any(note.same(other) for other in noted):
            lacking.append(note)
    return lacking


def note_record(door: Door, system_id: str, notes: Sequence[Note]) -> None:
    """Note on a node what it has not noted of a completed record. Raises as a command does."""
    note_on(door, system_id, missing(notes, read_ledger(door, system_id).notes))


def _ledgers(run: Run, plan: Plan, system_id: str) -> dict[str, Ledger]:
    found: dict[str, Ledger] = {}

    def read(name: str) -> None:
        if name not in run.lock.held:
            return
        with _spared(run, name, may_fail=name == plan.lost):
            found[name] = read_ledger(run.doors[name], system_id)

    run.both(read)
    return {name: found[name] for name in run.pair.names if name in found}


def surviving_node(plan: Plan) -> str:
    """The node whose system will be left: promoted, or copied to make a standby."""
    return plan.node if plan.verb == "promote" else plan.peer


@contextmanager
def _spared(run: Run, name: str, may_fail: bool) -> Iterator[None]:
    """A block that may fail on this node, which is told in the journal, or may not."""
    try:
        yield
    except HaError as error:
        if not may_fail:
            raise
        run.journal.write(NOT_NOTED, node=name, because=error.what)


def _system_of(plan: Plan, now: Snapshot) -> str:
    """The system that will be left."""
    found = system_id_of(now[surviving_node(plan)])
    if not found.isdigit():
        raise Refusal(
            f"the system identifier of {plan.node} and {plan.peer} could not be read",
            "see what verify says",
        )
    return found


def _longest(ledgers: Mapping[str, Ledger]) -> Sequence[Note]:
    """The notes of the node that knows the newest run, and most of it."""

    def reach(notes: Sequence[Note]) -> tuple[int, int]:
        newest, _ = ends_of(notes)
        return newest, len(notes)

    each = [ledger.notes for ledger in ledgers.values()]
    return max(each, key=reach, default=())


def _previous(number: int, ends: dict[str, dict[str, Note]]) -> dict[str, Any] | None:
    """The run before: who it was, and what its record must still be.

    Its id and host, when it began and ended, and the digests of its journal and its manifest. One
    that has died has not ended, and may have no manifest yet.
    """
    if not ends:
        return None
    run, notes = max(ends.items())
    newest = notes.get("ended") or notes.get("begun")
    sealed = notes.get("sealed")
    any_of_them = next(iter(notes.values()))
    times: dict[str, str] = {}
    for what in ("begun", "ended"):
        if what in notes:
            times[what] = notes[what].at
    return {
        "number": number,
        "run": run,
        "host": any_of_them.host,
        **times,
        "journal": newest.digest if newest else "",
        "manifest": sealed.digest if sealed else "",
    }


def _forked(ledgers: dict[str, Ledger]) -> list[str]:
    """Nodes whose notes contradict each other: not one a beginning of the other.

    Told, and found by verify.
    """
    runs = []
    for ledger in ledgers.values():
        runs.append({(note.number, note.run) for note in ledger.notes})
    for one, other in combinations(runs, 2):
        if one - other and other - one:
            return sorted(ledgers)
    return []


def _torn(ledgers: dict[str, Ledger]) -> list[str]:
    torn = [name for name, ledger in ledgers.items() if ledger.torn]
    return sorted(torn)
