"""Segments that were never archived: which of them make a hole, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

from pgha_helpers.judgement.plans.unarchived import Unarchived, sort_unarchived, told_of_unarchived
from pgha_helpers.model import Lsn, Snapshot

from .pictures import disk, primary, seen, stopped

SEGMENT = 16 * 1024 * 1024


def promoted() -> Snapshot:
    """db1 was promoted at 0/5000148, and has written since."""
    histories = {2: "1\t0/5000148\tno recovery target specified\n"}
    there = primary("db1", timeline=2, written=Lsn.parse("0/9000000"))
    return seen(stopped("db0"), replace(there, disk=disk(histories=histories)))


def test_only_what_lies_before_the_fork_makes_a_hole() -> None:
    names = [f"0000000100000000{n:08X}" for n in (3, 4, 5, 6)] + [
        "00000002.history",
        "000000020000000000000006",
    ]
    found = sort_unarchived(promoted(), names, SEGMENT)
    assert [name[-1] for name in found.before] == ["3", "4", "5", "6"], (
        "the fork lies in segment 5 of timeline 1"
    )
    assert found.before[3] == "000000020000000000000006" and found.after == (
        "000000010000000000000006",
    )


def test_a_timeline_that_the_primary_does_not_know_is_left_behind() -> None:
    found = sort_unarchived(
        promoted(), ["000000030000000000000004", "000000010000000000000004.partial"], SEGMENT
    )
    assert found == Unarchived(("000000010000000000000004.partial",), ("000000030000000000000004",))


def test_what_is_said_of_them() -> None:
    names = tuple(f"0000000100000000{n:08X}" for n in range(1, 8))
    (told,) = told_of_unarchived("db0", Unarchived(names), keeps=True)
    assert told.startswith("7 segments were never archived on db0: 000000010000000000000001, ")
    assert "and 2 more, up to 000000010000000000000007" in told
    assert "has a hole unless you archive" in told and told.endswith(
        "they are kept beside the data directory"
    )
    (told,) = told_of_unarchived("db0", Unarchived(after=names[:1]), keeps=False)
    assert told.startswith("1 segment was never archived on db0, beyond the fork")
    assert told_of_unarchived("db0", Unarchived(), keeps=True) == ()
