"""Where two histories on one timeline part: by the bytes of their WAL, for no history file tells.

A standby that lost its signal file opens on the timeline that it was on. What it wrote since then
looks like the primary's WAL in everything but its content.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from ...model import Lsn, Position
from ...model.dialect import NEWEST, page_headers
from ...model.errors import CommandFailed, understood
from ...model.positions import last_byte_before, segment_name
from ...wire.doors import Door
from ...wire.scripts import script_file
from .by_bytes import behind
from .waldump import waldump

_READ_AT_MOST = 16 * 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")
_NOTHING = hashlib.sha256(b"").hexdigest()
_RECORD = re.compile(r"len \(rec/tot\): +\d+/ *(\d+), .*lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: (\S+)")
_TIMELINES = 16  # that may have a copy of one segment: a promotion copies it, and the old one goes

_DIGEST = script_file(__file__, "digest.sh")
_UP_TO = script_file(__file__, "record_up_to.sh")


@dataclass(frozen=True)
class Parting:
    """Where two histories part: the first record that differs, or the end of what was compared.

    Not `known` where no WAL is left from before it: then they part there at the latest.
    """

    at: Position
    known: bool


@dataclass(frozen=True)
class _Part:
    """The first bytes of one segment: of the first of these files that is there."""

    names: tuple[str, ...]
    start: Position
    count: int


def digest_before(door: Door, end: Position, segment: int) -> str:
    """The digest of a node's WAL before this position, in the segment that ends there.

    Empty where it is not there.
    """
    part = _part_before(door, end, segment)
    return _digest(door, part, 0, _written(door, part, segment))


def same_before(ours: Door, theirs: Door, end: Position, segment: int) -> bool | None:
    """Whether both have the same WAL before this position, in the segment that ends there.

    None if one has none. Byte for byte: pg_waldump's words for a record do not tell what a row
    holds.
    """
    part = _part_before(theirs, end, segment)
    same = _same(ours, theirs, part, max(0, part.count - _READ_AT_MOST))
    if same is False and int(end.lsn) % segment == 0:
        mine = digest_before(ours, end, segment)
        return mine == digest_before(theirs, end, segment)
    return same


def find_divergence(ours: Door, theirs: Door, end: Position, segment: int) -> Parting:
    """The first record up to which the WAL of both is the same, at or before `end`."""
    differing = []
    part = _part_before(theirs, end, segment)
    while (same := _same(ours, theirs, part)) is False:
        differing.append(part)
        if not part.start.lsn:
            break
        part = _part_before(theirs, part.start, segment, earlier=True)
    known = same is True
    for part in reversed(differing):
        record = _first_that_differs(ours, theirs, part, segment)
        if record is not None:
            return Parting(Position(end.timeline, record), known)
        known = True
    return Parting(end, known)


def _part_before(door: Door, end: Position, segment: int, earlier: bool = False) -> _Part:
    """The part of a segment with the last byte before a position.

    Where the segment itself is gone, a later timeline's copy of it stands for it. What lies before
    the begin of the timeline is an `earlier` one's.
    """
    last = last_byte_before(end.lsn, segment)
    start = Position(end.timeline, Lsn(last - last % segment))
    timelines = [*range(end.timeline, end.timeline + _TIMELINES)]
    if earlier:
        timelines += range(end.timeline - 1, max(0, end.timeline - _TIMELINES), -1)
    names = tuple(segment_name(replace(start, timeline=each), segment) for each in timelines)
    return _Part(names, start, last - start.lsn + 1)


def _same(ours: Door, theirs: Door, part: _Part, began: int = 0) -> bool | None:
    """Whether both have the same bytes there; None if one has none."""
    our_digest = _digest(ours, part, began, part.count - began)
    their_digest = _digest(theirs, part, began, part.count - began)
    if not our_digest or not their_digest:
        return None
    return our_digest == their_digest


def _first_that_differs(ours: Door, theirs: Door, part: _Part, segment: int) -> Lsn | None:
    """Where the record begins from which on the bytes of both differ, by bisection.

    None where only what no record has written differs.
    """
    same, differs = 0, part.count
    while differs - same > 1:
        middle = (same + differs) // 2
        if _digest(ours, part, 0, middle) == _digest(theirs, part, 0, middle):
            same = middle
        else:
            differs = middle
    if all(_written(door, part, segment) <= same for door in (ours, theirs)):
        return None
    at = Lsn(part.start.lsn + same)
    record = _record_up_to(theirs, part, at)
    return record[0] if record else at  # it has begun in the segment before


def _written(door: Door, part: _Part, segment: int) -> int:
    """How many bytes of a part are WAL.

    A segment that was switched away from ends with its last record. Behind that a primary writes
    headers of empty pages (up to 10), or leaves what the file was before (up to 9.3), and a
    standby has the same only if it has streamed it: what came with pg_basebackup has zeros.
    """
    if part.count == segment:
        record = _record_up_to(door, part, Lsn(part.start.lsn + segment - 1))
        if record and record[2] == "SWITCH":
            headers = page_headers(door.programs() or NEWEST)
            return int(behind(record[0], record[1], segment, headers) - part.start.lsn)
    return part.count


def _record_up_to(door: Door, part: _Part, at: Lsn) -> tuple[Lsn, int, str] | None:
    """The last record of a segment that starts at or before a position: where, length and name."""
    asked = (str(at), door.wal, " ".join(part.names), *waldump(door))
    answer = door.script(_UP_TO, *asked, within=door.patience)
    with understood(door.node.name, "what pg_waldump tells of where its WAL parts"):
        found = _RECORD.search(answer.text)
        return (Lsn.parse(found[2]), int(found[1]), found[3]) if found else None


def _digest(door: Door, part: _Part, began: int, count: int) -> str:
    """The digest of these bytes of a part.

    Empty where nothing could be read: two files that cannot be read are not alike.
    """
    address = f"{int(part.start.lsn):016x}"
    asked = (door.node.data_directory, str(began + 1), str(count), address[:8], address[8:])
    try:
        answer = door.script(_DIGEST, *asked, *part.names, within=door.patience)
    except CommandFailed:
        return ""
    digest = answer.text.partition(" ")[0]
    if digest == _NOTHING or not _SHA256.fullmatch(digest):
        return ""
    return digest
