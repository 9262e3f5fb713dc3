"""A shutdown checkpoint by its bytes: made as PostgreSQL makes it, then spoilt."""

from __future__ import annotations

from struct import pack

import pytest

from pgha_helpers.facts.wal.by_bytes import crc32c, is_shutdown_checkpoint
from pgha_helpers.model import Lsn

AT = Lsn.parse("0/3A7D020")


def record(info: int = 0x00, manager: int = 0, redo: int = AT) -> bytes:
    """114 bytes, as 15 writes them; the body but for its first field is of no matter."""
    data = bytes([255, 88]) + pack("<Q", redo) + bytes(range(80))
    header = pack("<IIQBBxx", 24 + len(data), 0, AT - 56, info, manager)
    return header + pack("<I", crc32c(data + header)) + data


def test_it_is_known_whatever_follows_it() -> None:
    assert is_shutdown_checkpoint(record() + b"the next record", AT)


@pytest.mark.parametrize("at", range(114))
def test_no_byte_of_it_may_be_another(at: int) -> None:
    spoilt = bytearray(record())
    spoilt[at] ^= 0x10
    assert not is_shutdown_checkpoint(bytes(spoilt), AT)


@pytest.mark.parametrize("length", [0, 23, 24, 60, 113])
def test_a_part_of_it_is_nothing(length: int) -> None:
    assert not is_shutdown_checkpoint(record()[:length], AT)


@pytest.mark.parametrize(
    "other",
    [record(info=0x10), record(manager=1), record(redo=AT - 8), bytes(8192)],
    ids=["an online checkpoint", "another manager", "one of somewhere else", "an empty page"],
)
def test_what_is_something_else_is_not_taken_for_it(other: bytes) -> None:
    assert not is_shutdown_checkpoint(other, AT)
