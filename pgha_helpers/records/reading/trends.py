"""How lag, outages, durations and sizes develop over all records of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ...model import Spread
from ...model.show import Shown, Table, plural, size, span
from .figures import Figures
from .words import minute, moment

PERIODS = 60  # of a chart: more of them would be a smear
_BARS = "▁▂▃▄▅▆▇█"
_SPARKS = 24  # bars of a table's cell
_HEAD = (
    "",
    "runs",
    "median",
    "95 of 100",
    "99 of 100",
    "most",
    "newest",
    "old to new",
)

Value = Callable[[Figures], float | None]


@dataclass(frozen=True)
class Kind:
    """A figure that is followed: its title, its value of a run (None: it tells none), and how that
    is shown.
    """

    title: str
    value: Value
    shown: Callable[[float], str]

    def of(self, runs: Iterable[Figures]) -> list[tuple[Figures, float]]:
        """The runs that tell it, with what they tell; a clock that was set back tells 0."""
        told = ((run, self.value(run)) for run in runs)
        return [(run, max(value, 0.0)) for run, value in told if value is not None]


def _took(notebook: str) -> Kind:
    def value(run: Figures) -> float | None:
        counts = run.ended and run.notebook == notebook and not run.light
        return run.seconds if counts else None

    return Kind(f"duration of {notebook}", value, span)


def _outage(run: Figures) -> float | None:
    """Of a switchover that was done: what a failover took before it is another matter."""
    planned = run.occasion == "switchover" and run.outcome == "done"
    return (run.outage_seconds or None) if planned else None


LAG_BYTES = Kind("lag, in bytes", lambda run: run.lag_bytes_max, size)
LAG_SECONDS = Kind("lag, in time", lambda run: run.lag_seconds_max, span)
_OUTAGE = Kind("outage of a switchover", _outage, span)
FAILOVER = Kind("time of a failover", lambda run: run.failover_seconds, span)
SIZES = (
    Kind("databases", lambda run: run.databases_bytes, size),
    Kind("WAL on the primary", lambda run: run.wal_bytes, size),
    Kind("a record", lambda run: run.record_bytes, size),
)
TOOK = tuple(map(_took, ("verify", "setup", "promote", "rebuild")))
KINDS = (LAG_BYTES, LAG_SECONDS, _OUTAGE, FAILOVER, *TOOK, *SIZES)


@dataclass(frozen=True)
class Trends(Shown):
    """Those of these runs, the oldest first. Of the lag each run counts with the worst it saw."""

    runs: Sequence[Figures]

    def table(self) -> Table:
        """A row for each figure that any run tells."""
        rows = []
        for kind in KINDS:
            values = [value for _, value in kind.of(self.runs)]
            if found := Spread.of(values):
                shares = (found.median, found.p95, found.p99, found.most, values[-1])
                rows.append(
                    (kind.title, str(found.count), *map(kind.shown, shares), sparks(values))
                )
        return Table(_HEAD, rows or [("no earlier run tells any", *[""] * (len(_HEAD) - 1))])

    @property
    def line(self) -> str:
        """The same for a terminal in a line; empty where no run tells any."""
        parts = list(self._parts())
        many = plural(len(self.runs), "record")
        return f"In {many} (median to 99 of 100): {'; '.join(parts)}." if parts else ""

    def _parts(self) -> Iterator[str]:
        for kind in (LAG_BYTES, _OUTAGE, TOOK[0], SIZES[0]):
            values = [value for _, value in kind.of(self.runs)]
            if found := Spread.of(values):
                one, other = kind.shown(found.median), kind.shown(found.p99)
                told = f"{one} to {other}"
                if kind is SIZES[0]:
                    other, one = kind.shown(values[0]), kind.shown(values[-1])
                    told = f"{one}, once {other}"
                yield f"{kind.title.partition(',')[0]} {one if one == other else told}"


def sparks(values: Sequence[float]) -> str:
    """Bars of text, the oldest first: of many values each bar is the most of some.

    >>> sparks([0, 1, 7]), sparks([0, 0]), sparks([5.0])
    ('▁▂█', '▁▁', '█')
    """
    step = max(1, -(-len(values) // _SPARKS))
    tops = [max(values[n : n + step]) for n in range(0, len(values), step)]
    most = max(tops, default=0.0) or 1.0
    return "".join(_BARS[round(top / most * (len(_BARS) - 1))] for top in tops)


@dataclass(frozen=True)
class Period:
    """How the lag lies in a day, an hour or a run; `name` says which."""

    name: str
    spread: Spread


def lag_periods(runs: Sequence[Figures], unit: str) -> tuple[str, list[Period]]:
    """What a period is (day, hour or run), and each of the newest with the lag in `bytes` or
    `seconds`, the oldest first. A run tells how its samples lie; of several each counts with the
    worst that it saw.

    >>> def run(day: int, most: float) -> Figures:
    ...     return Figures(f"2026-11-{day:02}T03:00", "", "", "", "", lag_bytes_max=most)
    >>> what, told = lag_periods([run(day, float(day)) for day in range(1, 9)] * 4, "bytes")
    >>> what, [(one.name, one.spread.most) for one in told][:2]
    ('day', [('2026-11-01', 1.0), ('2026-11-02', 2.0)])
    """
    kind = LAG_BYTES if unit == "bytes" else LAG_SECONDS
    found = kind.of(runs)
    if len(found) <= PERIODS // 2:
        return "run", [Period(minute(run.began), _own(run, unit, most)) for run, most in found]
    first, last = (moment(found[n][0].began) for n in (0, -1))
    days = bool(first and last and last - first > timedelta(days=3))
    each: dict[str, list[float]] = {}
    for run, value in found:
        each.setdefault(run.began[: 10 if days else 13].replace("T", " "), []).append(value)
    told = [(name, Spread.of(values)) for name, values in each.items()]
    kept = [Period(name, spread) for name, spread in told if spread]
    return "day" if days else "hour", kept[-PERIODS:]


def _own(run: Figures, unit: str, most: float) -> Spread:
    """How the lag lies over the samples of one run; an older record tells only the worst."""
    told = (getattr(run, f"lag_{unit}_{share}") for share in ("p50", "p95", "p99"))
    median, p95, p99 = (most if value is None else value for value in told)
    return Spread(run.lag_samples or 1, median, median, p95, p99, most)


def buckets(values: Iterable[float]) -> list[tuple[str, int]]:
    """How many of these sizes (bytes) are nothing, and how many up to each bound.

    >>> buckets([0, 0, 100, 5e6])
    [('0', 2), ('1 kB', 1), ('16 kB', 0), ('256 kB', 0), ('4 MB', 0), ('64 MB', 1)]
    """
    bounds, told = [0.0, *(1024.0 * 16**n for n in range(5))], list(values)
    most = max(told, default=0.0)
    while bounds[-1] < most:
        bounds.append(bounds[-1] * 16)
    counted = [sum(value <= bound for value in told) for bound in bounds]
    each = [many - below for many, below in zip(counted, [0, *counted], strict=False)]
    names = ["0", *map(size, bounds[1:])]
    last = max((n for n, many in enumerate(each) if many), default=0)
    return list(zip(names, each, strict=True))[: last + 1]


def trends_of(runs: Iterable[Figures]) -> Trends:
    """Those of runs in any order."""

    def began(run: Figures) -> str:
        return run.began

    return Trends(sorted(runs, key=began))
