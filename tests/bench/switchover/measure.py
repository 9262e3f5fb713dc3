"""Who takes part, the rounds, and the tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from pgha_helpers.model.show import Table

from ...embedded import Lab
from ...lab.far import far_away
from ..busy import half_busy
from ..ledger import Ledger
from ..pairs import pair_of
from .auto_failover import AutoFailover
from .contender import PARTS, Contender, Peer, Round, Unavailable
from .floor import Floor, FloorWithBouncer, NaiveFloor
from .nodes import PROGRAMS
from .observer import Observer
from .ours import Ours, OursAsTyped, OursFarAway, OursWithBouncer
from .patroni import Patroni
from .private import Private
from .repmgr import Repmgr

_BEFORE, _AFTER = 0.5, 0.3  # seconds of writing before and after each switchover
_PARTS = (*PARTS, "redirect")
OVER_OURS = f"over {OursAsTyped.name}"
_FLOOR, _PAUSED_FLOOR = Floor.name, FloorWithBouncer.name


@dataclass
class Entry:
    """A contender's name, how it fared, and why it stopped or never began."""

    name: str
    contender: Contender | None = None
    rounds: list[Round] = field(default_factory=list)
    trouble: str = ""
    peer: Peer | None = None


def measure(folder: Path, rounds: int, busy: bool = False) -> Iterator[tuple[str, Table]]:
    """Headings and tables. A peer that is missing or fails is told in its row; the rest must work.

    `busy`: only the runbook and the floors, while other processes keep each core half busy.
    """
    if not PROGRAMS.is_dir():
        yield (
            "Planned switchover",
            Table(("", ""), [("not measured", f"no {PROGRAMS}: apt-get install postgresql-15")]),
        )
        return
    with ExitStack() as opened:
        entries = list(_entries(folder, opened, not busy))
        if busy:
            opened.enter_context(half_busy())
        for number in range(rounds):
            for entry in _in_turn([entry for entry in entries if entry.contender], number):
                _take_turn(entry)
        version = entries[0].contender.nodes.version if entries[0].contender else ""
    rate = median(one.seen.rate for entry in entries for one in entry.rounds)
    beside = ", every core half busy with something else" if busy else ""
    versions = ", ".join(
        [f"PostgreSQL {version}", *dict.fromkeys(filter(None, map(_version, entries)))]
    )
    yield (
        f"Planned switchover{beside}: {versions}; {rate:.0f} commits/s, {rounds} rounds in turn",
        outages(entries),
    )
    yield "Where the milliseconds of the outage go (medians)", parts(entries)
    yield "What of the runbook works in the outage (medians)", costs(entries)
    yield f"Where the seconds of {OursAsTyped.name} go (medians)", seconds(entries)


def _entries(folder: Path, opened: ExitStack, everybody: bool) -> Iterator[Entry]:
    """Everybody, with their servers up. Those that share two servers take turns on them."""

    def pair(name: str) -> Lab:
        return opened.enter_context(pair_of(folder / name, PROGRAMS))

    def private(name: str) -> Private:
        return opened.enter_context(Private(folder / name))

    ours, floor = pair("ours"), pair("floor")
    yield _entry(Ours.name, lambda: Ours(ours))
    yield _entry(OursAsTyped.name, lambda: OursAsTyped(ours))
    yield _entry(_FLOOR, lambda: Floor(floor))
    yield _entry(NaiveFloor.name, lambda: NaiveFloor(floor))
    if not everybody:
        return
    far = opened.enter_context(far_away(ours, ours.folder, OursFarAway.away))
    yield _entry(OursFarAway.name, lambda: OursFarAway(ours, far.pair_file))
    yield _entry(
        OursWithBouncer.name, lambda: OursWithBouncer(pair("ours-paused"), private("ours-bouncer"))
    )
    yield _entry(
        _PAUSED_FLOOR, lambda: FloorWithBouncer(pair("floor-paused"), private("floor-bouncer"))
    )
    yield from _peer(Repmgr.name, lambda: Repmgr(private("repmgr")))
    yield from _peer(Patroni.name, lambda: Patroni(private("patroni")))
    yield from _peer(AutoFailover.name, lambda: AutoFailover(private("pgaf")))


def _entry(name: str, make: Callable[[], Contender]) -> Entry:
    try:
        return Entry(name, make())
    except Unavailable as why:
        return Entry(name, trouble=str(why))


def _peer(name: str, make: Callable[[], Peer]) -> Iterator[Entry]:
    """A peer with its defaults, and with its own quickest settings, on the same two servers."""
    try:
        peer = make()
    except (Unavailable, RuntimeError) as why:
        yield Entry(name, trouble=f"not measured: {' '.join(str(why).split())[-200:]}")
        return
    quick = peer.quickest()
    yield Entry(peer.name, peer, peer=peer)
    yield Entry(quick.name, quick, peer=quick)


def _in_turn(entries: list[Entry], number: int) -> list[Entry]:
    """Another order each round: nobody always comes after the same one."""
    first = number % len(entries)
    return entries[first:] + entries[:first]


def _take_turn(entry: Entry) -> None:
    assert entry.contender
    try:
        if entry.peer:
            entry.peer.get_ready()
        entry.rounds.append(one_round(entry.contender))
    except RuntimeError as trouble:
        if not entry.peer:
            raise
        entry.contender, entry.trouble = None, f"failed: {' '.join(str(trouble).split())[-200:]}"


