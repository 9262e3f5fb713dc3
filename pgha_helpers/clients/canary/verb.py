"""The notebook's verb: a canary that is tried before the gate and begun after it.

In the end it is asked what it saw.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ...judgement.checks import Check, check
from ...judgement.plans import Plan
from ...model import Snapshot
from ...model.errors import HaError, NotSeen
from ...model.show import Shown, Table, span, utc
from ...run.events import CANARY_BEGUN, CANARY_ENDED, NO_CANARY
from ...run.run import Run
from .attempts import COLUMNS, Attempts, Gap, spans_of
from .client import Errand
from .making import delete_canary_rows, ensure_canary_table
from .process import CanaryProcess
from .road import CONNECT, CanaryRoad, try_road
from .table import canary_rows

CANARY_CSV = "canary.csv"


def canary_client(run: Run, plan: Plan) -> Canary:
    """A canary for this run, tried but not begun.

    One that does nothing unless the parameter `canary` is true. Raises a Refusal where a switchover
    could not be measured; any other kind of promotion goes on without.
    """
    begun = run.attended(Canary)
    if begun is not None:  # only one sings in a run
        return begun
    if not run.parameters.get("canary"):
        print(
            "No canary: nobody watches the outage as a client sees it (canary=true does).",
            flush=True,
        )
        return Canary(run)
    if plan.already:
        return Canary(run)
    try:
        road = try_road(run, plan)
    except HaError as why:
        if plan.kind == "switchover":
            raise
        run.journal.write(NO_CANARY, because=why.what)
        print(f"No canary in this run: {why}", flush=True)
        return Canary(run)
    print(
        f"The canary will write a row every {Errand.think * 1000:.0f} ms by {road.told}.",
        flush=True,
    )
    return Canary(run, road)


class Canary(Shown):
    """A process that writes rows by the clients' road from `start` to `end`.

    Without a road every word does nothing.
    """

    def __init__(self, run: Run, road: CanaryRoad | None = None) -> None:
        self._run = run
        self._road = road
        self._process: CanaryProcess | None = None
        self._closed = False
        self._rows: dict[str, str] = {}
        self._primary = ""
        self.lost: dict[str, list[int]] = {}  # acknowledged rows that the primary does not have
        self.behind: dict[str, list[int]] = {}  # rows that a standby lacks and the primary has
        self.seen: Attempts | None = None

    def start(self, plan: Plan) -> None:
        """Make the table if it is missing, and begin to write.

        Once begun it goes on. Raises Refusal or Failure.
        """
        if self._road is None or self._process is not None:
            return
        self._run.permits(plan)
        if plan.kind == "switchover":
            ensure_canary_table(self._run, plan.peer, self._road.writer)
        connect = min(CONNECT, self._run.timeouts.connect)
        errand = Errand(
            self._run.id, self._road.hosts, connect=connect, statement=self._run.timeouts.statement
        )
        self._run.attend(self)
        self._process = CanaryProcess()
        try:
            self._run.processes["canary"] = self._process.begin(errand)
        except OSError as error:
            # no room for a process: the hand-over goes on, and the last verdict says so
            print(f"THE CANARY CANNOT BEGIN ({error.strerror}). The run goes on.", flush=True)
        limits = {"longest": errand.longest, "rows": errand.rows}
        self._run.journal.write(CANARY_BEGUN, road=self._road.told, think=errand.think, **limits)

    def end(self) -> Canary | None:
        """Stop writing, and see on each node whether every acknowledged row is there.

        What was seen is kept. The rows of a run that lost none are deleted. Gives itself, to be
        shown.
        """
        if self._process is None:
            return None
        if self.seen is None:
            self.seen = self._process.end()
            self._look_for_rows(self.seen.acknowledged, self._run.timeouts.replay)
            self._tell(self.seen)
            self._clean_up()
        return self

    def chart(self) -> object:
        """Draw what was seen around the outage, with the deeds below.

        Saved as canary.svg, shown as PNG.
        """
        if self.end() is None or self.seen is None:
            return None
        from .chart import draw_canary

        return draw_canary(self._run, self.seen)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What must hold in the end; nothing without a canary."""
        if self.end() is None:
            return ()
        return (self._every_row_is_there(), self._every_row_is_replayed())

    def table(self) -> Table:
        """The outage as this client saw it, what came of its attempts, and where its rows are."""
        seen = self.seen or Attempts()
        gap = seen.gap
        rows = [
            (
                "longest time without a commit",
                "" if gap is None else f"{span(gap.seconds)}, {_when(gap)}",
            )
        ]
        failed = f"{seen.count('refused')} refused, {seen.count('unanswered')} never answered"
        rows.append(
            ("attempts", f"{len(seen.attempts)}: {seen.count('ok')} acknowledged, {failed}")
        )
        rows.append(("a commit took, outside of it", _latency(seen)))
        rows += [(f"acknowledged rows on {name}", words) for name, words in self._rows.items()]
        return Table(("the canary", "what it saw"), rows)

    def _clean_up(self) -> None:
        """Delete the rows, unless some are lost.

        Rows that stay do no harm, so this fails no run.
        """
        if not self._primary or self.lost:
            return
        try:
            delete_canary_rows(self._run, self._primary)
        except HaError as why:
            print(f"The canary's rows stay: {why.what}", flush=True)

    def close(self) -> None:
        """The run ends, by whatever way: nothing is left behind, and what was seen is told."""
        if self._process is None or self.seen is not None or self._closed:
            return
        self._closed = True
        self.seen = self._process.end()
        self._look_for_rows(self.seen.acknowledged, 0.0)
        self._tell(self.seen)
        print(self, flush=True)

    def _look_for_rows(self, wanted: frozenset[int], patience: float) -> None:
        """Which acknowledged rows are on which node.

        The primary first, and then what a standby may still replay.
        """
        roles = {}
        for name in self._run.pair.names:
            try:
                roles[name] = self._role(name)
            except HaError as why:
                self._rows[name] = f"not seen: {why.what}"
        gone: frozenset[int] = frozenset()
        for name in sorted(roles, key=lambda name: roles[name]):
            recovering, streams = roles[name]
            self._primary = self._primary if recovering else name
            try:
                missing = self._missing(name, wanted, gone, patience if streams else 0.0)
            except HaError as why:
                self._rows[name] = f"not seen: {why.what}"
                continue
            gone = gone if recovering else missing
            self._rows[name] = f"all {len(wanted)}"
            if missing and not recovering:  # only what the primary lacks is lost
                self.lost[name] = sorted(missing)
                self._rows[name] = f"✗ {len(missing)} LOST: {spans_of(missing)}"
            elif missing:
                self._rows[name] = (
                    f"{len(missing)} not there: {_why_not_there(missing - gone, streams)}"
                )
            if recovering and streams and missing - gone:
                self.behind[name] = sorted(missing - gone)

    def _missing(
        self, name: str, wanted: frozenset[int], gone: frozenset[int], patience: float
    ) -> frozenset[int]:
        """The rows that a node does not have.

        Those that are not gone for good are waited for.
        """
        deadline = time.monotonic() + patience
        while True:
            missing = wanted - canary_rows(self._run.doors[name].sql, self._run.id)
            if missing <= gone or time.monotonic() >= deadline:
                return missing
            time.sleep(0.05)

    def _role(self, name: str) -> tuple[bool, bool]:
        """Whether a node is in recovery, and whether it streams."""
        fed = "exists (select from pg_stat_wal_receiver where status = 'streaming')"
        row = self._run.doors[name].sql.read(
            f"select pg_is_in_recovery() as recovers, {fed} as fed"
        )[0]
        return row["recovers"], row["fed"]

    def _tell(self, seen: Attempts) -> None:
        """Keep the attempts as canary.csv, and write into the journal what they come to."""
        lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in seen.rows())]
        digest = self._run.keep(CANARY_CSV, ("\n".join(lines) + "\n").encode())
        self._run.journal.write(
            CANARY_ENDED,
            **account_of(seen),
            rows=self._rows,
            lost=self.lost,
            behind=self.behind,
            sha256=digest,
        )

    def _every_row_is_there(self) -> Check:
        count = len(self.seen.acknowledged) if self.seen else 0

        def why_not(_: Snapshot) -> str | None:
            """Every row that the canary was told is committed is there.

            Stop whatever would overwrite the old primary's disk: it may hold the only copy of these
            commits.
            """
            if not self._primary:
                raise NotSeen("no node is writable, so nobody can tell")
            if not count:
                raise NotSeen(
                    "the canary got no row in; it ended because: "
                    f"{self.seen.ended if self.seen else ''}"
                )
            told = [
                f"{name} lacks {spans_of(missing)} of run {self._run.id}"
                for name, missing in self.lost.items()
            ]
            return f"ACKNOWLEDGED ROWS ARE LOST: {'; '.join(told)}" if told else None

        return check(value=lambda _: f"{count} rows")(why_not)

    def _every_row_is_replayed(self) -> Check:
        def why_not(_: Snapshot) -> str | None:
            """The standby has replayed every row that the canary was told is committed.

            Nothing is lost by that: the primary has them. Run verify: it says what holds the
            replay.
            """
            told = [
                f"{name} has not replayed {spans_of(rows)}" for name, rows in self.behind.items()
            ]
            if not told:
                return None
            return (
                f"{'; '.join(told)} of run {self._run.id}; {self._primary or 'the primary'} "
                "has them"
            )

        return check(
            value=lambda _: "; ".join(f"{name}: {words}" for name, words in self._rows.items())
        )(why_not)


