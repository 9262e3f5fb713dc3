"""One execution of one notebook on one pair.

It owns the connections, the journal and the lock. Verbs take it.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..judgement.plans import Plan
from ..model import (
    ClientSeen,
    Deed,
    DeedKind,
    Deeds,
    Node,
    Pair,
    Snapshot,
    Ssh,
    Timeouts,
    frontend,
)
from ..model.errors import Failure, HaError, Refusal
from ..model.foreign import shown
from ..wire.doors import Door
from ..wire.lock import Lock
from .beside import Beside, Held
from .events import DEED_BEGUN, DEED_ENDED, DEED_FAILED, PLANNED, RUN_ENDED
from .gate import Gate, Planner
from .history import History, NoHistory
from .journal import Journal
from .seen import Seen

_T = TypeVar("_T")


@dataclass
class Doing:
    """A deed under way. `already` turns it into the news that nothing was needed."""

    did: str
    changed: bool = True

    def already(self, did: str) -> None:
        """Nothing is to be done, and why."""
        self.did, self.changed = did, False

    def say(self, did: str) -> None:
        """Put what was really done into words."""
        self.did = did


class Clients(Protocol):
    """Whoever leads the pair's clients; the room of that name hands it in."""

    def look(self, run: Run, now: Snapshot) -> tuple[ClientSeen, ...]:
        """What is seen of every client, and why it could not be moved now."""

    def close(self) -> None:
        """Let every connection go; a later verb opens what it needs again."""


