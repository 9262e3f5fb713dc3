"""The chain of the runs that changed one system: each names the one before, and the nodes note all of them.

A run that has passed its gate joins the chain under the lock. What it names comes from the nodes, so that an edited,
removed or reordered record is found from another operator's machine, and even by somebody who holds only a node.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from .actions.ledger import note_on
from .errors import HaError, Refusal
from .facts.ledger import read_ledger
from .model import Note, Snapshot, ends_of, system_id_of
from .plans import Plan
from .run import Run
from .show import utc
from .wire.doors import Door


def join(run: Run, plan: Plan, now: Snapshot) -> None:
    """Give the run its number and note it on every node that is locked. Raises Refusal where that cannot be noted.

    Running a gate's cell twice joins only once.
    """
    if any(event["event"] == "chained" for event in run.journal.events):
        return
    system_id = _system_of(plan, now)
    ledgers = dict(_ledgers(run, plan, system_id))
    known = _longest([*ledgers.values(), run.recorded(system_id)])
    number, ends = ends_of(known)
    run.journal.write(
        "chained", system_id=system_id, number=number + 1, previous=_previous(number, ends), forked=_forked(ledgers)
    )
    begun = Note(number + 1, run.id, "begun", run.journal.last, run.pair.name, utc(time.time()))
    for name, ledger in ledgers.items():
        note_on(run.doors[name], system_id, [*(note for note in known if note not in ledger), begun])
    run.at_end = lambda: _end(run, ledgers, system_id, number + 1)


def note_sealed(system_id: str, note: Note, doors: Iterable[Door]) -> dict[str, str]:
    """Note on each of these nodes that a record was completed; gives those that could not, and why."""
    silent = {}
    for door in doors:
        try:
            note_on(door, system_id, [note])
        except HaError as error:
            silent[door.node.name] = error.what
    return silent


def _ledgers(run: Run, plan: Plan, system_id: str) -> Iterator[tuple[str, list[Note]]]:
    for name in run.lock.held:
        try:
            yield name, read_ledger(run.doors[name], system_id)
        except Refusal as error:
            if plan.kind != "failover" or name != plan.peer:  # a lost node's disk may be too broken to be noted on
                raise
            run.journal.write("not noted", node=name, because=error.what)


def _end(run: Run, names: Iterable[str], system_id: str, number: int) -> None:
    """Note the journal's last digest. The run is over: a node that does not take it is only told aloud."""
    note = Note(number, run.id, "ended", run.journal.last, run.pair.name, utc(time.time()))
    for name in names:
        try:
            note_on(run.doors[name], system_id, [note])
        except HaError as error:
            print(f"The end of run {run.id} could not be noted on {name}: {error.what}", flush=True)


def _system_of(plan: Plan, now: Snapshot) -> str:
    """The system that will be left: the promoted node's, or that of the node which a copy is made from."""
    found = system_id_of(now[plan.node if plan.verb == "promote" else plan.peer])
    if not found:
        raise Refusal(f"the system identifier of {plan.node} and {plan.peer} could not be read", "run it again")
    return found


def _longest(ledgers: Iterable[list[Note]]) -> list[Note]:
    return max(ledgers, key=lambda notes: (ends_of(notes)[0], len(notes)), default=[])


def _previous(number: int, ends: dict[str, dict[str, str]]) -> dict[str, Any] | None:
    """The run before: its id, and the digests of its journal and, if it was completed in time, of its manifest."""
    if not ends:
        return None
    run, digests = max(ends.items())
    journal = digests.get("ended") or digests.get("begun", "")
    return {"number": number, "run": run, "journal": journal, "manifest": digests.get("sealed", "")}


def _forked(ledgers: dict[str, list[Note]]) -> list[str]:
    """Nodes whose notes contradict each other: not one a beginning of the other. Told, and found by verify."""
    runs = [{(n.number, n.run) for n in notes} for notes in ledgers.values()]
    apart = [one - other and other - one for one in runs for other in runs]
    return sorted(ledgers) if any(apart) else []