def one_round(contender: Contender) -> Round:
    """One switchover under load, from whoever is primary to the other node."""
    old, new = contender.nodes.roles()
    with Ledger(contender.dsn) as ledger, Observer(contender.nodes, new) as observer:
        time.sleep(_BEFORE)
        began = time.time()
        told = contender.switch(old, new)
        ended = time.time()
        healthy = observer.wait()
        time.sleep(_AFTER)
        return Round(ledger.read((began, time.time())), told, healthy - began, ended - began)


def outages(entries: Sequence[Entry]) -> Table:
    """A row per contender. The pause of a paused one is compared with the paused floor's."""
    floor, typed = (
        median(one.gap for one in _of(entries, name)) for name in (_FLOOR, OursAsTyped.name)
    )
    rows = []
    for entry in entries:
        if not entry.rounds:
            rows.append((entry.name, entry.trouble, *[""] * 8))
            continue
        gaps = [one.gap for one in entry.rounds]
        rows.append(
            (
                entry.name,
                _spread(gaps, 1000, "{:.0f}"),
                f"{median(gaps) / floor:.2f}",
                f"{median(gaps) / typed:.2f}",
                _pauses(entries, entry),
                _spread([one.seen.failed for one in entry.rounds], 1, "{:.0f}"),
                f"{sum(one.seen.lost for one in entry.rounds)}",
                _spread([one.healthy for one in entry.rounds], 1, "{:.2f}"),
                _spread([one.command for one in entry.rounds], 1, "{:.2f}"),
                _beside(entry),
            )
        )
    head = (
        "",
        "outage, ms",
        "over the fast floor",
        OVER_OURS,
        "pause, ms",
        "failed attempts",
        "rows lost",
        "both healthy, s",
        "command, s",
        "",
    )
    return Table(head, rows)


def costs(entries: Sequence[Entry]) -> Table:
    """A row per way in which the runbook was run: processor time of its processes, and what it
    waited for.
    """
    rows = []
    for entry in entries:
        if told := [one.told for one in entry.rounds if one.told.trips]:
            each = dict.fromkeys(name for one in told for name in one.processor)
            work = {name: [one.processor.get(name, 0.0) for one in told] for name in each}
            asked = [
                sum(count for kind, count in one.trips.items() if "beside" not in kind)
                for one in told
            ]
            beside = [
                sum(one.trips.values()) - waited for one, waited in zip(told, asked, strict=True)
            ]
            processes = ", ".join(
                f"{name} {median(values) * 1000:.1f}" for name, values in work.items()
            )
            everything = _spread([sum(one.processor.values()) for one in told], 1000, "{:.1f}")
            rows.append(
                (
                    entry.name,
                    everything,
                    processes,
                    *(_spread(n, 1, "{:.0f}") for n in (asked, beside)),
                )
            )
    head = (
        "",
        "processor, ms",
        "of which",
        "answers waited for, one after the other",
        "asked beside that",
    )
    return Table(head, rows)


def seconds(entries: Sequence[Entry]) -> Table:
    """A row per stage of the command."""
    told = [one.told.stages for one in _of(entries, OursAsTyped.name)]
    rows = [(stage, f"{median(one.get(stage, 0.0) for one in told):.2f}") for stage in told[0]]
    return Table(("s", ""), rows)


def parts(entries: Sequence[Entry]) -> Table:
    """A column per contender that tells; `the rest` is what the client saw beyond what the
    contender did.
    """
    telling = [entry for entry in entries if any(one.told.parts for one in entry.rounds)]
    rows = [
        (part, *(_ms([_part(one, part) for one in entry.rounds]) for entry in telling))
        for part in _PARTS
    ]
    rows.append(("the rest", *(_ms([_rest(one) for one in entry.rounds]) for entry in telling)))
    rows.append(("the outage", *(_ms([one.gap for one in entry.rounds]) for entry in telling)))
    return Table(("ms", *(entry.name for entry in telling)), rows)


def _part(one: Round, part: str) -> float:
    return one.told.parts.get(part, 0.0)


def _rest(one: Round) -> float:
    return one.gap - sum(one.told.parts.values())


def _of(entries: Sequence[Entry], name: str) -> list[Round]:
    return next(entry.rounds for entry in entries if entry.name == name)


def _pauses(entries: Sequence[Entry], entry: Entry) -> str:
    pauses = [one.told.pause for one in entry.rounds if one.told.pause is not None]
    if not pauses:
        return ""
    floor = median(one.told.pause or 0.0 for one in _of(entries, _PAUSED_FLOOR))
    return f"{_spread(pauses, 1000, '{:.0f}')}, {median(pauses) / floor:.2f} of the paused floor's"


def _version(entry: Entry) -> str:
    return entry.contender.version if entry.contender else ""


def _beside(entry: Entry) -> str:
    """What else there is to say of a contender."""
    told, rounds = [entry.trouble], entry.rounds
    if since := [one.told.after_gate for one in rounds if one.told.after_gate is not None]:
        told.append(f"gate to last step {_spread(since, 1, '{:.2f}')} s")
    if memory := [one.told.memory for one in rounds if one.told.memory]:
        most = max(memory)
        told.append(
            f"memory {most.pss / 1e6:.0f} MB (RSS of its processes {most.rss / 1e6:.0f} MB)"
        )
    return ", ".join(filter(None, told))


def _spread(values: Sequence[float], times: float, form: str) -> str:
    """The median, the least and the greatest, and how many."""
    told = (form.format(value * times) for value in (median(values), min(values), max(values)))
    middle, least, greatest = told
    return f"{middle} [{least}-{greatest}] n={len(values)}"


def _ms(values: Sequence[float]) -> str:
    return f"{median(values) * 1000:.0f}"
