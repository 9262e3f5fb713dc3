"""WAL from one node's disk into the other's pg_wal: only what is missing there, and never half of a file."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import NotAchieved
from ..facts.wal import segment_name
from ..facts.wal_bytes import PAGE
from ..model import Lsn, Position
from ..run import Run
from ..show import size
from ..wire.doors import Door

_CHUNK = 2**20  # bytes in one answer of a shell

_READ = 'tail -c +"$(($2 + 1))" -- "$1" | head -c "$3"'
_BEGINNING = 'set -e; head -c "$2" -- "$1" | sha256sum'
#: Under another name, flushed, then renamed: the server never sees half of a file. What stands before the new bytes is
#: the node's own, what stands behind them is nothing. The mode is the data directory's.
_BEGIN = """
umask 077
cd "$1/pg_wal"
rm -f -- pgha-salvage.*
if [ "$3" -eq 0 ]; then : > "pgha-salvage.$2"; else head -c "$3" -- "$2" > "pgha-salvage.$2"; fi
[ "$(stat -c %s -- "pgha-salvage.$2")" = "$3" ]
"""
_ADD = """
cat >> "$1/pg_wal/pgha-salvage.$2"
"""
_END = """
cd "$1/pg_wal"
file="pgha-salvage.$2"
[ "$(stat -c %s -- "$file")" = "$4" ] || { echo "$file was cut short" >&2; exit 1; }
truncate -s "$5" -- "$file"
chmod --reference="$1/PG_VERSION" -- "$file"
sync -- "$file"
mv -f -- "$file" "$2"
sync .
"""


@dataclass(frozen=True)
class Part:
    """Bytes of one segment: its file, and from which one up to which one."""

    name: str
    first: int
    until: int


def parts(since: Position, until: Lsn, segment: int) -> list[Part]:
    """The parts of segments that hold the WAL from a position to another; each begins with a page.

    >>> parts(Position(1, Lsn(0x2FFFFF0)), Lsn(0x3000100), 2**24)  # doctest: +NORMALIZE_WHITESPACE
    [Part(name='000000010000000000000002', first=16769024, until=16777216),
     Part(name='000000010000000000000003', first=0, until=256)]
    """
    found, at = [], int(since.lsn) // PAGE * PAGE
    while at < until:
        end = min((at // segment + 1) * segment, int(until))
        name = segment_name(Position(since.timeline, Lsn(at)), segment)
        found.append(Part(name, at % segment, (end - 1) % segment + 1))
        at = end
    return found


def same_beginning(run: Run, here: Position, segment: int) -> bool:
    """Whether both nodes have the same bytes before this position, in the segment that holds the last of them."""
    last = Position(here.timeline, Lsn(here.lsn - 1))  # at the end of a segment the next one need not exist
    name, count = segment_name(last, segment), str(int(last.lsn) % segment + 1)

    def beginning(node: str) -> str:
        door = run.doors[node]
        return door.script(_BEGINNING, f"{door.node.data_directory}/pg_wal/{name}", count).text

    ours, theirs = run.both(beginning)
    return bool(ours == theirs)


def bring_over(run: Run, old: str, new: str, since: Position, until: Lsn, segment: int) -> int:
    """Copy the WAL from `since` to `until` from `old` into pg_wal of `new`; gives the bytes that were moved.

    Raises NotAchieved where it cannot be read or written whole; then the file under its true name is what it was.
    """
    wanted = parts(since, until, segment)
    total = sum(part.until - part.first for part in wanted)
    with run.deed(new, f"bring over {size(total)} of WAL from {old}") as deed:
        began = told = time.monotonic()
        moved = 0
        for part in wanted:
            moved += _copy(run.doors[old], run.doors[new], part, segment)
            if time.monotonic() - told > 5:
                told = time.monotonic()
                print(f"  {new}: {size(moved)} of {size(total)}, {size(moved / (told - began))} a second", flush=True)
        names = ", ".join(part.name for part in wanted[:3]) + (" …" if len(wanted) > 3 else "")
        deed.say(f"brought over {size(moved)} of WAL from {old}: {names}")
    return moved


def _copy(old: Door, new: Door, part: Part, segment: int) -> int:
    """A chunk a script, and as many scripts as there are chunks: each costs a round trip, within the outage."""
    source = f"{old.node.data_directory}/pg_wal/{part.name}"
    words = (new.node.data_directory, part.name, str(part.first), str(part.until), str(segment))
    for at in range(part.first, part.until, _CHUNK):
        count = min(_CHUNK, part.until - at)
        data = old.script(_READ, source, str(at), str(count)).stdout
        if len(data) != count:
            raise NotAchieved(f"{source} on {old.node.name} ends after {at + len(data)} bytes, not {part.until}")
        begin, end = _BEGIN if at == part.first else "", _END if at + count == part.until else ""
        new.script(f"set -e\n{begin}{_ADD}{end}", *words, stdin=data)
    return part.until - part.first
