"""A switchover that would undo a promotion which is minutes old asks for words of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.judgement.plans import promotion_plan
from pgha_helpers.judgement.plans.back_again import Promoted, asking_back
from pgha_helpers.model import Snapshot
from pgha_helpers.records.making.earlier_runs import newest_promotion
from pgha_helpers.run.journal import Journal

from .pictures import disk, primary, seen, standby

NOW = 1_795_950_000.0  # 2026-11-29T11:00:00Z
TAKEN = "2026-11-29T11:00:00.000Z"
SINCE = NOW - 3600
HISTORY = {2: "1\t0/4000000\tno recovery target specified"}


def moved(minutes: float = 0.0, skew: float = 0.0) -> Snapshot:
    """db1 is primary, as its own files tell since so many minutes; 0: they tell nothing."""
    files = {"forked": NOW + skew - 60 * minutes, "histories": HISTORY} if minutes else {}
    new = primary("db1", timeline=2, disk=disk(clock_skew=skew, **files))
    return replace(seen(standby("db0", timeline=2), new), taken=TAKEN)


def consent(now: Snapshot, known: Promoted | None = None) -> str:
    return asking_back(promotion_plan(now), now, lambda since: known, SINCE).consent


@pytest.mark.parametrize(
    ("now", "known", "words"),
    [
        (moved(), None, "promote db0"),
        (moved(), Promoted("db1", NOW - 180, "9521efe6"), "promote db0, back again"),
        (moved(), Promoted("db1", NOW - 3601, "9521efe6"), "promote db0"),
        # another machine has moved it back meanwhile, long ago: db0 was never left a moment ago
        (moved(), Promoted("db0", NOW - 180, "9521efe6"), "promote db0"),
        (moved(minutes=12), None, "promote db0, back again"),
        (moved(minutes=61), None, "promote db0"),
        (moved(minutes=61, skew=1800), None, "promote db0"),
        (moved(minutes=59, skew=-1800), None, "promote db0, back again"),
    ],
)
def test_the_way_back_is_asked_for_within_an_hour(
    now: Snapshot, known: Promoted | None, words: str
) -> None:
    assert consent(now, known) == words


def test_the_gate_says_who_promoted_and_when() -> None:
    def told(now: Snapshot, known: Promoted | None) -> str:
        return asking_back(promotion_plan(now), now, lambda since: known, SINCE).told[0]

    known = Promoted("db1", NOW - 180, "9521efe6")
    words = "promoted db1 3 min ago: this would move the primary back to db0"
    assert told(moved(minutes=3), known) == f"Run 9521efe6 {words}"
    later = told(moved(minutes=1), known)
    assert later.startswith("Somebody (no run of this machine) promoted db1 60 s ago")


def test_whoever_consents_to_more_consents_to_less() -> None:
    now = moved()
    plan = promotion_plan(now)
    assert plan.covered_by("promote db0, back again")
    asked = asking_back(plan, now, lambda since: Promoted("db1", NOW), SINCE)
    assert asked.covered_by("promote db0, back again") and not asked.covered_by("promote db0")


def test_a_failover_undoes_nothing() -> None:
    """Nobody takes writes there; no word more may stand in its way."""

    def never(since: float) -> None:
        raise AssertionError("nobody reads records while clients wait")

    plan = replace(promotion_plan(moved()), kind="failover")
    assert asking_back(plan, moved(minutes=3), never, SINCE) == plan


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """`record(run, node, …)`: what a promote of pair prod left that began to promote these."""

    def left(run: str, *nodes: str) -> Path:
        folder = tmp_path / f"20261129T1000{run[-2:]}Z-prod-promote-{run}"
        folder.mkdir()
        journal = Journal(folder)
        for node in nodes:
            journal.write("deed begun", node=node, kind="promote", did="promote")
        journal.close()
        return folder

    return left


def test_the_newest_promotion_of_the_records_counts_however_its_run_ended(
    tmp_path: Path, record: Callable[..., Path]
) -> None:
    assert newest_promotion(tmp_path, "prod", 0.0) is None
    record("00000001", "db1")
    record("00000002", "db0")
    record("00000003")  # a rehearsal
    found = newest_promotion(tmp_path, "prod", 0.0)
    assert found and (found.node, found.run) == ("db0", "00000002")
    assert newest_promotion(tmp_path, "prod", found.at) is None
    assert newest_promotion(tmp_path, "other", 0.0) is None
