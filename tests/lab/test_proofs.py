"""The proof in the standby's own WAL: by the record's bytes, and by pg_waldump where they do not
tell.
"""

from __future__ import annotations

import pytest

from pgha_helpers.facts.wal import by_bytes as wal_bytes

from ..embedded import Lab
from .runs import carry_out, to_promote
from .servers import writable


def switched(pair: Lab) -> list[str]:
    """Switch over; what the record has about the shutdown checkpoint, without the deeds of
    others.
    """
    target = "db1" if writable(pair) == ["db0"] else "db0"
    return [
        deed.did
        for deed in carry_out(pair, "promote", to_promote(target))
        if "CHECKPOINT_SHUTDOWN" in deed.did
    ]


def test_it_is_proved_by_bytes_and_told_by_pg_waldump_afterwards(pair: Lab) -> None:
    proved, told = switched(pair)
    assert proved.startswith("proved:") and proved.endswith("by its bytes and their checksum")
    assert told.startswith("pg_waldump tells the same of ")
    assert told.endswith(": XLOG CHECKPOINT_SHUTDOWN of 114 bytes") and "rmgr" not in told


def test_where_the_bytes_do_not_tell_pg_waldump_proves_it(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the record goes over the end of a page."""
    monkeypatch.setattr(wal_bytes, "_LONGEST", 64)
    proved, _ = switched(pair)
    assert proved.endswith("as pg_waldump tells it")
