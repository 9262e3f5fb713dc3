"""Whether a copy beside fits: judged per file system, every reason at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.judgement.plans import Plan
from pgha_helpers.judgement.plans.copying import (
    Copying,
    Half,
    Part,
    copied_by,
    into_nothing,
    refuse_copy,
)
from pgha_helpers.judgement.plans.plan import Step, StepKind
from pgha_helpers.model.errors import NotSafe

MB = 1024 * 1024


def part(
    what: str,
    needed: int,
    device: str = "1",
    free: int = 1000 * MB,
    obstacle: str = "",
    mounted: bool = False,
) -> Part:
    return Part(what, f"/{what}", needed, f"/{what}", device, free, obstacle, mounted=mounted)


def copying(
    *tablespaces: Part, data: int = 100 * MB, free: int = 1000 * MB, **more: object
) -> Copying:
    return Copying("db1", data, part("data", data, free=free), tablespaces, **more)  # type: ignore[arg-type]


def test_what_fits_is_told_with_its_room() -> None:
    fits = copying(part("fast", 10 * MB, "2", 20 * MB))
    refuse_copy(fits)
    told = " ".join(fits.told())
    assert "data beside /data (1000 MB free); fast beside /fast (20 MB free)" in told


def test_what_shares_a_file_system_is_added_up() -> None:
    with pytest.raises(
        NotSafe,
        match=r"data and fast beside /data: 1.1 GB are needed, 1000 MB are free, 100 MB are",
    ):
        refuse_copy(copying(part("fast", 900 * MB)))
    refuse_copy(copying(part("fast", 900 * MB, "2")))


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(
        NotSafe,
        match=r"fast: is odd; data beside /data: .* are missing; fast beside /fast: .* missing",
    ):
        refuse_copy(copying(part("fast", 900 * MB, "2", 0, "is odd"), free=0))


def test_what_a_dead_copy_has_left_counts_as_free() -> None:
    half = Half("/data.clone-00c0ffee", 200 * MB, "1")
    again = copying(free=0, halves=(half,))
    refuse_copy(again)
    assert (
        "/data.clone-00c0ffee (200 MB) is left by a copy that died, and is removed" in again.told()
    )
    with pytest.raises(NotSafe):
        refuse_copy(copying(free=0, halves=(Half("/x", 200 * MB, "2"),)))


def test_a_swap_that_was_begun_needs_no_room() -> None:
    begun = copying(free=0, begun=("/data.swap-20261123T030000Z-00c0ffee",))
    refuse_copy(begun)
    assert "no new one is made" in str(begun.told())
    with pytest.raises(NotSafe, match="two copies are half moved in"):
        refuse_copy(copying(begun=("/a", "/b")))


def test_a_copy_into_nothing_needs_room_where_it_will_be() -> None:
    fits = into_nothing(copying(free=300 * MB, data=200 * MB), free=7, there=0)
    refuse_copy(fits)
    assert "data in /data (300 MB free)" in fits.told()[0]
    with pytest.raises(
        NotSafe, match=r"db1 cannot take a copy: data in /data: 330 MB are needed, 300 MB are free"
    ):
        refuse_copy(into_nothing(copying(free=300 * MB, data=300 * MB), free=7, there=0))
    refuse_copy(into_nothing(copying(free=300 * MB, data=300 * MB), free=7, there=200 * MB))
    obstacle = "/data is a mount point, which cannot be renamed"
    mounted = Copying("db1", 1, part("data", 200 * MB, obstacle=obstacle, mounted=True))
    refuse_copy(into_nothing(mounted, free=300 * MB, there=0))
    with pytest.raises(NotSafe, match="220 MB are needed, 100 MB are free"):
        refuse_copy(into_nothing(mounted, free=100 * MB, there=0))
    closed = replace(
        mounted, data=replace(mounted.data, obstacle_here="postgres may not write in /data")
    )
    with pytest.raises(NotSafe, match="postgres may not write in /data"):
        refuse_copy(into_nothing(closed, free=300 * MB, there=0))


@pytest.mark.parametrize(
    ("words", "program"),
    [
        ("Copy db0 with pg_basebackup into a fresh directory", "pg_basebackup"),
        (
            "Copy db0 with rsync into /d if it is empty, else into a fresh directory beside it",
            "rsync",
        ),
        ("Restart db1", ""),
    ],
)
def test_a_plan_that_copies_is_told_from_one_that_follows(words: str, program: str) -> None:
    step = Step(StepKind(program), words) if program else words
    assert copied_by(Plan("rebuild", "db1", "db0", "clone", (step,))) == program
    assert not copied_by(Plan("rebuild", "db1", "db0", "clone", (step,), already="so"))
