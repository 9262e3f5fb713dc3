"""What a lost primary's disk holds beyond its standby: where its WAL ends, and what is lacking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .positions import Lsn, Position


@dataclass(frozen=True)
class SegmentPart:
    """Bytes of one segment: its file, and from which one up to which one."""

    name: str
    first: int
    until: int


@dataclass(frozen=True)
class Piece:
    """So many bytes of a part, from this byte of its segment on: one answer of a shell."""

    part: SegmentPart
    at: int
    count: int

    @property
    def opens(self) -> bool:
        """Whether it is the first one of its part."""
        return self.at == self.part.first

    @property
    def closes(self) -> bool:
        """Whether it is the last one of its part."""
        return self.at + self.count == self.part.until


@dataclass(frozen=True)
class WalEnd:
    """The end of a node's WAL.

    `last` is where its last whole record starts, or None where there is none from the start of the
    reading on; `behind` is the first byte behind it, and `told` what pg_waldump says of the record.
    """

    timeline: int
    last: Lsn | None
    behind: Lsn
    told: str = field(default="", compare=False)

    def __str__(self) -> str:
        return str(Position(self.timeline, self.behind))


@dataclass(frozen=True)
class Found:
    """What is to be brought over.

    From `here`, up to where the standby had replayed, to the old primary's `end`. `before` are the
    digests, by node, of what stands before `here`, and empty where that is not there. `segment` is
    in bytes.
    """

    here: Position
    end: WalEnd
    before: Mapping[str, str]
    segment: int


@dataclass(frozen=True)
class Behind:
    """What stands at the end: where WAL `goes_on` behind it, and the `last` record's bytes."""

    goes_on: Lsn | None
    last: bytes


@dataclass(frozen=True)
class LostWal:
    """All of it as it was once read on `node`, whose WAL had this fingerprint.

    `lacking` is the first piece, at most 1 MB, of what the standby lacks: mostly that is all of it.
    It may be unread.
    """

    node: str
    fingerprint: str
    found: Found
    behind: Behind
    lacking: Mapping[Piece, bytes]
