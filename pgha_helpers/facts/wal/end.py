"""Where the WAL of a server that is not running ends, and whether it truly ends there.

A crashed server's next start replays up to the first record that is not whole, and takes that for
the end. A crash leaves such an end, and so does a disk that damaged a record in the middle: the
server would open with less, and say nothing. The difference is what lies behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import unpack_from

from ...model import Lsn, Position
from ...model.dialect import NEWEST, has, page_headers
from ...model.errors import NotAchieved, understood
from ...model.lost_wal import WalEnd
from ...model.positions import GappySegment, segment_name, segment_start
from ...wire.doors import Door
from ...wire.scripts import script_file
from .by_bytes import PAGE, PAGE_HEADER, behind, is_record
from .record import dump, record_at

_RECORD = re.compile(r"len \(rec/tot\): +\d+/ *(\d+),.* lsn: ([0-9A-F]+/[0-9A-F]+)")
_ENDS = re.compile(
    r"error in WAL record at [0-9A-F]+/[0-9A-F]+:|could not find a valid record after"
)
_MISSING = re.compile(r'could not (?:find|open|locate) (?:WAL )?file "(?:[^"]*/)?([0-9A-F]{24})"')
_LATER_PAGES = 8  # that have their own address, at most so many are looked into

#: From a byte of a file on.
_REST = 'tail -c +"$(($2 + 1))" -- "$1" | head -c "$3"'
_ADDRESSES = script_file(__file__, "addresses.sh")


def find_end(door: Door, start: Position, segment: int) -> WalEnd:
    """Read on from `start`, which is the start of a record or the end of all, until none is whole.

    One pg_waldump, on the node. Raises NotAchieved where it cannot tell.
    """
    answer = dump(door, start, segment)
    last = _RECORD.search(answer.text)
    missing = _MISSING.search(answer.complaint)
    nothing = WalEnd(start.timeline, None, start.lsn)
    if missing and missing[1] == segment_name(start, segment) and start.lsn % segment == 0:
        return nothing  # it ended with a segment, and the next was not made yet
    if not last and "could not find a valid record after" in answer.complaint:
        return nothing
    understood_end = not answer.complaint or missing or _ENDS.search(answer.complaint)
    if not last or not understood_end:
        raise NotAchieved(
            f"pg_waldump cannot tell where the WAL of {door.node.name} ends: "
            f"{answer.complaint or 'it says nothing'}"
        )
    record = Lsn.parse(last[2])
    headers = page_headers(door.programs() or NEWEST)
    next_byte = behind(record, int(last[1]), segment, headers)
    return WalEnd(start.timeline, record, next_byte, " ".join(answer.text.split()))


def last_bytes(door: Door, end: WalEnd, segment: int) -> bytes:
    """The bytes of the last record, of its segment and at most two pages of them.

    Its header has the CRC of all.
    """
    if end.last is None:
        return b""
    name = segment_name(Position(end.timeline, end.last), segment)
    offset = int(end.last) % segment
    count = min(end.behind - end.last, 2 * PAGE, segment - offset)
    path = f"{door.wal}/{name}"
    return door.script(_REST, path, str(offset), str(count)).stdout


def whole_records_behind(door: Door, end: WalEnd, segment: int) -> Lsn | None:
    """Where whole records are found behind the end, if there are any.

    Then it is no end, but damage in the middle. A crash may leave the beginning of a long record,
    on pages of its own: that is an end. Recycled segments hold whole records, of other addresses.
    """
    wal = door.wal
    by_bytes = has("wal_by_bytes", door.programs() or NEWEST)
    if by_bytes and (within := _in_the_page(door, wal, end, segment)):
        return within
    at = Position(end.timeline, end.behind)
    pages = list(_own_pages(door, wal, at, segment))
    for page in pages[:_LATER_PAGES]:
        first = record_at(door, Position(end.timeline, page), segment, exactly=False)
        if found := _RECORD.search(first):
            return Lsn.parse(found[2])
    return None


def _in_the_page(door: Door, wal: str, end: WalEnd, segment: int) -> Lsn | None:
    """The first whole record behind the end in the same page.

    Its predecessor must not be from another page's past.
    """
    left = -int(end.behind) % PAGE
    if not left:
        return None
    name = segment_name(Position(end.timeline, end.behind), segment)
    offset = int(end.behind) % segment
    answer = door.script(_REST, f"{wal}/{name}", str(offset), str(left + PAGE))
    # a record may go over to the next page, behind that page's header
    rest = answer.stdout[:left] + answer.stdout[left + PAGE_HEADER :]
    for at in range(8, min(left, len(rest)), 8):
        if not is_record(rest[at:]):
            continue
        (previous,) = unpack_from("<Q", rest, at + 8)
        if (end.last or 0) <= previous < end.behind + at:
            return Lsn(end.behind + at)
    return None


def _own_pages(door: Door, wal: str, at: Position, segment: int) -> Iterator[Lsn]:
    """Pages behind this position that say their own address: none from before a recycling."""
    first = -(-int(at.lsn) // PAGE) * PAGE
    name = segment_name(Position(at.timeline, Lsn(first - 1)), segment)
    offset = first % segment or segment
    asked = (wal, name, str(offset), f"{at.timeline:08X}")
    answer = door.script(_ADDRESSES, *asked)
    with understood(door.node.name, "what it tells of its pages of WAL"):
        yield from own_pages(answer.lines, name, first, segment)


def own_pages(lines: list[str], name: str, first: int, segment: int) -> Iterator[Lsn]:
    """Which pages of these lines, "file address", are where they say.

    `first` is that of the file `name`. Raises ValueError for another form.
    """
    page = first
    for line in lines:
        file, _, address = line.partition(" ")
        if file != name:
            page = int(segment_start(file, segment).lsn)
        if address.strip("0123456789abcdef"):
            raise ValueError(f"an address is expected, found {address!r}")
        said = int(address or "0", 16)
        if isinstance(segment, GappySegment):  # in two words then, the high one first
            said = (said & 0xFFFFFFFF) << 32 | said >> 32
        if said == page:
            yield Lsn(page)
        page += PAGE
