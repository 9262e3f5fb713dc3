"""The notebook's verb: a canary that is tried before the gate and begun after it.

In the end it is asked what it saw.
"""

from __future__ import annotations

from ...judgement.checks import Check
from ...judgement.plans import Plan
from ...model.errors import HaError
from ...model.show import Shown, Table
from ...run.events import CANARY_BEGUN, CANARY_ENDED, NO_CANARY
from ...run.run import Run
from .attempts import COLUMNS, Attempts
from .client import Errand
from .making import delete_canary_rows, ensure_canary_table
from .process import CanaryProcess
from .road import CONNECT, CanaryRoad, try_road
from .rows import RowsFound, every_row_is_replayed, every_row_is_there
from .telling import account_of, canary_lines

CANARY_CSV = "canary.csv"


def canary_client(run: Run, plan: Plan) -> Canary:
    """A canary for this run, tried but not begun.

    One that does nothing unless the parameter `canary` is true. Raises a Refusal where a switchover
    could not be measured; any other kind of promotion goes on without.
    """
    begun = run.beside.attended(Canary)
    if begun is not None:  # only one sings in a run
        return begun
    if not run.parameters.get("canary"):
        words = "No canary: nobody watches the outage as a client sees it (canary=true does)."
        print(words, flush=True)
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
    pause = f"{Errand.think * 1000:.0f} ms"
    print(f"The canary will write a row every {pause} by {road.told}.", flush=True)
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
        self._rows = RowsFound()
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
        self._run.beside.attend(self)
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
            self._rows.look(self._run, self.seen.acknowledged, self._run.timeouts.replay)
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
        if self.end() is None or self.seen is None:
            return ()
        return (
            every_row_is_there(self._run.id, self.seen, self._rows),
            every_row_is_replayed(self._run.id, self._rows),
        )

    @property
    def lost(self) -> dict[str, list[int]]:
        """Acknowledged rows that the primary, by its name, does not have."""
        return self._rows.lost

    @property
    def behind(self) -> dict[str, list[int]]:
        """Acknowledged rows that a standby, by its name, lacks and the primary has."""
        return self._rows.behind

    def table(self) -> Table:
        """The outage as this client saw it, what came of its attempts, and where its rows are."""
        rows = canary_lines(self.seen or Attempts())
        for name, words in self._rows.words.items():
            rows.append((f"acknowledged rows on {name}", words))
        return Table(("the canary", "what it saw"), rows)

    def _clean_up(self) -> None:
        """Delete the rows, unless some are lost.

        Rows that stay do no harm, so this fails no run.
        """
        primary = self._rows.primary
        if not primary or self.lost:
            return
        try:
            delete_canary_rows(self._run, primary)
        except HaError as why:
            print(f"The canary's rows stay: {why.what}", flush=True)

    def close(self) -> None:
        """The run ends, by whatever way: nothing is left behind, and what was seen is told."""
        if self._process is None or self.seen is not None or self._closed:
            return
        self._closed = True
        self.seen = self._process.end()
        self._rows.look(self._run, self.seen.acknowledged, patience=0.0)
        self._tell(self.seen)
        print(self, flush=True)

    def _tell(self, seen: Attempts) -> None:
        """Keep the attempts as canary.csv, and write into the journal what they come to."""
        lines = [",".join(COLUMNS)]
        for row in seen.rows():
            lines.append(",".join(map(str, row)))
        digest = self._run.keep(CANARY_CSV, ("\n".join(lines) + "\n").encode())
        self._run.journal.write(
            CANARY_ENDED,
            **account_of(seen),
            rows=self._rows.words,
            lost=self.lost,
            behind=self.behind,
            sha256=digest,
        )
