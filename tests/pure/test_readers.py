"""Whoever else reads WAL of the primary: named by day and at the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.judgement.checks import (
    judge,
)
from pgha_helpers.judgement.checks.activity import (
    nobody_else_who_reads_wal_would_be_left_behind,
)
from pgha_helpers.judgement.plans import promotion_plan
from pgha_helpers.model import Lsn, Sender, Slot, Snapshot
from pgha_helpers.model.conninfo import PROOF

from .pictures import (
    HERE,
    primary,
    seen,
    standby,
)


def further(name: str, **changes: Any) -> Sender:
    """Somebody else whom the primary feeds."""
    plain = Sender(
        201, name, "replicator", "10.0.0.12", "streaming", HERE, HERE, HERE, HERE, 0.0, "async"
    )
    return replace(plain, **changes)


def read_by(*others: Sender, slots: tuple[Slot, ...] = ()) -> Snapshot:
    plain = primary()
    return seen(
        replace(plain, senders=(*plain.senders, *others), slots=(*plain.slots, *slots)), standby()
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            read_by(further("db2", slot="db2", kind="physical")),
            "the standby db2 at 10.0.0.12, by slot db2",
        ),
        (read_by(further("db2")), "the standby db2 at 10.0.0.12, without a slot"),
        (
            read_by(further("pg_receivewal", replayed=Lsn(0), slot="barman")),
            "pg_receivewal at 10.0.0.12, by slot barman",
        ),
        (
            read_by(slots=(Slot("db2", "physical", False, HERE, "reserved"),)),
            "whoever owns slot db2, which is idle",
        ),
    ],
)
def test_whoever_else_reads_wal_is_named_by_day_and_at_the_gate(now: Snapshot, words: str) -> None:
    (verdict,) = judge([nobody_else_who_reads_wal_would_be_left_behind], now)
    assert verdict.level == "warning" and verdict.reason == f"would stay behind on db0: {words}"
    assert f"behind on db0 stay, until you point them at db1: {words}" in promotion_plan(now).told


def test_who_needs_nothing_or_is_told_elsewhere_is_no_reader() -> None:
    own_proof = (
        further(PROOF),
        further("pg_basebackup", state="backup"),
        further("cdc", kind="logical", slot="cdc"),
    )
    now = read_by(*own_proof, slots=(Slot("tmp", "physical", False, None, "", temporary=True),))
    assert judge([nobody_else_who_reads_wal_would_be_left_behind], now).worst == "ok"
