"""WAL from one node's disk into the other's pg_wal: only what is missing there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from itertools import zip_longest

from ...facts.wal.pieces import pieces, read_piece
from ...model import DeedKind, Lsn, Position
from ...model.errors import NotAchieved
from ...model.lost_wal import Piece
from ...model.show import size
from ...run.run import Run
from ...wire.doors import Door
from .promoting import WAKE

#: Into a segment that the node has, bytes are written where they belong, as its walreceiver would
#: have written them: replay takes a record only when it is whole, and to copy up to 16 MB of the
#: node's own WAL as well took 20 of 30 ms. A segment that it has not comes in under another name,
#: is flushed, then renamed. Every program takes a millisecond or two, within the outage. $1 data
#: directory, $2 segment, $3 its size, $4 byte. Which of the two it is is decided once, by the first
#: piece: a restartpoint may recycle an old file to that name. What a full disk has taken of a
#: segment that it has not is given back.
_OPEN = """
set -e
cd "$1/pg_wal"
trap '[ "$?" = 0 ] || rm -f -- pgha-salvage.*' EXIT
"""
_MAKE = """
for left in pgha-salvage.*; do [ ! -e "$left" ] || rm -f -- "$left"; done
if [ ! -e "$2" ]; then
  umask 077
  truncate -s "$3" -- "pgha-salvage.$2"
  chmod --reference="$1/PG_VERSION" -- "pgha-salvage.$2"
fi
"""
_INTO = """
into=pgha-salvage.$2
[ -e "$into" ] || into=$2
"""
_WRITE = """
dd of="$into" bs=64k iflag=fullblock oflag=seek_bytes seek="$4" conv=notrunc%s
"""
_CLOSE = """
if [ "$into" != "$2" ]; then mv -f -- "$into" "$2"; sync .; fi
set +e
"""
_WRITTEN = re.compile(r"(\d+) bytes")  # in what dd tells


def bring_over(
    run: Run,
    old: str,
    new: str,
    since: Position,
    until: Lsn,
    segment: int,
    known: Mapping[Piece, bytes],
    when_read: Callable[[], object],
) -> int:
    """Copy the WAL from `since` to `until` from `old` into pg_wal of `new`.

    Gives the bytes that were moved. What is `known` already is not read again. While one piece is
    written the next one is read; `when_read` is called once `old` has nothing more to give. Raises
    NotAchieved where it cannot be read or written whole.
    """
    wanted = pieces(since, until, segment)
    total = sum(piece.count for piece in wanted)
    with run.deed(new, f"bring over {size(total)} of WAL from {old}", DeedKind.COPY_WAL) as deed:
        began = told = time.monotonic()
        moved = 0
        coming = _read(run, old, wanted[0], known)
        for piece, following in zip_longest(wanted, wanted[1:]):
            data = coming.result()
            if following:
                coming = _read(run, old, following, known)
            else:
                when_read()
            _write(run.doors[new], piece, data, segment)
            moved += piece.count
            if time.monotonic() - told > 5:
                told = time.monotonic()
                print(
                    f"  {new}: {size(moved)} of {size(total)}, {size(moved / (told - began))} "
                    "a second",
                    flush=True,
                )
        names = list(dict.fromkeys(piece.part.name for piece in wanted))
        more = " …" if len(names) > 3 else ""
        deed.say(f"brought over {size(moved)} of WAL from {old}: {', '.join(names[:3])}{more}")
    return moved


def _read(run: Run, old: str, piece: Piece, known: Mapping[Piece, bytes]) -> Future[bytes]:
    if piece not in known:
        return run.aside(partial(read_piece, run.doors[old], piece))
    had: Future[bytes] = Future()
    had.set_result(known[piece])
    return had


def _write(new: Door, piece: Piece, data: bytes, segment: int) -> None:
    """One script a piece: each costs a round trip, within the outage.

    A part that is whole is replayed at once.
    """
    words = (new.node.data_directory, piece.part.name, str(segment), str(piece.at))
    make = _MAKE if piece.opens else ""
    write = _WRITE % (",fsync" if piece.closes else "")
    close = f"{_CLOSE}{WAKE}" if piece.closes else ""
    told = new.script(f"{_OPEN}{make}{_INTO}{write}{close}", *words, stdin=data).complaint
    written = _WRITTEN.search(told)
    if written is None or int(written[1]) != len(data):
        raise NotAchieved(
            f"{piece.part.name} was not written whole on {new.node.name}: "
            f"{told or 'dd says nothing'}"
        )
