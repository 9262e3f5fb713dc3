"""The control file by its bytes, where no pg_controldata reads it.

The places are those of ControlFileData (src/include/catalog/pg_control.h) on a little-endian
machine of 64 bits. What has another form, or another checksum than its own, tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import unpack_from

from ..model import Control, Lsn, Position
from .wal.by_bytes import crc32c


@dataclass(frozen=True)
class _Layout:
    """Where the redo position, the next xid, the end of recovery, the size of a segment and the CRC
    stand.
    """

    redo: int
    xid: int
    least: int
    segment: int
    crc: int


#: By pg_control_version.
_LAYOUTS: Mapping[int, _Layout] = {
    1002: _Layout(48, 72, 136, 228, 288),  # 10
    1100: _Layout(40, 64, 128, 220, 280),  # 11
    1201: _Layout(40, 64, 136, 228, 288),  # 12
    1300: _Layout(40, 64, 136, 228, 288),  # 13 to 16
    1700: _Layout(40, 64, 136, 228, 288),
    1800: _Layout(40, 64, 136, 228, 292),
    1903: _Layout(40, 72, 144, 240, 308),  # of 19beta3
}
_STATES = (
    "starting up",
    "shut down",
    "shut down in recovery",
    "shutting down",
    "in crash recovery",
    "in archive recovery",
    "in production",
)


def control_of(data: bytes) -> Control | str:
    """What these first bytes of the control file say; a sentence where they say nothing.

    >>> control_of(bytes(512))
    'global/pg_control cannot be read: it is of version 0, and there is no pg_controldata'
    """
    if len(data) < 16:
        return f"global/pg_control is damaged: it has {len(data)} bytes"
    system_id, version = unpack_from("<QI", data)
    layout = _LAYOUTS.get(version)
    if layout is None:
        return (
            f"global/pg_control cannot be read: it is of version {version}, and there is no "
            "pg_controldata"
        )
    if len(data) < layout.crc + 4:
        return f"global/pg_control is damaged: it has {len(data)} bytes"
    if unpack_from("<I", data, layout.crc) != (crc32c(data[: layout.crc]),):
        return "global/pg_control is damaged: its checksum is another one"
    (state,) = unpack_from("<I", data, 16)
    checkpoint, redo, timeline = (
        unpack_from("<Q", data, 32)[0],
        *unpack_from("<QI", data, layout.redo),
    )
    (least,) = unpack_from("<Q", data, layout.least)
    (segment,) = unpack_from("<I", data, layout.segment)
    (backup,) = unpack_from("<Q", data, layout.least + 16)  # behind the timeline of that
    return Control(
        system_id=str(system_id),
        state=_STATES[state] if state < len(_STATES) else f"unknown ({state})",
        checkpoint=Position(timeline, Lsn(checkpoint)),
        redo=Lsn(redo),
        minimum_recovery=Lsn(least),
        segment=segment,
        backup=Lsn(backup),
        xid=unpack_from("<I", data, layout.xid)[0],
    )
