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
from ...model.errors import NotAchieved, understood
from ...model.lost_wal import WalEnd
from ...model.positions import segment_name, segment_start
from ...wire.doors import Door
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
#: The address that each page says it has: of every page of the first file from a byte on, where
#: that file is there, and of the first page of each later file. perl takes 10 ms; od, which is
#: everywhere, prints all of it and takes a second.
_ADDRESSES = r"""
cd "$1" || exit 1
if command -v perl >/dev/null; then
  exec perl -e '
    use strict; my ($first, $from, $timeline) = @ARGV;
    opendir(my $wal, ".") or die "pg_wal: $!";
    foreach my $name (sort grep { /^${timeline}[0-9A-F]{16}$/ && $_ ge $first } readdir($wal)) {
      open(my $file, "<:raw", $name) or die "$name: $!";
      seek($file, $from, 0) if $name eq $first;
      while (read($file, my $page, 8192) == 8192) {
        printf "%s %x\n", $name, unpack("Q", substr($page, 8, 8));
        last if $name ne $first;
      }
    }' "$2" "$3" "$4"
fi
names=$(ls) || exit 1
printf '%s\n' "$names" | grep -E "^$4[0-9A-F]{16}$" | sort | while read -r name; do
  if [ "$name" \> "$2" ]; then
    told=$(od -An -v -tx8 -N 16 -- "$name") || exit 1
    echo "$name ${told##* }"
  elif [ "$name" = "$2" ]; then
    [ -r "$name" ] || exit 1
    od -An -v -tx8 -w8192 -j "$3" -- "$name" | awk -v name="$name" '{ print name, $2 }'
  fi
done
"""


def find_end(door: Door, start: Position, segment: int) -> WalEnd:
    """Read on from `start`, which is the start of a record or the end of all, until none is whole.

    One pg_waldump, on the node. Raises NotAchieved where it cannot tell.
    """
    answer = dump(door, start, segment)
    found, missing = _RECORD.search(answer.text), _MISSING.search(answer.complaint)
    if missing and missing[1] == segment_name(start, segment) and start.lsn % segment == 0:
        # it ended with a segment, and the next was not made yet
        return WalEnd(start.timeline, None, start.lsn)
    if not found and "could not find a valid record after" in answer.complaint:
        return WalEnd(start.timeline, None, start.lsn)
    if not found or (answer.complaint and not missing and not _ENDS.search(answer.complaint)):
        raise NotAchieved(
            f"pg_waldump cannot tell where the WAL of {door.node.name} ends: "
            f"{answer.complaint or 'it says nothing'}"
        )
    last = Lsn.parse(found[2])
    return WalEnd(
        start.timeline, last, behind(last, int(found[1]), segment), " ".join(answer.text.split())
    )


def last_bytes(door: Door, end: WalEnd, segment: int) -> bytes:
    """The bytes of the last record, of its segment and at most two pages of them.

    Its header has the CRC of all.
    """
    if end.last is None:
        return b""
    at = Position(end.timeline, end.last)
    offset = int(end.last) % segment
    count = min(end.behind - end.last, 2 * PAGE, segment - offset)
    path = f"{door.node.data_directory}/pg_wal/{segment_name(at, segment)}"
    return door.script(_REST, path, str(offset), str(count)).stdout


def whole_records_behind(door: Door, end: WalEnd, segment: int) -> Lsn | None:
    """Where whole records are found behind the end, if there are any.

    Then it is no end, but damage in the middle. A crash may leave the beginning of a long record,
    on pages of its own: that is an end. Recycled segments hold whole records, of other addresses.
    """
    wal, at = f"{door.node.data_directory}/pg_wal", Position(end.timeline, end.behind)
    if within := _in_the_page(door, wal, end, segment):
        return within
    for page in list(_own_pages(door, wal, at, segment))[:_LATER_PAGES]:
        told = record_at(door, Position(end.timeline, page), segment, exactly=False)
        if found := _RECORD.search(told):
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
    rest = door.script(
        _REST, f"{wal}/{name}", str(int(end.behind) % segment), str(left + PAGE)
    ).stdout
    rest = rest[:left] + rest[left + PAGE_HEADER :]  # a record may go over to the next page
    for offset in range(8, min(left, len(rest)), 8):
        if is_record(rest[offset:]):
            (previous,) = unpack_from("<Q", rest, offset + 8)
            if (end.last or 0) <= previous < end.behind + offset:
                return Lsn(end.behind + offset)
    return None


def _own_pages(door: Door, wal: str, at: Position, segment: int) -> Iterator[Lsn]:
    """Pages behind this position that say their own address: none from before a recycling."""
    first = -(-int(at.lsn) // PAGE) * PAGE
    name = segment_name(Position(at.timeline, Lsn(first - 1)), segment)
    offset = first % segment or segment
    lines = door.script(_ADDRESSES, wal, name, str(offset), f"{at.timeline:08X}").lines
    with understood(door.node.name, "what it tells of its pages of WAL"):
        yield from own_pages(lines, name, first, segment)


def own_pages(lines: list[str], name: str, first: int, segment: int) -> Iterator[Lsn]:
    """Which pages of these lines, "file address", are where they say.

    `first` is that of the file `name`. Raises ValueError for another form.
    """
    page = first
    for line in lines:
        file, _, told = line.partition(" ")
        if file != name:
            page = int(segment_start(file, segment).lsn)
        if told and told.strip("0123456789abcdef"):
            raise ValueError(f"an address is expected, found {told!r}")
        if told and int(told, 16) == page:
            yield Lsn(page)
        page += PAGE
