"""The rounds and the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pgha_helpers.model.show import Table

from ..ledger import Ledger, Seen
from ..pairs import pair_of
from ..switchover.nodes import PROGRAMS, Nodes, ask
from .contender import ByHand, Contender, Ours, Promoted, make_whole

# seconds before and after each failover, in which clients write if there are any
_BEFORE, _AFTER = 0.5, 0.3
_ASKED = 1.5  # at most so many times as long as a promotion by hand, the copy of the salvage apart


@dataclass(frozen=True)
class Round:
    """One failover: what the contender tells, and what clients saw, if there were any."""

    told: Promoted
    seen: Seen | None


Found = dict[str, list[Round]]


def measure(folder: Path, rounds: int) -> Iterator[tuple[str, Table]]:
    """Headings and tables."""
    if not PROGRAMS.is_dir():
        yield (
            "Failover",
            Table(("", ""), [("not measured", f"no {PROGRAMS}: apt-get install postgresql-15")]),
        )
        return
    with ExitStack() as opened:
        ours = Ours(opened.enter_context(pair_of(folder / "ours", PROGRAMS)))
        hand = ByHand(opened.enter_context(pair_of(folder / "hand", PROGRAMS)))
        version = Nodes.of(ours.lab).version
        quiet = _in_turn(ours, hand, rounds, written_to=False)
        busy = _in_turn(ours, hand, rounds, written_to=True)
    rate = median(one.seen.rate for each in busy.values() for one in each if one.seen)
    what = f"A primary killed with -9, PostgreSQL {version}, asynchronous, {rounds} rounds in turn"
    yield f"{what}; nobody writes", failovers(quiet)
    yield (
        f"{what}; four clients write {rate:.0f} rows/s, and come back every 20 ms",
        failovers(busy),
    )
    yield "What was asked", asked(quiet, busy)


def _in_turn(ours: Contender, hand: Contender, rounds: int, written_to: bool) -> Found:
    found: Found = {ours.name: [], hand.name: []}
    for number in range(rounds):
        for contender in [ours, hand] if number % 2 else [hand, ours]:
            found[contender.name].append(one_round(contender, written_to))
    return found


def one_round(contender: Contender, written_to: bool) -> Round:
    """Kill the primary, under load or not, promote the other node, and rebuild what was killed.

    Each begins with a segment of its own: a server whose WAL ends in the last quarter of one makes
    the next one while it promotes, which takes 18 ms here, and one contender would find that more
    often than the other. A record stands in it, so that no round ends at the very beginning of a
    segment.
    """
    old, new = Nodes.of(contender.lab).roles()
    with Nodes.of(contender.lab).session(old) as session:
        ask(session, "select pg_switch_wal()")
        ask(session, "select pg_logical_emit_message(true, 'bench', 'a record')")
    with ExitStack() as opened:
        if written_to:
            ledger = opened.enter_context(Ledger(Nodes.of(contender.lab).writable_dsn))
        else:
            ledger = None
        time.sleep(_BEFORE)
        began = time.time()
        contender.lab.kill(old)
        told = contender.promote(new)
        time.sleep(_AFTER)
        seen = ledger.read((began, time.time())) if ledger else None
    make_whole(contender.lab)
    return Round(told, seen)


def failovers(found: Found) -> Table:
    """A row per contender. The ratios are over the promotion by hand: without the copy, and without
    its replay too.
    """
    rows = []
    for name, each in found.items():
        barest = median(one.told.seconds - one.told.copying - one.told.replaying for one in each)
        lost = [one.seen.lost for one in each if one.seen]
        rows.append(
            (
                name,
                _spread([one.told.at_gate for one in each]),
                _spread([one.told.seconds for one in each]),
                _spread([one.told.copying for one in each]),
                _spread([one.told.replaying for one in each]),
                f"{_bare(each) / _floor(found):.2f}",
                f"{barest / _floor(found):.2f}",
                f"{sum(lost)} in {sum(bool(n) for n in lost)} of {len(lost)}" if lost else "",
            )
        )
    head = (
        "",
        "the gate itself, ms",
        "from the gate to writable, ms",
        "of which copying WAL, ms",
        "and replaying that, ms",
        "without the copy, over by hand",
        "without both, over by hand",
        "acknowledged rows lost",
    )
    return Table(head, rows)


def asked(quiet: Found, busy: Found) -> Table:
    """The ratio that was asked, on a quiet pair and on one that is written to."""
    rows = []
    for pair, found in (("nobody writes", quiet), ("four clients", busy)):
        ratio = _bare(found[Ours.name]) / _floor(found)
        rows.append(
            (
                f"from the gate to writable without the copy, over by hand: {pair}",
                f"{ratio:.2f}",
                f"{_ASKED:.2f}",
                "yes" if ratio <= _ASKED else "no",
            )
        )
    return Table(("", "measured", "asked, at most", "reached"), rows)


def _bare(each: Sequence[Round]) -> float:
    return median(one.told.seconds - one.told.copying for one in each)


def _floor(found: Found) -> float:
    return median(one.told.seconds for one in found[ByHand.name])


def _spread(values: Sequence[float]) -> str:
    middle, least, greatest = (
        f"{value * 1000:.0f}" for value in (median(values), min(values), max(values))
    )
    return f"{middle} [{least}-{greatest}] n={len(values)}"
