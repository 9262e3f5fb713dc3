"""Where two histories on one timeline part: by the bytes of their WAL, for no history file tells.

A standby that lost its signal file opens on the timeline that it was on. What it wrote since then
looks like the primary's WAL in everything but its content.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from ...model import Lsn, Position
from ...model.errors import CommandFailed, understood
from ...model.positions import segment_name, segment_start
from ...wire.doors import Door
from .digest import SHA256

_READ_AT_MOST = 16 * 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")
_NOTHING = hashlib.sha256(b"").hexdigest()

#: Bytes of the first of these files that is there, from an offset on, as a digest.
_DIGEST = f"""{SHA256}
cd "$1/pg_wal" || exit 1
from=$2 count=$3; shift 3
for file; do
  [ -f "$file" ] && {{ tail -c "+$from" "$file" | head -c "$count" | sha256; exit; }}
done
exit 2
"""

#: The last record of a segment that starts at or before a position: both are told with eight digits
#: after the slash. With -e pg_waldump would leave out a record that ends beyond it.
_UP_TO = r"""
"$1" -p "$2" "$3" 2>/dev/null | awk -v at="$4" '
  match($0, /lsn: [0-9A-F]+\/[0-9A-F]+/) {
    lsn = substr($0, RSTART + 5, RLENGTH - 5)
    if (lsn "" > at "") exit
    last = lsn
  }
  END { print last }'
"""


def digest_before(door: Door, end: Position, segment: int) -> str:
    """The digest of a node's WAL before this position, in the segment that ends there.

    Empty where it is not there.
    """
    name, count = _file_before(end, segment)
    return _digest(door, name, 0, count)


def same_before(ours: Door, theirs: Door, end: Position, segment: int) -> bool | None:
    """Whether both have the same WAL before this position, in the segment that ends there.

    None if one has none. Byte for byte: pg_waldump's words for a record do not tell what a row
    holds.
    """
    name, count = _file_before(end, segment)
    began = max(0, count - _READ_AT_MOST)
    mine, its = (_digest(door, name, began, count - began) for door in (ours, theirs))
    return mine == its if mine and its else None


def parting(
    ours: Door, theirs: Door, end: Position, segment: int, files: Mapping[str, int]
) -> Position | None:
    """The record on this timeline from which on the WAL of both differs, at or before `end`.

    None where no WAL is left from before it, which counts as unknown. `files` are those of the
    node's pg_wal.
    """
    differs: tuple[str, int] | None = None
    name, count = _file_before(end, segment)
    while name in files:
        mine, its = (_digest(door, name, 0, count) for door in (ours, theirs))
        if mine and mine == its:
            break
        differs, count = (name, count), segment
        before = max(0, segment_start(name, segment).lsn - segment)
        name = segment_name(Position(end.timeline, Lsn(before)), segment)
    else:
        return None
    if differs:
        return Position(
            end.timeline, _record_at_byte(theirs, *_first_byte(ours, theirs, *differs), segment)
        )
    return end


def _first_byte(ours: Door, theirs: Door, name: str, count: int) -> tuple[str, int]:
    """The file and the first byte in it that differs, by bisection."""
    same, differs = 0, count
    while differs - same > 1:
        middle = (same + differs) // 2
        mine, its = (_digest(door, name, 0, middle) for door in (ours, theirs))
        same, differs = (middle, differs) if mine == its else (same, middle)
    return name, same


def _record_at_byte(door: Door, name: str, byte: int, segment: int) -> Lsn:
    """Where the record begins that this byte of a segment belongs to."""
    at = Lsn(segment_start(name, segment).lsn + byte)
    padded = f"{at >> 32:X}/{at & 0xFFFFFFFF:08X}"
    argv = (door.binary("pg_waldump"), f"{door.node.data_directory}/pg_wal", name, padded)
    told = door.script(_UP_TO, *argv, within=door.patience).text
    with understood(door.node.name, "what pg_waldump tells of where its WAL parts"):
        return Lsn.parse(told) if told else at


def _file_before(end: Position, segment: int) -> tuple[str, int]:
    """The file with the last byte before a position, and how many of its bytes lie before it."""
    before = Position(end.timeline, Lsn(end.lsn - 1))
    return segment_name(before, segment), int(before.lsn) % segment + 1


def _digest(door: Door, name: str, began: int, count: int) -> str:
    """The digest of these bytes of a segment.

    Of a later timeline's copy of it where the segment itself is gone. Empty where nothing could be
    read: two files that cannot be read are not alike.
    """
    timeline = int(name[:8], 16)
    later = [f"{number:08X}{name[8:]}" for number in range(timeline, timeline + 16)]
    argv = (door.node.data_directory, str(began + 1), str(count), *later)
    try:
        told = door.script(_DIGEST, *argv, within=door.patience).text.partition(" ")[0]
    except CommandFailed:
        return ""
    return told if _SHA256.fullmatch(told) and told != _NOTHING else ""
