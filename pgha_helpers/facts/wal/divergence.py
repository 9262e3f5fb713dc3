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
from ...wire.scripts import script_file
from .waldump import waldump

_READ_AT_MOST = 16 * 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")
_NOTHING = hashlib.sha256(b"").hexdigest()

_DIGEST = script_file(__file__, "digest.sh")
_UP_TO = script_file(__file__, "record_up_to.sh")


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
    our_digest = _digest(ours, name, began, count - began)
    their_digest = _digest(theirs, name, began, count - began)
    if not our_digest or not their_digest:
        return None
    return our_digest == their_digest


def find_divergence(
    ours: Door, theirs: Door, end: Position, segment: int, files: Mapping[str, int]
) -> Position | None:
    """The record on this timeline from which on the WAL of both differs, at or before `end`.

    None where no WAL is left from before it, which counts as unknown. `files` are those of the
    node's pg_wal.
    """
    differing: tuple[str, int] | None = None
    name, count = _file_before(end, segment)
    while not _same_file(ours, theirs, name, count, files):
        if name not in files:
            return None
        differing = name, count
        start = segment_start(name, segment)
        before = max(0, int(start.lsn) - segment)
        name = segment_name(Position(end.timeline, Lsn(before)), segment)
        count = segment
    if differing is None:
        return end
    byte = _first_byte(ours, theirs, *differing)
    record = _record_at_byte(theirs, differing[0], byte, segment)
    return Position(end.timeline, record)


def _same_file(ours: Door, theirs: Door, name: str, count: int, files: Mapping[str, int]) -> bool:
    """Whether both have the same bytes at the beginning of a file."""
    if name not in files:
        return False
    digest = _digest(ours, name, 0, count)
    same = digest == _digest(theirs, name, 0, count)
    return bool(digest) and same


def _first_byte(ours: Door, theirs: Door, name: str, count: int) -> int:
    """The first byte of a file that differs, by bisection."""
    same, differs = 0, count
    while differs - same > 1:
        middle = (same + differs) // 2
        if _digest(ours, name, 0, middle) == _digest(theirs, name, 0, middle):
            same = middle
        else:
            differs = middle
    return same


def _record_at_byte(door: Door, name: str, byte: int, segment: int) -> Lsn:
    """Where the record begins that this byte of a segment belongs to."""
    at = Lsn(segment_start(name, segment).lsn + byte)
    padded = f"{at >> 32:X}/{at & 0xFFFFFFFF:08X}"
    argv = (*waldump(door), "-p", door.wal, name)
    answer = door.script(_UP_TO, padded, *argv, within=door.patience)
    with understood(door.node.name, "what pg_waldump tells of where its WAL parts"):
        return Lsn.parse(answer.text) if answer.text else at


def _file_before(end: Position, segment: int) -> tuple[str, int]:
    """The file with the last byte before a position, and how many of its bytes lie before it."""
    last = Position(end.timeline, Lsn(end.lsn - 1))
    offset = int(last.lsn) % segment
    return segment_name(last, segment), offset + 1


def _digest(door: Door, name: str, began: int, count: int) -> str:
    """The digest of these bytes of a segment.

    Of a later timeline's copy of it where the segment itself is gone. Empty where nothing could be
    read: two files that cannot be read are not alike.
    """
    timeline = int(name[:8], 16)
    later = [f"{number:08X}{name[8:]}" for number in range(timeline, timeline + 16)]
    asked = (door.node.data_directory, str(began + 1), str(count))
    try:
        answer = door.script(_DIGEST, *asked, *later, within=door.patience)
    except CommandFailed:
        return ""
    digest = answer.text.partition(" ")[0]
    if digest == _NOTHING or not _SHA256.fullmatch(digest):
        return ""
    return digest
