"""Reading a node's WAL with pg_waldump, line by line as it comes.

Of no WAL is more than a line in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from ....judgement.plans.rebuild import history_of
from ....model import Lsn, Position, frontend
from ....model.dialect import NEWEST, page_headers
from ....model.errors import understood
from ....model.foreign import lines_of
from ....model.losses import Losses, LostTransaction, Relation, Rows
from ....model.positions import segment_name, segment_start, there
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from ..by_bytes import PAGE
from ..older_history import by_positions
from ..waldump import waldump
from .records import Reader
from .stretches import Stretch, stretches

_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
# transactions that are kept in memory, a kilobyte each at most; the rest is counted
LISTED = 10_000
_LIST = """
cd -- "$1" && ls && for history in *.history; do
    if [ -f "$history" ]; then echo "history $history"; cat -- "$history"; echo; fi
done
"""


@dataclass(frozen=True)
class Files:
    """The names of a node's WAL files, and the texts of its histories by timeline."""

    names: tuple[str, ...]
    histories: dict[int, str]


def files_of(door: Door, wal: str = "") -> Files:
    """What is in the node's folder of WAL, or in another one."""
    answer = door.script(_LIST, wal or _wal(door)).text
    listed, *printed = answer.split("\nhistory ")
    histories = {}
    for part in printed:
        name, _, text = part.partition("\n")
        if _HISTORY.fullmatch(name):
            timeline = int(name[:8], 16)
            histories[timeline] = by_positions(door, timeline, text)
    with understood(door.node.name, "a .history file there"):
        for text in histories.values():
            history_of(text)
    return Files(tuple(lines_of(listed)), histories)


def read_once(
    run: Run,
    node: str,
    fork: Position,
    segment: int,
    start: Lsn,
    own: int,
    also: Callable[[LostTransaction], object] = lambda lost: None,
) -> tuple[Losses, Reader]:
    """Read from `start`, before the fork, to the end.

    `also` is given each transaction, and LISTED are kept. Raises Unreachable, or TooSlow after
    `timeouts.clone`.
    """
    door = run.doors[node]
    files = files_of(door)
    found = stretches(fork, files.names, files.histories, segment, start, own)
    reader = Reader(fork.lsn, segment, page_headers(door.programs() or NEWEST))
    tally = _Tally(also)
    unread = list[str]()
    if not found or found[0].start.lsn > fork.lsn:
        first = segment_name(fork, segment)
        unread.append(f"{node} has no {first} any more: what it wrote first is not known")
    if not found:
        losses = Losses(node, fork, fork.lsn, fork, segment, unread=tuple(unread))
        return losses, reader
    for stretch in found:
        complaint = _read_stretch(run, node, stretch, segment, reader, tally)
        at_the_end = stretch is found[-1] and "error in WAL record at" in complaint
        if complaint and not at_the_end:
            unread.append(f"{node}: {complaint}")
    last = found[-1]
    end = Position(last.start.timeline, max(reader.end, fork.lsn))
    unread += _beyond(door, end, last.last, segment)
    losses = Losses(node, fork, found[0].start.lsn, end, segment, unread=tuple(unread))
    losses = replace(losses, undecided=reader.undecided)
    return tally.put_into(losses), reader


def _read_stretch(
    run: Run, node: str, stretch: Stretch, segment: int, reader: Reader, tally: _Tally
) -> str:
    """Give each line of pg_waldump to the reader; why it ended before the end of the stretch."""
    door = run.doors[node]
    reader.complaint = ""
    with _bar(stretch, node, segment) as bar:
        on_line = _following(reader, tally, bar, stretch.start.lsn)
        status = attend(door, command(door, stretch), on_line, run.timeouts.clone)
    if not status:
        return ""
    return reader.complaint or f"pg_waldump ended with status {status}"


def _bar(stretch: Stretch, node: str, segment: int) -> tqdm[Any]:
    """A bar for what takes longer than a few seconds.

    Files that were made ahead count as if they held something.
    """
    end = int(segment_start(stretch.last, segment).lsn) + segment
    settings: dict[str, Any] = {
        "desc": f"reading the WAL of {node}",
        "total": end - int(stretch.start.lsn),
        "mininterval": 0.5,
        "delay": 3,
        "disable": not frontend.watched(),
        "unit": "B",
        "unit_scale": True,
        "unit_divisor": 1024,
    }
    return tqdm(**settings)


def _following(reader: Reader, tally: _Tally, bar: tqdm[Any], start: Lsn) -> Callable[[str], None]:
    count = 0

    def on_line(line: str) -> None:
        nonlocal count
        tally.add(reader.read(line))
        count += 1
        if count % 4096 == 0:
            done = int(reader.end) - int(start)
            bar.update(max(0, done - bar.n))

    return on_line


def _wal(door: Door) -> str:
    return door.wal


def command(door: Door, stretch: Stretch, *options: str) -> list[str]:
    """The program that reads a stretch, and its arguments."""
    # the times of commits are told in the zone of whoever asks; see facts.wal for why both files
    # are named
    argv = ["env", "TZ=UTC", *waldump(door), "-p", _wal(door)]
    argv += ["-t", str(stretch.start.timeline), "-s", str(stretch.start.lsn)]
    if stretch.until is not None:
        argv += ["-e", str(stretch.until)]
    return [*argv, *options, stretch.first, stretch.last]


def _beyond(door: Door, end: Position, last: str, segment: int) -> list[str]:
    """What to say if there are records beyond the end of what could be read.

    One in the middle is spoilt. The server would take that for the end, too, and open with less.
    """
    name = door.node.name
    page = _up(end.lsn, PAGE)
    for place in (end.lsn, page, Lsn(page + PAGE), _up(end.lsn, segment)):
        at = there(place, segment)
        first = segment_name(Position(end.timeline, at), segment)
        if first > last:
            continue
        stretch = Stretch(Position(end.timeline, at), first, last)
        answer = door.run(*command(door, stretch, "-n", "1"), okay=range(256))
        if "rmgr: " not in answer.text:
            continue
        if at == end.lsn:
            return [f"{name} goes on writing WAL: what comes after {end} is not listed"]
        spoilt = (
            f"{name}: the WAL cannot be read at {end}, and goes on at {at}: what it holds is "
            "not listed"
        )
        return [spoilt]
    return []


def _up(at: Lsn, unit: int) -> Lsn:
    return Lsn(-(-int(at) // unit) * unit)


class _Tally:
    """Counts what comes, and keeps the first of it."""

    def __init__(self, also: Callable[[LostTransaction], object]) -> None:
        self._also = also
        self._count = self._incomplete = self._wal = 0
        self._times = ["", ""]
        self._listed: list[LostTransaction] = []
        self._totals: dict[Relation, Rows] = {}

    def add(self, lost: LostTransaction | None) -> None:
        """Count one; None is no transaction."""
        if lost is None:
            return
        self._count += 1
        self._incomplete += not lost.complete
        self._wal += lost.wal
        first, last = self._times
        self._times = [min(first or lost.at, lost.at), max(last, lost.at)]
        for relation, rows in lost.rows:
            before = self._totals.get(relation, Rows())
            sums = [a + b for a, b in zip(before, rows, strict=True)]
            self._totals[relation] = Rows(*sums)
        if self._count <= LISTED:
            self._listed.append(lost)
        self._also(lost)

    def put_into(self, losses: Losses) -> Losses:
        """The same with what was counted."""
        return replace(
            losses,
            count=self._count,
            incomplete=self._incomplete,
            wal=self._wal,
            first=self._times[0],
            last=self._times[1],
            totals=self._totals,
            transactions=tuple(self._listed),
        )
