"""WAL from one node's disk into the other's pg_wal: only what is missing there, and never half of a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from ..errors import NotAchieved
from ..facts.wal_bytes import PAGE
from ..model import Lsn, Position
from ..model.positions import segment_name
from ..run import Run
from ..show import size
from ..wire.doors import Door
from .promoting import WAKE

_CHUNK = 2**20  # bytes in one answer of a shell

_READ = 'tail -c +"$(($2 + 1))" -- "$1" | head -c "$3"'
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


@dataclass(frozen=True)
class Piece:
    """So many bytes of a part, from this byte of its segment on: what one answer of a shell carries."""

    part: Part
    at: int
    count: int


def pieces(since: Position, until: Lsn, segment: int) -> list[Piece]:
    """The pieces of all parts, in order.

    >>> [(piece.at, piece.count) for piece in pieces(Position(1, Lsn(0x3000000)), Lsn(0x3180000), 2**24)]
    [(0, 1048576), (1048576, 524288)]
    """
    return [
        Piece(part, at, min(_CHUNK, part.until - at))
        for part in parts(since, until, segment)
        for at in range(part.first, part.until, _CHUNK)
    ]


def bring_over(
    run: Run, old: str, new: str, since: Position, until: Lsn, segment: int, when_read: Callable[[], object]
) -> int:
    """Copy the WAL from `since` to `until` from `old` into pg_wal of `new`; gives the bytes that were moved.

    While one piece is written the next one is read; `when_read` is called once `old` has nothing more to give. Raises
    NotAchieved where it cannot be read or written whole; then the file under its true name is what it was.
    """
    wanted = pieces(since, until, segment)
    total = sum(piece.count for piece in wanted)
    with run.deed(new, f"bring over {size(total)} of WAL from {old}") as deed:
        began = told = time.monotonic()
        moved, coming = 0, run.aside(partial(_read, run.doors[old], wanted[0]))
        for piece, following in zip_longest(wanted, wanted[1:]):
            data = coming.result()
            if following:
                coming = run.aside(partial(_read, run.doors[old], following))
            else:
                when_read()
            _write(run.doors[new], piece, data, segment)
            moved += piece.count
            if time.monotonic() - told > 5:
                told = time.monotonic()
                print(f"  {new}: {size(moved)} of {size(total)}, {size(moved / (told - began))} a second", flush=True)
        names = list(dict.fromkeys(piece.part.name for piece in wanted))
        more = " …" if len(names) > 3 else ""
        deed.say(f"brought over {size(moved)} of WAL from {old}: {', '.join(names[:3])}{more}")
    return moved


def _read(old: Door, piece: Piece) -> bytes:
    source = f"{old.node.data_directory}/pg_wal/{piece.part.name}"
    data = old.script(_READ, source, str(piece.at), str(piece.count)).stdout
    if len(data) != piece.count:
        raise NotAchieved(
            f"{source} on {old.node.name} ends after {piece.at + len(data)} bytes, not {piece.part.until}"
        )
    return data


def _write(new: Door, piece: Piece, data: bytes, segment: int) -> None:
    """One script a piece: each costs a round trip, within the outage. A whole file is replayed at once."""
    part = piece.part
    words = (new.node.data_directory, part.name, str(part.first), str(part.until), str(segment))
    begin = _BEGIN if piece.at == part.first else ""
    end = f"{_END}set +e\n{WAKE}" if piece.at + piece.count == part.until else ""
    new.script(f"set -e\n{begin}{_ADD}{end}", *words, stdin=data)
