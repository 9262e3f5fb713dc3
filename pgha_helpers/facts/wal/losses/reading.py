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
from ....model.errors import understood
from ....model.foreign import lines_of
from ....model.losses import Losses, LostTransaction, Relation, Rows
from ....model.positions import segment_name, segment_start
from ....run.run import Run
from ....wire.attended import attend
from ....wire.doors import Door
from ..by_bytes import PAGE
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
    listed, *told = door.script(_LIST, wal or _wal(door)).text.split("\nhistory ")
    parts = (one.partition("\n") for one in told)
    histories = {int(name[:8], 16): text for name, _, text in parts if _HISTORY.fullmatch(name)}
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
    also: Callable[[LostTransaction], object] = lambda lost: None,
) -> tuple[Losses, Reader]:
    """Read from `start`, before the fork, to the end.

    `also` is given each transaction, and LISTED are kept. Raises Unreachable, or TooSlow after
    `timeouts.clone`.
    """
    door, files = run.doors[node], files_of(run.doors[node])
    found = stretches(fork, files.names, files.histories, segment, start)
    reader, tally, unread = Reader(fork.lsn, segment), _Tally(also), []
    if not found or found[0].start.lsn > fork.lsn:
        unread.append(
            f"{node} has no {segment_name(fork, segment)} any more: what it wrote first is "
            "not known"
        )
    for stretch in found:
        reader.complaint = ""
        with _bar(stretch, node, segment) as bar:
            on_line = _following(reader, tally, bar, stretch.start.lsn)
            status = attend(door, command(door, stretch), on_line, run.timeouts.clone)
        if status and not (stretch is found[-1] and "error in WAL record at" in reader.complaint):
            unread.append(f"{node}: {reader.complaint or f'pg_waldump ended with status {status}'}")
    last = found[-1].start.timeline if found else fork.timeline
    end = Position(last, max(reader.end, fork.lsn))
    unread += _beyond(door, end, found[-1].last, segment) if found else []
    begin = found[0].start.lsn if found else fork.lsn
    losses = Losses(
        node, fork, begin, end, segment, undecided=reader.undecided, unread=tuple(unread)
    )
    return tally.put_into(losses), reader


def _bar(stretch: Stretch, node: str, segment: int) -> tqdm[Any]:
    """A bar for what takes longer than a few seconds.

    Files that were made ahead count as if they held something.
    """
    total = int(segment_start(stretch.last, segment).lsn) + segment - int(stretch.start.lsn)
    words = f"reading the WAL of {node}"
    scale: dict[str, Any] = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    return tqdm(
        total=total, desc=words, mininterval=0.5, delay=3, disable=not frontend.watched(), **scale
    )


def _following(reader: Reader, tally: _Tally, bar: tqdm[Any], start: Lsn) -> Callable[[str], None]:
    count = 0

    def on_line(line: str) -> None:
        nonlocal count
        tally.add(reader.read(line))
        count += 1
        if count % 4096 == 0:
            bar.update(max(0, int(reader.end) - int(start) - bar.n))

    return on_line


def _wal(door: Door) -> str:
    return f"{door.node.data_directory}/pg_wal"


def command(door: Door, stretch: Stretch, *options: str) -> list[str]:
    """The program that reads a stretch, and its arguments."""
    # the times of commits are told in the zone of whoever asks; see facts.wal for why both files
    # are named
    until = ("-e", str(stretch.until)) if stretch.until is not None else ()
    at = ("-t", str(stretch.start.timeline), "-s", str(stretch.start.lsn))
    return [
        "env",
        "TZ=UTC",
        door.binary("pg_waldump"),
        "-p",
        _wal(door),
        *at,
        *until,
        *options,
        stretch.first,
        stretch.last,
    ]


def _beyond(door: Door, end: Position, last: str, segment: int) -> list[str]:
    """What to say if there are records beyond the end of what could be read.

    One in the middle is spoilt. The server would take that for the end, too, and open with less.
    """
    page, after = _up(end.lsn, PAGE), _up(end.lsn, segment)
    for at in (end.lsn, page, Lsn(page + PAGE), after):
        first = segment_name(Position(end.timeline, at), segment)
        if first > last:
            continue
        stretch = Stretch(Position(end.timeline, at), first, last)
        answer = door.run(*command(door, stretch, "-n", "1"), okay=range(256))
        if "rmgr: " not in answer.text:
            continue
        if at == end.lsn:
            return [f"{door.node.name} goes on writing WAL: what comes after {end} is not listed"]
        return [
            (
                f"{door.node.name}: the WAL cannot be read at {end}, and goes on at {at}: what it "
                "holds is not listed"
            )
        ]
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
        self._times = [min(self._times[0] or lost.at, lost.at), max(self._times[1], lost.at)]
        for relation, rows in lost.rows:
            have = self._totals.get(relation, Rows())
            self._totals[relation] = Rows(*(a + b for a, b in zip(have, rows, strict=True)))
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
