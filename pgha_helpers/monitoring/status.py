"""The status of pairs: each is looked at closely, once, and judged as verify judges it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from threading import Semaphore

from ..facts.look import look
from ..judgement.checks import HEALTHY, judge, readiness
from ..judgement.checks.readiness import Readiness
from ..model import Snapshot, Verdicts
from ..model.errors import HaError, said
from ..model.show import MARKS, utc
from ..records.making.folder import records_of
from ..records.reading.figures import figures_of
from ..records.reading.past import LOOKS, past_by
from ..records.reading.trends import trends_of
from ..run.courtesy import screen_columns
from ..run.finding import pair_name_of
from ..run.parameters.pair_file import load_pair
from ..run.redaction import Redactor, secrets_of
from ..run.run import Run
from .looking import looking
from .node_status import NodeStatus, rows_of, table_of

#: From best to worst; the exit code of each is what Nagios knows it by.
LEVELS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_MOST = 64  # pairs at once, and held: each is four threads that mostly wait, and eight open files
_AT_WORK = 8  # nodes at once of those that answer


@dataclass(frozen=True)
class PairStatus:
    """One pair: what was seen, and what is to be said of it.

    Where its file cannot be read, or nothing could be looked at, `trouble` says why, and the rest
    is empty. `taken` is UTC, `seconds` is how long the look took. `trend` is what its records tell.
    """

    pair: str
    taken: str
    seconds: float = 0.0
    nodes: tuple[NodeStatus, ...] = ()
    verdicts: Verdicts = field(default_factory=Verdicts)
    ready: Readiness | None = None
    now: Snapshot | None = None
    trouble: str = ""
    trend: str = ""

    @property
    def level(self) -> str:
        """The worst that any check says; unknown where none could be asked."""
        return "unknown" if self.trouble else self.verdicts.worst

    @property
    def first(self) -> str:
        """What a person must know first, in a line."""
        if self.trouble:
            return self.trouble.split("\n")[0]
        if reasons := self.verdicts.reasons:
            more = f" And {len(reasons) - 1} more." if len(reasons) > 1 else ""
            return f"{reasons[0].sentence}{more}"
        roles = ", ".join(f"{node.node} is {node.role}" for node in self.nodes)
        behind = "".join(f", {node.behind} behind" for node in self.nodes if node.behind)
        return f"{roles}{behind}. {self.verdicts.count_of_yes}."

    def paragraphs(self) -> Iterator[tuple[str, str]]:
        """What is not well, with what to do about it, and whether the primary could be moved: each
        with its level, which is empty for what has none.
        """
        if self.trouble:
            yield "unknown", f"{MARKS['unknown']}: {self.trouble}"
            return
        reasons, count = self.verdicts.reasons, self.verdicts.count_of_yes
        yield from ((reason.level, str(reason)) for reason in reasons)
        yield ("", count) if reasons else (self.level, f"{MARKS[self.level]}: {count}")
        yield "", f"\n{self.ready}"
        if self.trend:
            yield "", self.trend

    def told(self, columns: int = 0) -> str:
        """The table of its nodes, on a screen so many columns wide, and the paragraphs below it."""
        table = [f"{table_of(self.nodes).within(columns)}\n"] if self.nodes else []
        return "\n".join([*table, *(text for _, text in self.paragraphs())])


def status_of(run: Run) -> PairStatus:
    """Look at a pair, and judge it."""
    now = look(run, journal=False, closely=True)
    verdicts = judge(HEALTHY, now)
    runs = figures_of(records_of(run.pair), run.pair.name, LOOKS)
    told = told_of(now, verdicts, readiness(now, verdicts, past_by(runs)))
    return replace(told, trend=trends_of(runs).line)


def told_of(now: Snapshot, verdicts: Verdicts, ready: Readiness) -> PairStatus:
    """What is told of a pair that was looked at closely and judged."""
    return PairStatus(now.pair.name, now.taken, now.seconds, rows_of(now), verdicts, ready, now)


class Looks:
    """Looks at several pairs, all at the same time: whoever is silent costs the others nothing.

    Connections are let go when their pair was looked at; they are held until the end of the block
    where it is looked at `again`, unless the pairs are very many.
    """

    def __init__(self, names: Sequence[str], again: bool = False) -> None:
        self._names = names
        self._hold = again and len(names) <= _MOST
        self._held: dict[str, Run] = {}
        self._open = ExitStack()
        self._turn = Semaphore(_AT_WORK)
        self._pool = ThreadPoolExecutor(min(_MOST, max(1, len(names))), "pgha-status")

    def __enter__(self) -> Looks:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._open.close()

    def look(self) -> list[PairStatus]:
        """The status of each pair, in the order of their names."""
        return list(self._pool.map(self._look, self._names))

    def _look(self, name: str) -> PairStatus:
        try:
            if not self._hold:
                with looking(load_pair(name), self._turn) as run:
                    return status_of(run)
            if name not in self._held:
                self._held[name] = self._open.enter_context(looking(load_pair(name), self._turn))
            return status_of(self._held[name])
        except HaError as error:
            trouble = str(error)
        except Exception as error:  # one pair's trouble must not hide the others
            trouble = said(error)
        # by the name that it has while its file can be read, or an alarm on that name falls silent
        return PairStatus(pair_name_of(name), utc(time.time()), trouble=trouble)


def worst_of(told: Iterable[PairStatus]) -> str:
    """The level to act on: critical before unknown before warning, as for one pair."""
    levels = {each.level for each in told}
    return next((it for it in ("critical", "unknown", "warning") if it in levels), "ok")


def in_words(told: Sequence[PairStatus]) -> str:
    """For a terminal: each pair, and how many there are of each level."""
    columns = screen_columns()
    if len(told) == 1:
        return told[0].told(columns)
    each = [f"{one.pair}\n{one.told(columns)}\n" for one in told]
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
