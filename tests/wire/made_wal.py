"""WAL made byte by byte, as 18 writes it: small segments, and no server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

from pgha_helpers.facts.wal.by_bytes import PAGE, behind, crc32c
from pgha_helpers.model import Lsn, Position
from pgha_helpers.model.positions import segment_name

SEGMENT = 8 * PAGE
_MAGIC, _CONTINUED, _LONG = 0xD118, 1, 2
_HEADER, _OWN = 24, 5  # bytes before a record's own data: its header, and how long that is
_NOTHING, _SWITCH, _COMMIT = (0, 0x20), (0, 0x40), (1, 0x00)  # manager and kind


@dataclass
class Wal:
    """One timeline's WAL from a segment's begin on; `at` is where the next record is written."""

    timeline: int = 1
    at: int = SEGMENT
    data: dict[int, bytearray] = field(default_factory=dict)  # by number of segment
    last: int = 0

    def copy(self, timeline: int = 0) -> Wal:
        """The same bytes, to go on otherwise; on a timeline of its own it begins in the segment."""
        mine = {number: bytearray(data) for number, data in self.data.items()}
        if timeline:
            mine = {number: data for number, data in mine.items() if number == self.at // SEGMENT}
        return Wal(timeline or self.timeline, self.at, mine, self.last)

    def commit(self, word: str) -> Lsn:
        """A commit; gives where it begins."""
        return self._record(_COMMIT, xid=700, data=pack("<q", 0) + word.encode())

    def fill(self, left: int) -> Lsn:
        """One record that ends so many bytes before the end of the segment; where it begins."""
        until = self.at - self.at % SEGMENT + SEGMENT - left
        length = until - self.at
        while behind(Lsn(self.at), length, SEGMENT) > until:
            length -= 8
        begin = self._record(_NOTHING, data=bytes(length - _HEADER - _OWN))
        assert self.at == until, "it ends where it should"
        return begin

    def switch(self) -> Lsn:
        """Leave the segment; gives where the record of it ends."""
        self._record(_SWITCH)
        end, self.at = self.at, -(-self.at // SEGMENT) * SEGMENT
        return Lsn(end)

    def put(self, folder: Path, since: int = 0) -> None:
        """Write the files that have numbers from `since` on."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in self.data.items():
            if number >= since:
                name = segment_name(Position(self.timeline, Lsn(number * SEGMENT)), SEGMENT)
                (folder / name).write_bytes(data)

    def _record(self, kind: tuple[int, int], xid: int = 0, data: bytes = b"") -> Lsn:
        manager, info = kind
        own = b"\xfe" + pack("<I", len(data)) + data if data else b""
        begin = self.at
        if begin % PAGE == 0:
            begin += 24 if begin % SEGMENT else 40
        header = pack("<IIQBBxx", _HEADER + len(own), xid, self.last, info, manager)
        left = header + pack("<I", crc32c(own + header)) + own
        while left:
            if self.at % PAGE == 0:
                self._write(self._page(len(left) if self.at > begin else 0))
            count = PAGE - self.at % PAGE
            self._write(left[:count])
            left = left[count:]
        self.at = -(-self.at // 8) * 8
        self.last = begin
        return Lsn(begin)

    def _page(self, continued: int) -> bytes:
        flags = (_CONTINUED if continued else 0) | (0 if self.at % SEGMENT else _LONG)
        short = pack("<HHIQIxxxx", _MAGIC, flags, self.timeline, self.at, continued)
        return short if self.at % SEGMENT else short + pack("<QII", 7, SEGMENT, PAGE)

    def _write(self, data: bytes) -> None:
        place = self.data.setdefault(self.at // SEGMENT, bytearray(SEGMENT))
        place[self.at % SEGMENT : self.at % SEGMENT + len(data)] = data
        self.at += len(data)
