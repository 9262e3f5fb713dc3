"""One execution of one notebook on one pair: it owns the connections, the journal and the lock.
Verbs take it.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..judgement.plans import Plan
from ..judgement.plans.loss_estimate import LastKnown
from ..judgement.plans.rebuild import Evidence, Rates
from ..model import (
    ClientSeen,
    Deed,
    DeedKind,
    Deeds,
    Node,
    Note,
    Outage,
    Pair,
    Snapshot,
    Ssh,
    Timeouts,
    Verdicts,
    frontend,
)
from ..model.errors import Failure, HaError, Refusal
from ..model.foreign import shown
from ..model.losses import Losses
from ..wire.doors import Door
from ..wire.lock import Lock
from .journal import Journal

T = TypeVar("T")


class Held(Protocol):
    """Something that a run holds open."""

    def close(self) -> None:
        """Let it go."""


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


@dataclass
class Run:
    """A run. `doors` are by node name; `permit` is the plan whose gate was passed in this
    process.
    """

    id: str
    notebook: str
    pair: Pair
    parameters: Mapping[str, Any]
    folder: Path
    journal: Journal
    doors: Mapping[str, Door]
    lock: Lock
    # by name, once somebody has asked for them
    clients: dict[str, Held] = field(default_factory=dict)
    # to hosts that are no nodes, see `elsewhere`
    others: dict[str, Door] = field(default_factory=dict)
    permit: Plan | None = None
    given: str = ""  # the words by which the gate was passed last
    required: tuple[Plan, Snapshot, Verdicts] | None = None  # what was judged last, and found well
    # what the gate saw under its lock, and when (monotonic)
    at_gate: tuple[float, Snapshot] | None = None
    ended: str = ""
    replan: Callable[[Snapshot], Plan] = field(default=lambda now: Plan("", "", "", ""))
    deeds: list[Deed] = field(default_factory=list)
    # the output that `sample` draws while it samples, until `chart` has drawn the last picture
    live: Any = None
    ask_clients: Callable[[Snapshot], tuple[ClientSeen, ...]] = lambda now: ()
    found: tuple[Snapshot, Evidence] | None = None  # what the last plan of a rebuild was made from
    # by node, see facts.connection.keys_of
    keys: dict[str, Mapping[str, str]] = field(default_factory=dict)
    had: Losses | None = None  # what was last read of a node's WAL beyond a fork
    remains: Any = None  # what was last read of a lost primary's disk
    copied: Any = None  # the progress of the last copy, until it has been drawn
    canary: Any = None  # the one that was begun; only one sings in a run
    sampler: Any = None  # what watches the lag beside the run, once it was begun
    #: What has to end, and to be told, before the last line.
    leaving: list[Callable[[], None]] = field(default_factory=list)
    #: Held by what works beside the run, for a moment, and by the outage window, so that nothing
    #: does.
    beside: threading.Lock = field(default_factory=threading.Lock)
    #: What this machine's records tell of a system's chain beyond a number.
    recorded: Callable[[str, int], Sequence[Note]] = lambda system_id, beyond: ()
    #: Where this machine's records saw a node of a system last, while it was primary.
    last_known: Callable[[str, str], LastKnown | None] = lambda node, system_id: None
    #: How long clients had no primary, by this run's journal and, where runs have died before it,
    #: by theirs.
    outage: Callable[[], Outage | None] = lambda: None
    #: How fast earlier runs of this pair were, by this machine's records.
    rates: Callable[[], Rates] = Rates
    joined: bool = False  # the chain of the runs that changed this system
    at_end: Callable[[], None] = lambda: None  # under the lock still, if it is held
    # pids of those that were begun for this run, by name
    processes: dict[str, int] = field(default_factory=dict)
    _untold: list[str] | None = None  # what was said in an outage window that is not over
    _asking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "pgha"))

    @property
    def timeouts(self) -> Timeouts:
        """Every deadline, in seconds."""
        return self.pair.timeouts

    def both(self, ask: Any) -> tuple[Any, Any]:
        """Put the same question to both nodes at the same time; `ask` takes a node's name."""
        asked = [self._asking.submit(ask, name) for name in self.pair.names]
        wait(asked)  # what fails on one node must not leave the other one's at work
        return asked[0].result(), asked[1].result()

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Do it beside what this thread does; whoever asks for the result hears what went wrong."""
        return self._asking.submit(work)

    def elsewhere(self, name: str, ssh: Ssh | None, bin_directory: str = "") -> Door:
        """A door to a host that is no node: a witness, or where a fence command runs. Without ssh:
        this machine.
        """
        place = Node(name, host="", data_directory="", bin_directory=bin_directory, ssh=ssh)
        return self.others.setdefault(name, Door(place, self.pair))

    def plan(self, now: Snapshot, planner: Callable[[Snapshot], Plan]) -> Plan:
        """Make the plan, and remember how: the gate makes it again from what it sees then."""
        self.replan = planner
        try:
            plan = planner(now)
        except Refusal as error:
            # a terminal and cron's mail have not shown what the cell above saw
            if not frontend.somebody():
                print(now.table(), flush=True)
            error.what += self.meanwhile()
            raise
        self.journal.write("planned", plan=plan)
        return plan

    def meanwhile(self) -> str:
        """A sentence for a refusal: what is seen may be another run's work that is not done yet."""
        other = self.lock.somebody_else()
        return f"\n{other} is changing this pair at this moment" if other else ""

    def permits(self, plan: Plan) -> None:
        """Raises Refusal unless this very plan has passed the gate in this process."""
        if self.permit != plan:
            raise Refusal(
                f"{plan.consent}: the gate has not been passed in this run",
                "run the gate's cell first",
            )
        self.lock.take(may_fail=plan.lost)  # let go when a deed failed

    @contextlib.contextmanager
    def deed(self, node: str, did: str, kind: DeedKind) -> Iterator[Doing]:
        """Announce a change, do it, and record it. Whatever goes wrong inside is a Failure:
        something has begun.
        """
        if self.permit is None:
            raise Refusal(
                "nothing may be changed: the gate has not been passed", "run the gate's cell first"
            )
        self.lock.check(node)
        self.journal.write("deed begun", node=node, kind=kind, did=did)
        began, clock, doing = time.time(), time.monotonic(), Doing(did)
        try:
            yield doing
        except BaseException as error:
            words = (
                str(error) or f"{type(error).__name__}: whether it went on over there is unknown"
            )
            self.journal.write(
                "deed failed",
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
        self.deeds.append(done)
        self.journal.write("deed ended", **_line(done))
        self.say(f"  {node}: {done.did} ({done.seconds * 1000:.0f} ms)")

    def say(self, words: str) -> None:
        """Tell it to whoever watches: now, or when the outage window is over."""
        if self._untold is None:
            print(words, flush=True)
        else:
            self._untold.append(words)

    @contextlib.contextmanager
    def untold(self) -> Iterator[None]:
        """Keep what is said until the block ends: to tell it takes a turn of the kernel, of
        papermill and of a file.
        """
        self._untold = []
        try:
            yield
        finally:
            kept, self._untold = self._untold, None
            for words in kept:
                print(words, flush=True)

    def end(self, outcome: str, **facts: Any) -> None:
        """Write the journal's last line, once, note it on the nodes where the run is chained, and
        let everything go.
        """
        if self.ended:
            return
        while self.leaving:
            with contextlib.suppress(HaError, OSError):
                self.leaving.pop()()
        self.ended, self.permit = outcome, None
        try:
            self.journal.write("run ended", outcome=outcome, deeds=len(self.deeds), **facts)
            self.at_end()
        finally:
            self.close()

    def close(self) -> None:
        """Release the lock and every connection; a later verb opens what it needs again."""
        self.lock.release()
        for held in (*self.clients.values(), *self.others.values(), *self.doors.values()):
            with contextlib.suppress(HaError, OSError):
                held.close()

    def keep(self, name: str, data: bytes, append: bool = False) -> str:
        """Write a file of the record; gives the digest of all of it. A full disk costs the file,
        and not the run.
        """
        path = self.folder / name
        try:
            with path.open("ab" if append else "wb") as file:
                file.write(data)
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            print(f"{name} CANNOT BE WRITTEN ({error.strerror}). The run goes on.", flush=True)
            return ""

    def deeds_since(self, count: int) -> Deeds:
        """The deeds after the first `count`."""
        return Deeds(self.deeds[count:])


def _line(deed: Deed) -> dict[str, Any]:
    return {
        "node": deed.node,
        "kind": deed.kind,
        "did": deed.did,
        "changed": deed.changed,
        "began": deed.began,
        "seconds": deed.seconds,
    }
