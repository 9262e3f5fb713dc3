"""The rounds and the tables. PGHA_BENCH_SCALE is pgbench's, about 15 MB each: a small one tries it
quickly.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from pgha_helpers.model.show import Table, size

from ..pairs import pair_of
from ..switchover.nodes import PROGRAMS, Nodes
from .contender import ByHand, Contender, Ours, Rebuilt, as_typed
from .loser import ITS_OWN, MISSED, fill, leave, sweep

_SCALE = 72  # 1.1 GB
_METHODS = ("clone", "rsync", "rewind")
_MEMORY = 250  # MB that the runbook may hold

Found = dict[str, list[Rebuilt]]


def measure(folder: Path, rounds: int) -> Iterator[tuple[str, Table]]:
    """Headings and tables. One turn of the runbook before the first is not counted."""
    lacking = {"postgresql-15": PROGRAMS.is_dir(), "rsync": shutil.which("rsync")}
    if missing := [package for package, there in lacking.items() if not there]:
        yield "Rebuild", Table(("", ""), [("not measured", f"apt-get install {' '.join(missing)}")])
        return
    scale = int(os.environ.get("PGHA_BENCH_SCALE", _SCALE))
    ours = [*map(Ours, _METHODS), Ours("rsync", over_ssh=True), Ours("")]
    contenders: list[Contender] = [ByHand("clone"), ByHand("rewind"), *ours]
    found: Found = {each.name: [] for each in contenders}
    with pair_of(folder / "pair", PROGRAMS) as lab:
        bytes_, version = fill(lab, scale), Nodes.of(lab).version
        for method in _METHODS:
            Ours(method).rebuild(lab, leave(lab))  # grants, caches, and rates for the planner
            sweep(lab)
        for number in range(rounds):
            turn = number % len(contenders)
            for contender in (*contenders[turn:], *contenders[:turn]):
                found[contender.name].append(contender.rebuild(lab, leave(lab)))
                sweep(lab)
        weights = {}
        for method in _METHODS:
            leave(lab)
            weights[method] = as_typed(lab, method).memory
            sweep(lab)
    heading = (
        f"A loser killed with -9, {size(bytes_)}, PostgreSQL {version}, {rounds} rounds in turn; "
    )
    yield heading + f"{ITS_OWN} commits are its own, {MISSED} are what it lacks", seconds(found)
    weighed = [memory.pss / 2**20 for memory in weights.values() if memory]
    yield "What was asked", asked(found, max(weighed))
    yield "Where the seconds go (medians)", places(found)


def seconds(found: Found) -> Table:
    """A row per contender."""
    rows = []
    for name, each in found.items():
        values, moved = [one.seconds for one in each], [one.moved for one in each if one.moved]
        spread = f"{median(values):.2f} [{min(values):.2f}-{max(values):.2f}] n={len(values)}"
        methods = ", ".join(dict.fromkeys(one.method for one in each))
        rows.append((name, methods, spread, size(median(moved)) if moved else ""))
    return Table(("", "method", "decided to streaming, s", "bytes moved"), rows)


def asked(found: Found, memory: float) -> Table:
    """What the issue asks for, and whether it is so. Ratios of medians; in brackets those of each
    round.
    """
    by_hand = ByHand("clone").name
    clone, rsync, rewind = (Ours(method).name for method in _METHODS)
    best = min((clone, rsync, rewind), key=lambda name: median(one.seconds for one in found[name]))
    rows = [
        _ratio(
            "clone, over pg_basebackup and pg_verifybackup by hand", found, clone, by_hand, 1.05
        ),
        _ratio("rsync on one machine, over the same", found, rsync, by_hand, 0.4),
        _ratio("  over our own clone", found, rsync, clone),
        _wire(found[Ours("rsync", over_ssh=True).name], found[clone]),
        _ratio("rewind, over pg_rewind by hand", found, rewind, ByHand("rewind").name, 1.1),
        _alone(found[rewind], found[ByHand("rewind").name]),
        _ratio(f"its own choice, over the best ({best})", found, Ours("").name, best, 1.2),
        (
            "memory of pgha run, all its processes",
            f"{memory:.0f} MB",
            f"{_MEMORY} MB",
            _reached(memory, _MEMORY),
        ),
    ]
    return Table(("", "measured", "asked, at most", "reached"), rows)


def _ratio(
    what: str, found: Found, name: str, over: str, limit: float | None = None
) -> tuple[str, str, str, str]:
    one, other = ([each.seconds for each in found[key]] for key in (name, over))
    ratio = median(one) / median(other)
    each = [a / b for a, b in zip(one, other, strict=True)]
    verdict = (f"{limit:.2f}", _reached(ratio, limit)) if limit else ("", "")
    return what, f"{ratio:.2f} [{min(each):.2f}-{max(each):.2f}]", *verdict


def _alone(ours: Sequence[Rebuilt], by_hand: Sequence[Rebuilt]) -> tuple[str, str, str, str]:
    one, other = (median(each.alone for each in turns) for turns in (ours, by_hand))
    return "  of which recovery and pg_rewind, over pg_rewind alone", f"{one / other:.2f}", "", ""


def _wire(rsync: Sequence[Rebuilt], clone: Sequence[Rebuilt]) -> tuple[str, str, str, str]:
    one, other = (median(each.moved or 0 for each in turns) for turns in (rsync, clone))
    return (
        "bytes over the wire: rsync over ssh, over our clone",
        f"{one / other:.2f}",
        "1.00",
        _reached(one, other),
    )


def _reached(value: float, limit: float) -> str:
    return "yes" if value <= limit else "no"


def places(found: Found) -> Table:
    """Deeds and what lies between them, by method."""
    rows = []
    for name, each in found.items():
        shapes = [dict(one.deeds) for one in each]
        for deed in shapes[0]:
            took = median(shape.get(deed, 0.0) for shape in shapes)
            rows.append((name, deed, f"{took * 1000:.0f} ms"))
    return Table(("", "", ""), rows)