def account_of(seen: Attempts) -> Mapping[str, Any]:
    """What a canary saw, for the journal.

    Counts, the outage with its ends in UTC, and latencies, in seconds.
    """
    gap = seen.gap
    return {
        "attempts": len(seen.attempts),
        **{
            name: seen.count(code)
            for name, code in (("acknowledged", "ok"), ("refused", "refused"))
        },
        "unanswered": seen.count("unanswered"),
        "outage": _outage(gap) if gap else None,
        "median": seen.latency(0.5),
        "p99": seen.latency(0.99),
        "said": dict(seen.said),
        "because": seen.ended,
    }


def _outage(gap: Gap) -> dict[str, Any]:
    ends = {
        "began": utc(gap.began),
        "ended": utc(gap.ended),
        "over": gap.over,
        "since_row": gap.since_row,
    }
    return {"seconds": round(gap.seconds, 4), **ends}


def _why_not_there(behind: frozenset[int], streams: bool) -> str:
    """Why a standby lacks rows, `behind` of which the primary has."""
    if not behind:
        return "the primary has lost them"
    return "it has not replayed them" if streams else "it does not stream"


def _when(gap: Gap) -> str:
    first = "" if gap.since_row else ", when the canary began,"
    return f"from {utc(gap.began)}{first} to {utc(gap.ended)}" + (
        "" if gap.over else ", when it ended: not over"
    )


def _latency(seen: Attempts) -> str:
    half, most = seen.latency(0.5), seen.latency(0.99)
    if half is None or most is None:
        return ""
    return f"{half * 1000:.1f} ms (median), {most * 1000:.1f} ms (99 of 100)"
