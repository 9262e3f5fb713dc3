"""What must hold when a run that was killed with -9 is run again with the same words.

It ends well, and there is nothing left to do; never were two nodes writable; every acknowledged row
is there; what only the loser had is in a record or in a directory that is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg2

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild
from pgha_helpers.model.errors import HaError, NotConfirmed
from pgha_helpers.run.journal import read

from ..embedded import Lab, Load
from .dying import SEED, Death, Words
from .losers import left_behind
from .runs import carry_out, running
from .servers import Watch, ask, records, wait_for, walsender, writable

_SETTLED, _MORE = 50, 20  # acknowledged rows before the first trouble, and after the last
_LEFT = 3  # transactions that only the loser has
_PATIENCE = 20.0  # seconds
_PAGE, _HEADERS = 8192, (24, 20)  # bytes of a page of WAL, since 9.3 and before


#: How many boundaries each procedure has, more or less: tests choose among them, a trial counts
#: them.
BOUNDARIES = {
    "failover": 24,
    "rebuild by clone": 16,
    "rebuild by rsync": 22,
    "rebuild by rewind": 32,
}


@dataclass
class Told:
    """One procedure that was killed and run again. `died` is where, or empty; `faults` is what must
    not have been.
    """

    died: str = ""
    seconds: float = 0.0  # of the run that was to be killed, from its gate on
    overlaps: int = 0
    lost: int = 0
    converged: bool = False
    faults: list[str] = field(default_factory=list)

    def fault(self, words: str) -> None:
        """Something must not have happened, and did."""
        self.faults.append(f"died {self.died or 'never'}: {words}")


def failover(pair: Lab, death: Death) -> Told:
    """A primary is killed under load, its last rows on its own disk only; then it is rebuilt, to
    have a pair again.
    """
    old, told = writable(pair)[0], Told()
    new = _other(old)
    words = Words("promote", f"promote {new}", {"occasion": "failover"})
    with _seen(pair, new, told) as load:
        load.more(_SETTLED)
        os.kill(walsender(pair, old), signal.SIGSTOP)
        load.more(_MORE)
        pair.kill(old)
        converged = _killed_and_run_again(pair, words, death, told)
    told.converged = converged and not told.faults
    _rebuild_what_was_lost(pair, old, told)
    return told


def rebuild(method: str) -> Callable[[Lab, Death], Told]:
    """A node that has what the primary lacks is made its standby by this method."""

    def rebuilt(pair: Lab, death: Death) -> Told:
        loser, told = writable(pair)[0], Told()
        with contextlib.suppress(psycopg2.errors.DuplicateTable):
            ask(pair, loser, "create table t (word text)")
        mine = f"only on {loser}, {uuid.uuid4().hex}"
        left_behind(pair, loser, _LEFT, words=mine)
        known = set(records(pair))
        words = Words("rebuild", f"rebuild {loser}, leave {_LEFT} transactions", {"method": method})
        with _seen(pair, _other(loser), told) as load:
            load.more(_MORE)
            converged = _killed_and_run_again(pair, words, death, told)
        _see_whole(pair, loser, told)
        _see_kept(pair, loser, mine, [path for path in records(pair) if path not in known], told)
        told.converged = converged and not told.faults
        _clear(pair)
        return told

    return rebuilt


PROCEDURES: dict[str, Callable[[Lab, Death], Told]] = {
    "failover": failover,
    "rebuild by clone": rebuild("clone"),
    "rebuild by rsync": rebuild("rsync"),
    "rebuild by rewind": rebuild("rewind"),
}


def boundary_in(procedure: str, part: int, of: int) -> int:
    """One of its boundaries in this part, counted from 0, of so many; which one turns with the
    seed.
    """
    size = -(-BOUNDARIES[procedure] // of)
    return part * size + 1 + SEED % size


@contextlib.contextmanager
def _seen(pair: Lab, primary: str, told: Told) -> Iterator[Load]:
    """Clients write, and both nodes are looked at every 5 ms. In the end `primary` takes writes,
    and has every row.
    """
    with Watch(pair) as watch, Load(pair.dsn, clients=2, think=0.01) as load:
        yield load
        if not load.more(_MORE):
            told.fault("clients cannot write")
    if here := [] if writable(pair) == [primary] else writable(pair):
        told.fault(f"writable: {', '.join(here)}")
    told.overlaps, told.lost = watch.overlaps, len(load.missing(pair.dsn))
    if told.overlaps:
        told.fault(f"two nodes were writable at {told.overlaps} moments")
    if told.lost:
        told.fault(f"{told.lost} acknowledged rows are lost")


def _killed_and_run_again(pair: Lab, words: Words, death: Death, told: Told) -> bool:
    """Whether the second run ends well: once more where the gate's answer was overtaken by a
    pending promotion.

    Where pg_rewind itself was killed, the run that insists on a rewind is refused, and the one that
    does not is due.
    """
    told.died = death(pair, words)
    told.seconds = _past_its_gate(list(records(pair))[-1])
    for last in (False, True):
        try:
            carry_out(pair, words.notebook, words.consent, **words.parameters)
            return True
        except SystemExit as way_out:  # the gate's, where nothing is left to do
            if way_out.code:
                raise  # somebody ends the trial
            return True
        except NotConfirmed as overtaken:
            if last or words.notebook != "promote":
                told.fault(f"the second run: {overtaken}")
                return False
        except HaError as error:
            if last or "a rewind of it did not end" not in str(error):
                told.fault(f"the second run: {error}")
                return False
            # as the refusal says: what is half rewound is never rewound
            words = Words(words.notebook, words.consent)
    return False


def _past_its_gate(record: Path) -> float:
    story = read(record)
    began, ended = (
        datetime.fromisoformat(e["at"]) for e in (story.first("gate passed"), story.events[-1])
    )
    return (ended - began).total_seconds()


def _rebuild_what_was_lost(pair: Lab, old: str, told: Told) -> None:
    try:
        carry_out(pair, "rebuild", f"rebuild {old}")
    except HaError as error:
        told.fault(f"the rebuild after it: {error}")
    else:
        _see_whole(pair, old, told)
    _clear(pair)


def _see_whole(pair: Lab, standby: str, told: Told) -> None:
    """The plan says that nothing is to be done, and the standby has the primary's rows and no
    others.
    """
    try:
        with running(pair, "rebuild") as run:
            if not (plan := plan_rebuild(run, look(run))).already:
                told.fault(f"something is left to do: {plan}")
                return
    except HaError as error:
        told.fault(f"no plan can be made: {error}")
        return
    both = standby, _other(standby)
    if not wait_for(lambda: _rows(pair, both[0]) == _rows(pair, both[1]), _PATIENCE):
        its, ours = (_rows(pair, node) for node in both)
        told.fault(f"{standby} has {its} and the primary {ours}")


def _rows(pair: Lab, node: str) -> list[tuple[object, ...]]:
    """Number and content of the rows of both tables, as far as they exist."""
    tables = [
        name
        for name in ("pgha_load", "t")
        if ask(pair, node, "select count(*) > 0 from pg_class where relname = %s", name)[0][0]
    ]
    return [
        row
        for table in tables
        for row in ask(
            pair,
            node,
            f"select count(*), md5(string_agg(r::text, ',' order by r::text)) from {table} r",
        )
    ]


def _see_kept(pair: Lab, loser: str, mine: str, folders: list[Path], told: Told) -> None:
    """Every row that only the loser had is in the WAL of a record, or in a directory that is kept
    beside its own.
    """
    if not any((folder / "diverged.csv").exists() for folder in folders):
        told.fault("no record lists what only it had")
    beside = pair.node(loser).data_directory.parent.glob("data.*aside-*/pg_[wx]*l*/0*")
    kept = [
        _content(path, header)
        for header in _HEADERS
        for path in (*(file for folder in folders for file in folder.glob("wal-0*")), *beside)
    ]
    for number in range(_LEFT):
        if not any(f"{mine}: {number}".encode() in content for content in kept):
            told.fault(f"its row {number} is kept nowhere")


def _content(segment: Path, header: int) -> bytes:
    """Its bytes without the headers of its pages, which lie in the middle of a row that goes on
    over a page's end.
    """
    whole = segment.read_bytes()
    return b"".join(whole[at + header : at + _PAGE] for at in range(0, len(whole), _PAGE))


def _clear(pair: Lab) -> None:
    """Remove what was kept, and seen: a trial would fill the disk."""
    for node in pair.nodes:
        for path in pair.node(node).data_directory.parent.glob("data.*aside-*"):
            shutil.rmtree(path)
    for folder in records(pair):
        for file in folder.glob("wal-*"):
            file.unlink()


def _other(node: str) -> str:
    return "db1" if node == "db0" else "db0"
