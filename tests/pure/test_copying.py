"""Whether a copy beside fits: judged per file system, every reason at once."""

from __future__ import annotations

import pytest

from pgha_helpers.errors import NotSafe
from pgha_helpers.plans import Plan
from pgha_helpers.plans.copying import Copying, Half, Part, makes_copy, refuse_copy

MB = 1024 * 1024


def part(what: str, needed: int, device: str = "1", free: int = 1000 * MB, obstacle: str = "") -> Part:
    return Part(what, f"/{what}", needed, f"/{what}", device, free, obstacle)


def copying(*tablespaces: Part, data: int = 100 * MB, free: int = 1000 * MB, **more: object) -> Copying:
    return Copying("db1", data, part("data", data, free=free), tablespaces, **more)  # type: ignore[arg-type]


def test_what_fits_is_told_with_its_room() -> None:
    fits = copying(part("fast", 10 * MB, "2", 20 * MB))
    refuse_copy(fits)
    told = " ".join(fits.told())
    assert "data beside /data (1000 MB free); fast beside /fast (20 MB free)" in told


def test_what_shares_a_file_system_is_added_up() -> None:
    with pytest.raises(NotSafe, match=r"data and fast beside /data: 1.1 GB are needed, 1000 MB are free, 100 MB are"):
        refuse_copy(copying(part("fast", 900 * MB)))
    refuse_copy(copying(part("fast", 900 * MB, "2")))


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(
        NotSafe, match=r"fast: is odd; data beside /data: .* are missing; fast beside /fast: .* missing"
    ):
        refuse_copy(copying(part("fast", 900 * MB, "2", 0, "is odd"), free=0))


def test_what_a_dead_copy_has_left_counts_as_free() -> None:
    half = Half("/data.clone-00c0ffee", 200 * MB, "1")
    again = copying(free=0, halves=(half,))
    refuse_copy(again)
    assert "/data.clone-00c0ffee (200 MB) is left by a copy that died, and is removed" in again.told()
    with pytest.raises(NotSafe):
        refuse_copy(copying(free=0, halves=(Half("/x", 200 * MB, "2"),)))


def test_a_swap_that_was_begun_needs_no_room() -> None:
    begun = copying(free=0, begun=("/data.swap-20261123T030000Z-00c0ffee",))
    refuse_copy(begun)
    assert "no new one is made" in str(begun.told())
    with pytest.raises(NotSafe, match="two copies are half moved in"):
        refuse_copy(copying(begun=("/a", "/b")))


def test_a_plan_that_copies_is_told_from_one_that_follows() -> None:
    copies = Plan("rebuild", "db1", "db0", "clone", ("Copy db0 with pg_basebackup into a fresh directory",))
    assert makes_copy(copies) and not makes_copy(Plan("rebuild", "db1", "db0", "follow", ("Restart db1",)))
