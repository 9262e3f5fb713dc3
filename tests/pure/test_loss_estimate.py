"""What a failover may lose, in the words that the gate shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.judgement.plans.loss_estimate import (
    NOBODY_LOOKED,
    LastKnown,
    LossEstimate,
    may_be_lost,
    why_not_salvaged,
)
from pgha_helpers.model import Hung, Lsn, Position, Silent

from .pictures import EARLIER, HERE, disk, standby, stopped

MB = 1024 * 1024

CRASHED = stopped("db0", "in production", armed=False)
THERE = Position(1, Lsn(HERE + 2048))
FOUND = LossEstimate(
    THERE, 3, "2026-11-23T03:00:01Z", "2026-11-23T03:00:02Z", last_commit="2026-11-23T03:00:00Z"
)


def told(
    estimate: LossEstimate, salvage: str = "all", old: object = CRASHED, **changes: int
) -> str:
    here = standby(received=HERE, replayed=HERE, receiver=None, **changes)
    return ". ".join(may_be_lost(here, old, estimate, salvage))  # type: ignore[arg-type]


def test_what_the_disk_holds_is_counted() -> None:
    words = told(FOUND)
    assert "its newest commit of 2026-11-23T03:00:00Z" in words
    assert (
        "holds 2 kB more, with 3 commits, made from 2026-11-23T03:00:01Z to 2026-11-23T03:00:02Z"
        in words
    )
    assert (
        "Salvage brings them over, and nothing is lost (commits under synchronous_commit=off"
        in words
    )


def test_what_is_not_looked_for_before_9_5_is_said() -> None:
    words = "on PostgreSQL 9.4 what stands behind damage is found from the next 8 kB on"
    assert words in told(FOUND, version=90426) and "8 kB" not in told(FOUND)


def test_what_is_left_behind_on_purpose_is_said_so() -> None:
    assert "they WILL BE MISSING on db1, because salvage=none" in told(FOUND, "none")


def test_a_standby_that_has_it_all_loses_nothing() -> None:
    assert "nothing is lost" in told(LossEstimate(Position(1, HERE)))


@pytest.mark.parametrize(
    ("salvage", "words"), [("all", "nothing would be promoted"), ("some", "IS LOST")]
)
def test_damage_in_the_middle_is_said(salvage: str, words: str) -> None:
    damaged = LossEstimate(THERE, damaged=Lsn(THERE.lsn + 512))
    assert "is DAMAGED at" in told(damaged, salvage) and words in told(damaged, salvage)


def test_another_timeline_is_another_history() -> None:
    assert "TWO HISTORIES" in told(LossEstimate(Position(2, HERE)))


def refused(
    estimate: LossEstimate, salvage: str = "all", old: object = CRASHED, **disk_: int
) -> str:
    """Why a salvage is known to fail, with what to do."""
    here = standby(received=HERE, replayed=HERE, receiver=None, disk=disk(**disk_))
    return ". ".join(filter(None, why_not_salvaged(here, old, estimate, salvage)))  # type: ignore[arg-type]


def test_a_salvage_that_can_only_fail_is_refused_before_anything_is_done() -> None:
    damaged, unread = (
        replace(FOUND, damaged=Lsn(THERE.lsn + 512)),
        LossEstimate(unread="it is encrypted"),
    )
    assert "is DAMAGED at 0/05000800" in refused(damaged) and "-p salvage=some" in refused(damaged)
    assert "cannot be read: it is encrypted" in refused(unread) and "-p salvage=none" in refused(
        unread, "some"
    )
    away = replace(CRASHED, disk=replace(CRASHED.disk, no_wal="it leads to nowhere"))
    assert "mount that disk" in refused(LossEstimate(unread="it leads to nowhere"), old=away)
    assert "two histories" in refused(LossEstimate(Position(2, HERE)))
    hung = Hung("db0", "no answer", CRASHED.disk)
    for estimate, salvage, old in (
        (damaged, "some", CRASHED),
        (damaged, "none", CRASHED),
        (unread, "none", CRASHED),
        (damaged, "all", hung),  # its WAL moves: nothing is known before it is fenced
        (unread, "all", hung),
        (unread, "all", SILENT),
        (NOBODY_LOOKED, "all", CRASHED),
        (FOUND, "all", CRASHED),
    ):
        assert not refused(estimate, salvage, old), (estimate, salvage, old)


def test_a_salvage_needs_room_for_wal_and_for_what_it_makes_the_databases_grow_by() -> None:
    more = replace(FOUND, room=48 * MB, grows=20 * MB)
    assert "68 MB are needed on db1 for its WAL, 67 MB are free" in refused(
        more, wal_free=67 * MB, free_bytes=67 * MB
    )
    assert not refused(more, wal_free=68 * MB, free_bytes=68 * MB)
    assert not refused(more, wal_free=48 * MB, free_bytes=20 * MB), "two disks"
    assert "48 MB are needed on db1 for its WAL" in refused(
        more, wal_free=47 * MB, free_bytes=20 * MB
    )
    assert "20 MB are needed on db1 for its databases" in refused(
        more, wal_free=48 * MB, free_bytes=19 * MB
    )
    assert not refused(more, "none", wal_free=0, free_bytes=0) and not refused(more)


SILENT = Silent("db0", "no route to host")


def test_what_nobody_can_read_is_unknown() -> None:
    assert "is UNKNOWN, AND MAY BE LOST" in told(
        LossEstimate(unread="no route to host"), old=SILENT
    )


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (Position(1, Lsn(HERE + 1024)), "had written 1 kB more, which ARE LOST"),
        (Position(1, EARLIER), "had written nothing that db1 does not have"),
        (Position(2, HERE), "was on another timeline"),
    ],
)
def test_the_last_record_that_saw_it_bounds_what_is_lost(at: Position, words: str) -> None:
    known = LastKnown(at, "2026-11-23T02:59:00Z", "4f2c91ab")
    sentence = told(LossEstimate(unread="no route to host", known=known), old=SILENT)
    assert words in sentence and "UNKNOWN beyond 2026-11-23T02:59:00Z" in sentence


def test_whom_else_it_fed_when_it_was_last_seen_is_told() -> None:
    """A standby among them may be ahead, and nobody can ask the lost primary any more."""
    known = LastKnown(
        THERE, "2026-11-23T03:00:00Z", "c0ffee00", ("the standby db2 at 10.0.0.12, by slot db2",)
    )
    words = told(LossEstimate(THERE, known=known))
    assert (
        "db0 fed others, too, when run c0ffee00 saw it last, at 2026-11-23T03:00:00Z: the "
        "standby db2 at"
    ) in words
    assert "MAY HAVE RECEIVED MORE than db1: look first" in words
    assert "fed others" not in told(
        LossEstimate(THERE, known=LastKnown(THERE, "2026-11-23T03:00:00Z", "c0ffee00"))
    )
