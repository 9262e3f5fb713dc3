"""One WAL record by its bytes, over a session that is open.

Half a millisecond, where pg_waldump costs ten. The form is that of 9.5 and later on a little-endian
machine (src/include/access/xlogrecord.h): a header of 24 bytes, whose last four are the CRC-32C of
the data and of the header before it. What does not fit this form proves nothing, and is left to
pg_waldump: a record that goes over the end of a page, other byte orders, a role that may not read
files.
"""

from __future__ import annotations

from functools import cache
from struct import Struct

from ...model import Lsn, Position
from ...model.errors import QueryFailed, Refusal
from ...model.positions import segment_name, there
from ...wire.sql import Session
from ..queries import query

_HEADER = Struct("<IIQBBxxI")  # length of all, xid, previous record, info, resource manager, CRC
_REDO = Struct("<Q")
_SHORT_DATA = 255  # XLR_BLOCK_ID_DATA_SHORT; a byte with the length of the data follows
_XLOG, _SHUTDOWN = 0, 0x00  # RM_XLOG_ID, XLOG_CHECKPOINT_SHUTDOWN
PAGE = 8192
PAGE_HEADER = 24  # bytes, before the first record of a page
_LONGEST = 256  # bytes; a checkpoint has 114 on 15


def replayed_past(sql: Session, at: Position, segment: int, patience: float) -> tuple[Lsn, bytes]:
    """Up to where a standby has replayed, after a wait for a position, and the record there.

    One round trip: the server itself waits, and reads its own WAL. No bytes where the role may not
    read files.
    """
    name, offset = _place(sql, at, segment)
    count = min(_LONGEST, PAGE - int(at.lsn) % PAGE)
    milliseconds = max(1, round(patience * 1000))
    asked = [str(Lsn(at.lsn + 1)), milliseconds]
    try:
        rows = sql.read(query("replayed past, and the record there"), [*asked, name, offset, count])
    except QueryFailed:
        rows = sql.read(query("replayed past"), asked)
    row = rows[0]
    record = row.get("found") or b""
    return sql.position(row["replayed"]), bytes(record)


def _place(sql: Session, at: Position, segment: int) -> tuple[str, int]:
    """The file of the WAL that holds a position, and where in it."""
    return f"{sql.spelled('pg_wal')}/{segment_name(at, segment)}", int(at.lsn) % segment


def read_bytes(sql: Session, at: Position, count: int, segment: int) -> bytes:
    """At most so many bytes of this node's own WAL, of one segment.

    None where the role may not or there is none.
    """
    name, offset = _place(sql, at, segment)
    try:
        rows = sql.read(query("bytes of a file"), [name, offset, count])
    except Refusal:
        return b""
    return bytes(rows[0]["found"] or b"")


def is_shutdown_checkpoint(data: bytes, at: Lsn) -> bool:
    """Whether these bytes, which stand at `at`, begin with a whole and sound shutdown checkpoint.

    >>> is_shutdown_checkpoint(bytes(114), Lsn(0))
    False
    """
    if not is_record(data):
        return False
    length, _, _, info, manager, _ = _HEADER.unpack_from(data)
    data_at = _HEADER.size + 2  # behind the header: what kind of data, and its length
    if length < data_at + _REDO.size or data[_HEADER.size] != _SHORT_DATA:
        return False
    if manager != _XLOG or info & 0xF0 != _SHUTDOWN:
        return False
    # the redo position of a shutdown checkpoint is its own position
    (redo,) = _REDO.unpack_from(data, data_at)
    return bool(redo == at)


def behind(
    start: Lsn, length: int, segment: int, headers: tuple[int, int, int] = (24, 40, 0)
) -> Lsn:
    """The first byte behind a record of so many bytes, with the `headers` of its pages: see
    dialect.page_headers.

    >>> behind(Lsn.parse("0/3000028"), 30, 2**24), behind(Lsn.parse("0/3001FF8"), 30, 2**24)
    (Lsn('0/03000048'), Lsn('0/03002030'))
    """
    at = int(start)
    left = length
    short, long, continued = headers
    while left:
        if at % PAGE == 0:
            at = there(Lsn(at), segment)
            at += (short if at % segment else long) + (continued if left < length else 0)
        taken = min(left, PAGE - at % PAGE)
        at += taken
        left -= taken
    return there(Lsn(-(-at // 8) * 8), segment)


def is_record(data: bytes) -> bool:
    """Whether these bytes begin with a whole and sound record."""
    if len(data) < _HEADER.size:
        return False
    length, *_, crc = _HEADER.unpack_from(data)
    if not _HEADER.size <= length <= len(data):
        return False
    header = data[: _HEADER.size - 4]  # without the CRC itself
    return crc32c(data[_HEADER.size : length] + header) == int(crc)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as PostgreSQL has it.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table = _table()
    value = 0xFFFFFFFF
    for byte in data:
        place = (value ^ byte) & 0xFF
        value = table[place] ^ value >> 8
    return value ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            odd = value & 1
            value >>= 1
            if odd:
                value ^= 0x82F63B78
        table.append(value)
    return tuple(table)
