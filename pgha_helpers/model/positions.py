"""Where in the WAL: an integer inside, hexadecimal at the edge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering


class Lsn(int):
    """A byte position in the WAL of one timeline, written as pg_waldump and 19 write it: older
    programs leave out zeros, and read both.

    >>> Lsn.parse("0/3000148")
    Lsn('0/03000148')
    >>> Lsn.parse("1/0") - Lsn.parse("0/FFFFFFF0")
    16
    >>> Lsn.parse("rubbish")
    Traceback (most recent call last):
      ...
    ValueError: 'rubbish' is not a WAL position: it should look like 0/03000148
    """

    @classmethod
    def parse(cls, text: str) -> Lsn:
        """Read `16/B374D848`. Raises ValueError that quotes the text."""
        try:
            high, low = text.split("/")
            return cls((int(high, 16) << 32) + int(low, 16))
        except ValueError:
            raise ValueError(
                f"{text!r} is not a WAL position: it should look like 0/03000148"
            ) from None

    def __str__(self) -> str:
        return f"{self >> 32:X}/{self & 0xFFFFFFFF:08X}"

    def __repr__(self) -> str:
        return f"Lsn({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


@total_ordering
@dataclass(frozen=True)
class Position:
    """An LSN on a timeline. Positions on two timelines are not ahead or behind: they refuse to be
    compared.

    >>> a, b = Position(1, Lsn.parse("0/10")), Position(1, Lsn.parse("0/30"))
    >>> a < b, b - a, str(b)
    (True, 32, '0/00000030 on timeline 1')
    >>> a < Position(2, Lsn.parse("0/30"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
      ...
    ValueError: 0/00000010 on timeline 1 and ... cannot be compared: two histories
    """

    timeline: int
    lsn: Lsn

    def __lt__(self, other: Position) -> bool:
        self._same_timeline(other)
        return self.lsn < other.lsn

    def __sub__(self, other: Position) -> int:
        self._same_timeline(other)
        return int(self.lsn) - int(other.lsn)

    def __str__(self) -> str:
        return f"{self.lsn} on timeline {self.timeline}"

    def _same_timeline(self, other: Position) -> None:
        if self.timeline != other.timeline:
            raise ValueError(f"{self} and {other} cannot be compared: two histories")


_SEGMENT = re.compile(r"[0-9A-F]{24}")
#: Bytes of one file of the WAL, before 11 in every package.
SEGMENT = 16 * 1024 * 1024


class GappySegment(int):
    """Bytes of one file of the WAL where the last file of each 4 GB is left out."""


def there(at: Lsn, segment: int) -> Lsn:
    """Where what is counted on to a position really lies: behind the file that is left out. A
    server itself names the end of the file before that one so.

    >>> there(Lsn.parse("0/FF000020"), GappySegment(2**24)), there(Lsn.parse("0/FF000020"), 2**24)
    (Lsn('1/00000020'), Lsn('0/FF000020'))
    """
    left_out = isinstance(segment, GappySegment) and at % 2**32 >= 2**32 - segment
    return Lsn(at + segment) if left_out else at


def last_byte_before(at: Lsn, segment: int) -> Lsn:
    """The byte of WAL before a position.

    >>> last_byte_before(Lsn.parse("1/0"), GappySegment(2**24))
    Lsn('0/FEFFFFFF')
    >>> last_byte_before(Lsn.parse("1/0"), 2**24)
    Lsn('0/FFFFFFFF')
    """
    last = Lsn(at - 1)
    return last if there(last, segment) == last else Lsn(last - segment)


def segment_name(at: Position, segment: int) -> str:
    """The file of the WAL that holds a position; `segment`: bytes of one.

    >>> segment_name(Position(14, Lsn.parse("1/3CA7A10")), 16 * 1024 * 1024)
    '0000000E0000000100000003'
    """
    high, low = divmod(int(at.lsn) // segment, 2**32 // segment)
    return f"{at.timeline:08X}{high:08X}{low:08X}"


def segment_start(name: str, segment: int) -> Position:
    """Where a file of the WAL begins. Raises ValueError for a name that is not one's.

    >>> str(segment_start("0000000E0000000100000003", 16 * 1024 * 1024))
    '1/03000000 on timeline 14'
    """
    if not is_segment(name):
        raise ValueError(f"{name!r} is not a file of the WAL")
    return Position(
        int(name[:8], 16), Lsn((int(name[8:16], 16) << 32) + int(name[16:], 16) * segment)
    )


def is_segment(name: str) -> bool:
    """Whether it is the name of a whole file of the WAL.

    >>> is_segment("0000000E0000000100000003"), is_segment("00000002.history")
    (True, False)
    """
    return _SEGMENT.fullmatch(name) is not None
