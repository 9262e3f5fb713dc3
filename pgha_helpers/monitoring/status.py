"""The status of pairs: each is looked at closely, once, and judged as verify judges it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ..facts.look import look
from ..judgement.checks import HEALTHY, judge, readiness
from ..judgement.checks.readiness import Readiness
from ..model import Snapshot, Verdicts
from ..model.errors import HaError, said
from ..model.show import MARKS, utc
from ..records.making.folder import records_of
from ..records.reading.past import past_of
from ..run.parameters import load_pair
from ..run.redaction import Redactor, secrets_of
from ..run.run import Run
from .looking import looking
from .node_status import NodeStatus, rows_of, table_of

#: From best to worst; the exit code of each is what Nagios knows it by.
LEVELS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_MOST = 64  # pairs at once: each is four threads that mostly wait


@dataclass(frozen=True)
class PairStatus:
    """One pair: what was seen, and what is to be said of it.

    Where its file cannot be read, or nothing could be looked at, `trouble` says why, and the rest
    is empty. `taken` is UTC, `seconds` is how long the look took.
    """

    pair: str
    taken: str
    seconds: float = 0.0
    nodes: tuple[NodeStatus, ...] = ()
    verdicts: Verdicts = field(default_factory=Verdicts)
    ready: Readiness | None = None
    now: Snapshot | None = None
    trouble: str = ""

    @property
    def level(self) -> str:
        """The worst that any check says; unknown where none could be asked."""
        return "unknown" if self.trouble else self.verdicts.worst

    def lines(self) -> Iterator[str]:
        """What is not well, with what to do about it."""
        if self.trouble:
            yield f"{MARKS['unknown']}: {self.trouble}"
        for reason in self.verdicts.reasons:
            yield from str(reason).splitlines()

    def __str__(self) -> str:
        """The table, and below it what is not well."""
        if self.trouble:
            return "\n".join(self.lines())
        count = f"{MARKS[self.level]}: {self.verdicts.count_of_yes}"
        told = (str(table_of(self.nodes)), "", count, *self.lines(), "", str(self.ready))
        return "\n".join(told)


def status_of(run: Run) -> PairStatus:
    """Look at a pair, and judge it."""
    now = look(run, journal=False, closely=True)
    verdicts = judge(HEALTHY, now)
    past = past_of(records_of(run.pair), run.pair.name)
    ready = readiness(now, verdicts, past)
    return PairStatus(run.pair.name, now.taken, now.seconds, rows_of(now), verdicts, ready, now)


def statuses(names: Sequence[str]) -> list[PairStatus]:
    """That of each pair, in this order, all at the same time: whoever is silent costs the others
    nothing.
    """
    with ThreadPoolExecutor(min(_MOST, max(1, len(names))), "pgha-status") as pool:
        return list(pool.map(_status_by_name, names))


def _status_by_name(name: str) -> PairStatus:
    try:
        with looking(load_pair(name)) as run:
            return status_of(run)
    except HaError as error:
        trouble = str(error)
    except Exception as error:  # one pair's trouble must not hide the others
        trouble = said(error)
    return PairStatus(name, utc(time.time()), trouble=trouble)


def worst_of(told: Iterable[PairStatus]) -> str:
    """The level to act on: critical before unknown before warning, as for one pair."""
    levels = {each.level for each in told}
    return next((it for it in ("critical", "unknown", "warning") if it in levels), "ok")


def in_words(told: Sequence[PairStatus]) -> str:
    """For a terminal: each pair, and how many there are of each level."""
    if len(told) == 1:
        return str(told[0])
    each = [f"{one.pair}\n{one}\n" for one in told]
    return "\n".join([*each, count_of(told)])


def count_of(told: Sequence[PairStatus]) -> str:
    """How many pairs there are, and of which level, in a sentence."""
    counted = Counter(one.level for one in told)
    levels = ", ".join(f"{counted[level]} {level}" for level in LEVELS if counted[level])
    return f"{len(told)} pairs: {levels}"


def scrubber(told: Iterable[PairStatus]) -> Redactor:
    """What takes the secrets of these pairs out of whatever is said of them."""
    pairs = [one.now.pair for one in told if one.now]
    return Redactor(secrets_of().union(*map(secrets_of, pairs)))
