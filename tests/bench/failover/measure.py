"""The rounds and the table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pgha_helpers.show import Table

from ..ledger import Ledger, Seen
from ..pairs import pair_of
from ..switchover.nodes import PROGRAMS, Nodes, ask
from .contender import ByHand, Contender, Ours, Promoted, make_whole

_BEFORE, _AFTER = 0.5, 0.3  # seconds of writing before and after each failover


@dataclass(frozen=True)
class Round:
    """One failover: what the client saw, and what the contender tells."""

    seen: Seen
    told: Promoted


def measure(folder: Path, rounds: int) -> Iterator[tuple[str, Table]]:
    """Headings and tables."""
    if not PROGRAMS.is_dir():
        yield "Failover", Table(("", ""), [("not measured", f"no {PROGRAMS}: apt-get install postgresql-15")])
        return
    with ExitStack() as opened:
        ours = Ours(opened.enter_context(pair_of(folder / "ours", PROGRAMS)))
        hand = ByHand(opened.enter_context(pair_of(folder / "hand", PROGRAMS)))
        found: dict[str, list[Round]] = {ours.name: [], hand.name: []}
        for number in range(rounds):
            turn: list[Contender] = [ours, hand] if number % 2 else [hand, ours]
            for contender in turn:
                found[contender.name].append(one_round(contender))
        version = Nodes.of(ours.lab).version
    rate = median(one.seen.rate for each in found.values() for one in each)
    heading = f"A primary killed with -9, PostgreSQL {version}, {rate:.0f} commits/s, asynchronous, {rounds} rounds"
    yield heading, failovers(found)


def one_round(contender: Contender) -> Round:
    """Kill the primary under load, promote the other node, and rebuild what was killed.

    Each begins with a segment of its own: a server whose WAL ends in the last quarter of one makes the next one while
    it promotes, which takes 18 ms here, and one contender would find that more often than the other.
    """
    old, new = Nodes.of(contender.lab).roles()
    with Nodes.of(contender.lab).session(old) as session:
        ask(session, "select pg_switch_wal()")
    with Ledger(Nodes.of(contender.lab).writable_dsn) as ledger:
        time.sleep(_BEFORE)
        began = time.time()
        contender.lab.kill(old)
        told = contender.promote(new)
        time.sleep(_AFTER)
        seen = ledger.read((began, time.time()))
    make_whole(contender.lab)
    return Round(seen, told)


def failovers(found: dict[str, list[Round]]) -> Table:
    """A row per contender. The ratios are over the promotion by hand: without the copy, and without its replay too."""
    floor = median(one.told.seconds for one in found[ByHand.name])
    rows = []
    for name, each in found.items():
        bare = median(one.told.seconds - one.told.copying for one in each)
        barest = median(one.told.seconds - one.told.copying - one.told.replaying for one in each)
        lost = [one.seen.lost for one in each]
        rows.append(
            (
                name,
                _spread([one.told.seconds for one in each]),
                _spread([one.told.copying for one in each]),
                _spread([one.told.replaying for one in each]),
                f"{bare / floor:.2f}",
                f"{barest / floor:.2f}",
                f"{sum(lost)} in {sum(bool(n) for n in lost)} of {len(lost)}",
            )
        )
    head = (
        "",
        "decided to writable, ms",
        "of which copying WAL, ms",
        "and replaying that, ms",
        "without the copy, over by hand",
        "without both, over by hand",
        "acknowledged rows lost",
    )
    return Table(head, rows)


def _spread(values: Sequence[float]) -> str:
    middle, least, greatest = (f"{value * 1000:.0f}" for value in (median(values), min(values), max(values)))
    return f"{middle} [{least}-{greatest}] n={len(values)}"
