"""One WAL record by its bytes, over a session that is open: half a millisecond, where pg_waldump costs ten.

The form is that of 9.5 and later on a little-endian machine (src/include/access/xlogrecord.h): a header of 24 bytes,
whose last four are the CRC-32C of the data and of the header before it. What does not fit this form proves nothing, and
is left to pg_waldump: a record that goes over the end of a page, other byte orders, a role that may not read files.
"""

from __future__ import annotations

from functools import cache
from struct import Struct

from ..errors import Refusal
from ..model import Lsn, Position
from ..model.positions import segment_name
from ..wire.sql import Session

_HEADER = Struct("<IIQBBxxI")  # length of all, xid, previous record, info, resource manager, CRC
_REDO = Struct("<Q")
_SHORT_DATA = 255  # XLR_BLOCK_ID_DATA_SHORT; a byte with the length of the data follows
_XLOG, _SHUTDOWN = 0, 0x00  # RM_XLOG_ID, XLOG_CHECKPOINT_SHUTDOWN
PAGE = 8192
PAGE_HEADER, _SEGMENT_HEADER = 24, 40  # bytes, before the first record of a page and of a segment
_LONGEST = 256  # bytes; a checkpoint has 114 on 15


def has_shutdown_checkpoint(sql: Session, at: Position, segment: int) -> bool:
    """Whether this node's own WAL has a whole shutdown checkpoint at this position. False proves nothing."""
    return is_shutdown_checkpoint(read_bytes(sql, at, min(_LONGEST, PAGE - int(at.lsn) % PAGE), segment), at.lsn)


def read_bytes(sql: Session, at: Position, count: int, segment: int) -> bytes:
    """At most so many bytes of this node's own WAL, of one segment; none where the role may not or there is none."""
    file = f"pg_wal/{segment_name(at, segment)}"
    try:
        rows = sql.read("select pg_read_binary_file(%s, %s, %s, true) as found", [file, int(at.lsn) % segment, count])
    except Refusal:
        return b""
    return bytes(rows[0]["found"] or b"")


def is_shutdown_checkpoint(data: bytes, at: Lsn) -> bool:
    """Whether these bytes, which stand at `at`, begin with a whole and sound shutdown checkpoint.

    >>> is_shutdown_checkpoint(bytes(114), Lsn(0))
    False
    """
    if len(data) < _HEADER.size:
        return False
    length, _, _, info, manager, crc = _HEADER.unpack_from(data)
    if not _HEADER.size + 2 + _REDO.size <= length <= len(data) or data[_HEADER.size] != _SHORT_DATA:
        return False
    (redo,) = _REDO.unpack_from(data, _HEADER.size + 2)  # that of a shutdown checkpoint is its own position
    sound = crc32c(data[_HEADER.size : length] + data[: _HEADER.size - 4]) == crc
    return bool(sound and manager == _XLOG and info & 0xF0 == _SHUTDOWN and redo == at)


def behind(start: Lsn, length: int, segment: int) -> Lsn:
    """The first byte behind a record of so many bytes, which goes over the headers of the pages that it spans.

    >>> behind(Lsn.parse("0/3000028"), 30, 2**24), behind(Lsn.parse("0/3001FF8"), 30, 2**24)
    (Lsn('0/3000048'), Lsn('0/3002030'))
    """
    at, left = int(start), length
    while left:
        if at % PAGE == 0:
            at += PAGE_HEADER if at % segment else _SEGMENT_HEADER
        taken = min(left, PAGE - at % PAGE)
        at, left = at + taken, left - taken
    return Lsn(-(-at // 8) * 8)


def is_record(data: bytes) -> bool:
    """Whether these bytes begin with a whole and sound record."""
    if len(data) < _HEADER.size:
        return False
    length, *_, crc = _HEADER.unpack_from(data)
    if not _HEADER.size <= length <= len(data):
        return False
    return bool(crc32c(data[_HEADER.size : length] + data[: _HEADER.size - 4]) == crc)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as PostgreSQL has it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    value, table = 0xFFFFFFFF, _table()
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)
