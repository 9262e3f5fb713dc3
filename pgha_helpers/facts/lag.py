"""Lag, measured on both ends.

Bytes and seconds, as the primary sees its standby and as the standby sees itself. It is watched
beside the run, see `sampler`; a cell asks what was seen so far.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import Snapshot, frontend, show
from ..model.errors import Refusal
from ..model.lag_file import LAG_COLUMNS, LagRow
from ..run.run import Run
from .live_chart import live
from .sampler import Said, Sampler, keep_rows, lag_question, lag_row, said_by, worst_lag

if TYPE_CHECKING:
    import pandas as pd

_WATCHED = ("verify", "promote")


@dataclass(frozen=True)
class Lag(show.Shown):
    """Samples, oldest first.

    Kept without pandas, which takes half a second to load: a light verify never draws. What was
    taken `in_passing` is no picture by itself: nobody looks at it before something was done.
    """

    rows: tuple[LagRow, ...]
    in_passing: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        """The same for pandas, with a column per field of LagRow."""
        import pandas as pd

        numbers, names = LAG_COLUMNS[:5], LAG_COLUMNS[5:]
        told = pd.DataFrame(list(self.rows), columns=list(LAG_COLUMNS))
        return told.astype({**dict.fromkeys(numbers, float), **dict.fromkeys(names, object)})

    def table(self) -> show.Table:
        """What was seen at worst."""
        size, span = (worst_lag(self.rows, unit) for unit in ("bytes", "seconds"))
        words = [str(len(self.rows)), "", ""]
        if size is not None:
            words[1] = show.size(size)
        if span is not None:
            words[2] = show.span(span)
        return show.Table(("samples", "worst lag", ""), [tuple(words)])


def watch(run: Run) -> None:
    """Begin to watch the lag beside this run, if its notebook shows it."""
    if run.notebook in _WATCHED and not run.parameters.get("light"):
        _sampler(run)


def _sampler(run: Run) -> Sampler:
    found = run.beside.attended(Sampler)
    if found is None:
        found = Sampler(run)
        run.beside.attend(found)
    return found


def sample(run: Run, now: Snapshot, seconds: float | None = None) -> Lag:
    """What was seen of the lag since the run began, a row per sample.

    See LagRow for its columns; a node that does not answer leaves its own empty. The rows are added
    to the record's lag.csv. Nobody waits for more of them, unless they shall span so many
    `seconds`, by default those of the parameter `sample_seconds`; in JupyterLab they are drawn
    meanwhile. A light run takes one sample, and where no primary is seen that feeds anybody nobody
    waits at all: in a failover the clients are waiting. Raises Refusal when the run has ended.
    """
    still_open(run)
    if run.parameters.get("light"):
        return _once(run, now)
    sampler = _sampler(run)
    if any(primary.senders for primary in now.primaries):
        asked = run.parameters.get("sample_seconds", 0) if seconds is None else seconds
        left = max(0.0, float(str(asked)) - sampler.watched)
        with live(run, lambda: sampler.rows, left):
            time.sleep(left)
        sampler.next()
        in_passing = bool(run.parameters.get("confirm")) and not frontend.somebody()
    else:
        in_passing = True
    sampler.keep()
    return Lag(sampler.rows, in_passing)


def still_open(run: Run) -> None:
    """Raises Refusal when the run has ended.

    What is written into its record now would belie the journal.
    """
    if run.ended:
        raise Refusal("this run has ended", "run the first cell again: it begins a new run")


def _once(run: Run, now: Snapshot) -> Lag:
    """One sample of the nodes that answered when they were looked at.

    Whoever did not may take seconds to do so now.
    """
    at = time.time()
    running = [seen.node for seen in now.running]

    def ask(name: str) -> Said:
        if name not in running:
            return name, "", {}
        question = lag_question(run.pair.other(name).name)
        return said_by(name, lambda: run.doors[name].sql.read(*question))

    rows = (lag_row(at, run.both(ask)),)
    keep_rows(run, rows)
    return Lag(rows, in_passing=True)
