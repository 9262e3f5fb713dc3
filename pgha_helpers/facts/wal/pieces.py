"""WAL in pieces: which bytes of which segments, and reading them from a node's disk."""

from __future__ import annotations

from ...model import Lsn, Position
from ...model.errors import NotAchieved
from ...model.lost_wal import Piece, SegmentPart
from ...model.positions import segment_name, there
from ...wire.doors import Door
from .by_bytes import PAGE

_CHUNK = 2**20  # bytes in one answer of a shell
_READ = 'tail -c +"$(($2 + 1))" -- "$1" | head -c "$3"'


def parts_of_segments(since: Position, until: Lsn, segment: int) -> list[SegmentPart]:
    """The parts of segments that hold the WAL from a position to another; each begins with a page.

    >>> since = Position(1, Lsn(0x2FFFFF0))
    >>> parts_of_segments(since, Lsn(0x3000100), 2**24)  # doctest: +NORMALIZE_WHITESPACE
    [SegmentPart(name='000000010000000000000002', first=16769024, until=16777216),
     SegmentPart(name='000000010000000000000003', first=0, until=256)]
    """
    found = []
    at = int(since.lsn) // PAGE * PAGE
    while (at := there(Lsn(at), segment)) < until:
        end = min((at // segment + 1) * segment, int(until))
        name = segment_name(Position(since.timeline, Lsn(at)), segment)
        last = (end - 1) % segment
        found.append(SegmentPart(name, at % segment, last + 1))
        at = end
    return found


def pieces(since: Position, until: Lsn, segment: int) -> list[Piece]:
    """The pieces of all parts, in order.

    >>> [(piece.at, piece.count)
    ... for piece in pieces(Position(1, Lsn(0x3000000)), Lsn(0x3180000), 2**24)]
    [(0, 1048576), (1048576, 524288)]
    """
    found = []
    for part in parts_of_segments(since, until, segment):
        for at in range(part.first, part.until, _CHUNK):
            count = min(_CHUNK, part.until - at)
            found.append(Piece(part, at, count))
    return found


def read_piece(door: Door, piece: Piece) -> bytes:
    """All bytes of a piece, from the node's disk. Raises NotAchieved where there are fewer."""
    path = f"{door.wal}/{piece.part.name}"
    answer = door.script(_READ, path, str(piece.at), str(piece.count))
    data = answer.stdout
    if len(data) != piece.count:
        read = piece.at + len(data)
        raise NotAchieved(
            f"{path} on {door.node.name} ends after {read} bytes, not {piece.part.until}"
        )
    return data