class NoClients:
    """Those of a pair file that names none."""

    def look(self, run: Run, now: Snapshot) -> tuple[ClientSeen, ...]:
        """Nobody is there."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Run:
    """A run: what was typed, the doors by node name, the journal, the lock and the deeds.

    What was planned and agreed is in its `gate`, what was read in `seen`, what earlier runs tell in
    `history`.
    """

    id: str
    notebook: str
    pair: Pair
    parameters: Mapping[str, object]
    folder: Path
    journal: Journal
    doors: Mapping[str, Door]
    lock: Lock
    clients: Clients = field(default_factory=NoClients)
    history: History = field(default_factory=NoHistory)
    gate: Gate = field(default_factory=Gate)
    seen: Seen = field(default_factory=Seen)
    steps: list[Deed] = field(default_factory=list)
    ended: str = ""
    #: To hosts that are no nodes, see `elsewhere`.
    others: dict[str, Door] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    #: Its link in the chain of the runs that changed this system: closed after the last line, and
    #: under the lock still, if it is held.
    link: Held | None = None
    #: Pids of the processes that were begun for this run, by name.
    processes: dict[str, int] = field(default_factory=dict)
    _untold: list[str] | None = None  # what was said in an outage window that is not over
    _asking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "pgha"))

    @property
    def timeouts(self) -> Timeouts:
        """Every deadline, in seconds."""
        return self.pair.timeouts

    def both(self, ask: Callable[[str], _T]) -> tuple[_T, _T]:
        """Put the same question to both nodes at the same time; `ask` takes a node's name."""
        asked = [self._asking.submit(ask, name) for name in self.pair.names]
        wait(asked)  # what fails on one node must not leave the other one's at work
        return asked[0].result(), asked[1].result()

    def aside(self, work: Callable[[], _T]) -> Future[_T]:
        """Do it beside what this thread does; whoever asks for the result hears what went wrong."""
        return self._asking.submit(work)

    def elsewhere(self, name: str, ssh: Ssh | None, bin_directory: str = "") -> Door:
        """A door to a host that is no node: a witness, or where a fence command runs.

        Without ssh: this machine.
        """
        place = Node(name, host="", data_directory="", bin_directory=bin_directory, ssh=ssh)
        return self.others.setdefault(name, Door(place, self.pair))

    def plan(self, now: Snapshot, planner: Planner) -> Plan:
        """Make the plan, and remember how: the gate makes it again from what it sees then."""
        self.gate.replan = planner
        try:
            plan = planner(now)
        except Refusal as error:
            # a terminal and cron's mail have not shown what the cell above saw
            if not frontend.somebody():
                print(now.table(), flush=True)
            error.what += self.meanwhile()
            raise
        self.journal.write(PLANNED, plan=plan)
        return plan

    def meanwhile(self) -> str:
        """A sentence for a refusal: what is seen may be another run's work that is not done yet."""
        other = self.lock.somebody_else()
        return f"\n{other} is changing this pair at this moment" if other else ""

    def permits(self, plan: Plan) -> None:
        """Raises Refusal unless this very plan has passed the gate in this process."""
        if self.gate.permit != plan:
            raise Refusal(
                f"{plan.consent}: the gate has not been passed in this run",
                "run the gate's cell first",
            )
        self.lock.take(may_fail=plan.lost)  # let go when a deed failed

    @contextlib.contextmanager
    def deed(self, node: str, did: str, kind: DeedKind) -> Iterator[Doing]:
        """Announce a change, do it, and record it.

        Whatever goes wrong inside is a Failure: something has begun.
        """
        if self.gate.permit is None:
            raise Refusal(
                "nothing may be changed: the gate has not been passed", "run the gate's cell first"
            )
        self.lock.check(node)
        self.journal.write(DEED_BEGUN, node=node, kind=kind, did=did)
        began, clock, doing = time.time(), time.monotonic(), Doing(did)
        try:
            yield doing
        except BaseException as error:
            words = (
                str(error) or f"{type(error).__name__}: whether it went on over there is unknown"
            )
            self.journal.write(
                DEED_FAILED,
                node=node,
                kind=kind,
                did=did,
                error=words,
                seconds=time.monotonic() - clock,
            )
            if isinstance(error, Refusal):
                raise Failure(
                    f"{did} on {node}: {error.what}", error.remedy or error.in_a_change
                ) from error
            raise
        # the wall clock may be set back meanwhile: how long it took is told by the other one
        ended = began + time.monotonic() - clock
        done = Deed(node, kind, shown(doing.did), doing.changed, began, ended)
        self.steps.append(done)
        self.journal.write(DEED_ENDED, **_line(done))
        self.say(f"  {node}: {done.did} ({done.seconds * 1000:.0f} ms)")

    def say(self, words: str) -> None:
        """Tell it to whoever watches: now, or when the outage window is over."""
        if self._untold is None:
            print(words, flush=True)
        else:
            self._untold.append(words)

    @contextlib.contextmanager
    def untold(self) -> Iterator[None]:
        """Keep what is said until the block ends.

        To tell it takes a turn of the kernel, of papermill and of a file.
        """
        self._untold = []
        try:
            yield
        finally:
            kept, self._untold = self._untold, None
            for words in kept:
                print(words, flush=True)

    def end(self, outcome: str, **facts: Any) -> None:
        """Write the journal's last line, once, and let everything go.

        Where the run is chained, the nodes note it.
        """
        if self.ended:
            return
        self.beside.close()
        self.ended, self.gate.permit = outcome, None
        try:
            self.journal.write(RUN_ENDED, outcome=outcome, deeds=len(self.steps), **facts)
            if self.link is not None:
                self.link.close()
        finally:
            self.close()

    def close(self) -> None:
        """Release the lock and every connection; a later verb opens what it needs again."""
        self.lock.release()
        self.clients.close()
        for held in (*self.others.values(), *self.doors.values()):
            with contextlib.suppress(HaError, OSError):
                held.close()

    def keep(self, name: str, data: bytes, append: bool = False) -> str:
        """Write a file of the record; gives the digest of all of it.

        A full disk costs the file, and not the run.
        """
        path = self.folder / name
        try:
            with path.open("ab" if append else "wb") as file:
                file.write(data)
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            print(f"{name} CANNOT BE WRITTEN ({error.strerror}). The run goes on.", flush=True)
            return ""

    def steps_since(self, count: int) -> Deeds:
        """The deeds after the first `count`."""
        return Deeds(self.steps[count:])


def _line(deed: Deed) -> dict[str, Any]:
    return {
        "node": deed.node,
        "kind": deed.kind,
        "did": deed.did,
        "changed": deed.changed,
        "began": deed.began,
        "seconds": deed.seconds,
    }
