"""The question a person has: could we move the primary now, or lose it, and what would it cost?

Two verdicts, each yes, no or unknown, with what stands in the way, and with its cost: what earlier
changes of this pair took, what in the present state adds to that, and what would be lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...model import Past, Running, Silent, Snapshot, Spread, Verdicts
from ...model.errors import NotSeen
from ...model.show import Shown, Table, plural, size, span
from ...model.sightings import disk_of
from ...model.survey import Pace
from ..plans.for_now import ASYNCHRONOUS, SYNCHRONOUS, would_wait
from .check import judge
from .checklists import BEFORE
from .streaming import sender_for

#: What the two verdicts are about.
CHANGES = {"switchover": "planned switchover", "failover": "failover"}
_MUCH = 16 * 1024 * 1024  # bytes of WAL: below that nobody feels a checkpoint or a replay


@dataclass(frozen=True)
class Added:
    """What in the present state a switchover has to do, too. `kind` is checkpoint, transactions,
    replay or archive; the last two lengthen the outage, by so many `seconds` where that is known.
    """

    kind: str
    words: str
    seconds: float | None = None


@dataclass(frozen=True)
class SwitchoverReady:
    """Whether the primary could be moved now, `to` which node. `why` is what stands in the way;
    `outage` is that of this pair's earlier ones, in seconds.
    """

    answer: str
    to: str = ""
    why: tuple[str, ...] = ()
    outage: Spread | None = None
    added: tuple[Added, ...] = ()

    def lines(self) -> Iterator[str]:
        """Its cost, in sentences."""
        if self.answer != "yes":
            return
        if self.outage:
            yield f"Nothing is lost, and clients have no primary for {_about(self.outage)}."
        else:
            yield "Nothing is lost. How long that takes, no record of this pair tells yet."
        yield from (f"{added.words}." for added in self.added)


@dataclass(frozen=True)
class Loss:
    """What would be lost if the primary were lost now with its disk: bytes of WAL that the standby
    has not got, the commits in them and the seconds that they took, as far as that is known.

    `none` says that no acknowledged commit would be: the standby is synchronous.
    """

    bytes: int | None = None
    commits: int | None = None
    seconds: float | None = None
    none: bool = False

    def __str__(self) -> str:
        if self.none:
            return "no acknowledged commit is lost: they wait for the standby"
        if self.bytes is None:
            return "nobody knows how much is lost"
        told = f"{size(self.bytes)} would be lost now"
        if self.bytes and self.commits is not None and self.seconds is not None:
            many = plural(self.commits, "commit", "commits")
            told += f": about {many} of {span(self.seconds)}"
        return told


@dataclass(frozen=True)
class FailoverReady:
    """Whether the standby could take over now, if the primary were lost. `lag_bytes` and
    `lag_seconds` are what it was behind of late; `takes` is the time of earlier ones, from the gate
    to the first write. `fence` is by what the old primary would be kept from writing, first to
    last: ssh, command, or somebody's word.
    """

    answer: str
    to: str = ""
    why: tuple[str, ...] = ()
    loss: Loss = Loss()
    lag_bytes: Spread | None = None
    lag_seconds: Spread | None = None
    days: int = 0
    takes: Spread | None = None
    fence: tuple[str, ...] = ()
    waits: str = ""

    def lines(self) -> Iterator[str]:
        """Its cost, in sentences."""
        if self.answer == "no":
            return
        yield f"Without the primary's disk {self.loss}."
        if self.lag_bytes is not None:
            usual, most = size(self.lag_bytes.median), size(self.lag_bytes.most)
            if self.lag_seconds:
                most += f" and {span(self.lag_seconds.most)}"
            seen = f"The lag that {plural(self.lag_bytes.count, 'run', 'runs')} saw"
            yield f"{seen} in {self.days} days: {usual} at the median, {most} at most."
        if self.takes:
            yield f"It takes {_about(self.takes)}, from the gate to the first write."
        else:
            yield "How long it takes, no record of this pair tells yet."
        ways = ", else ".join(_FENCES[way] for way in self.fence)
        yield f"The old primary is fenced {ways}."
        if self.waits:
            yield f"{self.waits}."


_FENCES = {
    "ssh": "over ssh",
    "command": "by its fence command",
    "word": "on somebody's word (fenced_by)",
}


@dataclass(frozen=True)
class Readiness(Shown):
    """Both verdicts."""

    switchover: SwitchoverReady
    failover: FailoverReady

    def table(self) -> Table:
        """A row each."""
        rows = []
        for what, ready in self._each():
            rows.append((what, _answered(ready), " ".join(ready.lines())))
        return Table(("could we, now?", "", "at what cost"), rows)

    def __str__(self) -> str:
        """For a terminal: the answer, and its cost below."""
        told = []
        for what, ready in self._each():
            told += [f"{what}: {_answered(ready)}", *(f"    {line}" for line in ready.lines())]
        return "\n".join(told)

    @property
    def told(self) -> dict[str, Any]:
        """As JSON takes it; `words` are the sentences of the cost."""
        both = (("switchover", self.switchover), ("failover", self.failover))
        return {kind: {**asdict(ready), "words": list(ready.lines())} for kind, ready in both}

    def _each(self) -> tuple[tuple[str, SwitchoverReady | FailoverReady], ...]:
        return (CHANGES["switchover"], self.switchover), (CHANGES["failover"], self.failover)


def readiness(now: Snapshot, verdicts: Verdicts, past: Past = Past()) -> Readiness:  # noqa: B008
    """Both verdicts, from a close look, what HEALTHY says of it, and what the records tell."""
    return Readiness(_switchover(now, verdicts, past), _failover(now, past))


def _answered(ready: SwitchoverReady | FailoverReady) -> str:
    return answered(ready.answer, ready.to, ready.why)


def answered(answer: str, to: str, why: Sequence[str]) -> str:
    """A verdict in words.

    >>> answered("yes", "db1", ()), answered("no", "", ["db1: stopped", "db0: no slot"])
    ('yes, to db1', 'no: db1: stopped, and 1 more')
    """
    if answer == "yes":
        return f"yes, to {to}"
    more = f", and {len(why) - 1} more" if len(why) > 1 else ""
    return f"{answer}: {why[0]}{more}" if why else answer


def _about(spread: Spread) -> str:
    """How long it takes.

    >>> _about(Spread.of([0.07, 0.06, 0.1])), _about(Spread.of([2.0]))
    ('about 70 ms (60 ms to 100 ms in 3 earlier ones)', 'about 2 s (as the one before)')
    """
    between = f"{span(spread.least)} to {span(spread.most)} in {spread.count} earlier ones"
    return f"about {span(spread.median)} ({between if spread.count > 1 else 'as the one before'})"


def _switchover(now: Snapshot, verdicts: Verdicts, past: Past) -> SwitchoverReady:
    why = tuple(reason.what for reason in verdicts.refusing)
    levels = {verdict.level for verdict in verdicts}
    if "critical" in levels:
        return SwitchoverReady("no", why=why, outage=past.switchovers)
    if "unknown" in levels:
        return SwitchoverReady("unknown", why=why, outage=past.switchovers)
    added = tuple(_added(now, now.primary, now.standby))
    return SwitchoverReady("yes", now.standby.node, (), past.switchovers, added)


def _added(now: Snapshot, primary: Running, standby: Running) -> Iterator[Added]:
    found, pace = now.closely(primary.node), _pace(now, primary)
    archiver = found.archiver
    if pace and pace.bytes >= _MUCH:
        much = f"{size(pace.bytes)} of WAL were written since the last checkpoint"
        yield Added("checkpoint", f"{much}: one comes first, while clients still work")
    old = max((transaction.age for transaction in found.transactions), default=0.0)
    if old >= 1:
        many = plural(len(found.transactions), "transaction is", "transactions are")
        yield Added("transactions", f"{many} open, the oldest for {span(old)}: the stop ends all")
    if (lag := now.lag()) >= _MUCH:
        sender = sender_for(primary, standby.node)
        seconds = sender.replay_lag if sender else None
        about = f", about {span(seconds)}" if seconds else ""
        replay = f"Added to that: {size(lag)} are still to be replayed{about}"
        yield Added("replay", replay, seconds)
    if archiver.mode != "off" and archiver.waiting:
        about = f", about {span(archiver.seconds)}" if archiver.seconds else ""
        many = plural(archiver.waiting, "segment waits", "segments wait")
        waits = f"Added to that: {many} for the archive{about}"
        yield Added("archive", waits, archiver.seconds)


def _failover(now: Snapshot, past: Past) -> FailoverReady:
    try:
        standby = now.standby
    except NotSeen as unseen:
        silent = any(isinstance(seen, Silent) for seen in now.sightings)
        return FailoverReady("unknown" if silent else "no", why=(unseen.what,))
    verdicts = judge(BEFORE["failover"], now)
    why = tuple(reason.what for reason in verdicts.refusing)
    answer = {"critical": "no", "unknown": "unknown"}.get(verdicts.worst, "yes")
    waits = ""
    if names := would_wait(standby):
        waits = (
            f"{SYNCHRONOUS} is {names!r} on {standby.node}: its consent says {ASYNCHRONOUS!r}, too"
        )
    loss = Loss()
    try:
        loss = _loss(now, now.primary, standby)
    except NotSeen:
        pass  # the primary is lost, or two are: then this is what must be done, whatever it costs
    except ValueError as two_histories:
        why = (*why, str(two_histories))
        answer = "no" if answer == "no" else "unknown"
    late = (past.lag_bytes, past.lag_seconds, past.days)
    fence = _fence(now, now.pair.other(standby.node).name)
    return FailoverReady(answer, standby.node, why, loss, *late, past.failovers, fence, waits)


def _loss(now: Snapshot, primary: Running, standby: Running) -> Loss:
    """What the standby has not got yet, as its primary knows."""
    sender = sender_for(primary, standby.node)
    behind = primary.position - standby.position
    if sender and sender.state == "streaming":
        behind = primary.position.lsn - sender.flushed
    lost = max(0, behind)
    if sender and sender.state == "streaming" and sender.sync_state in ("sync", "quorum"):
        return Loss(lost, 0, 0.0, none=True)
    if not lost:
        return Loss(0, 0, 0.0)
    pace = _pace(now, primary)
    if pace is None or pace.bytes <= 0:
        return Loss(lost)
    share = lost / pace.bytes
    return Loss(lost, math.ceil(pace.transactions * share), pace.seconds * share)


def _pace(now: Snapshot, primary: Running) -> Pace | None:
    """How fast it writes, where a close look could tell."""
    survey = now.survey.get(primary.node, "")
    return None if isinstance(survey, str) else survey.pace


def _fence(now: Snapshot, old: str) -> tuple[str, ...]:
    """By what the node that is not the standby would be kept from writing."""
    ways = ["ssh"] if disk_of(now[old]) else []
    if now.pair[old].fence:
        ways.append("command")
    return (*ways, "word")
