"""How fast a pair's rebuilds were, by the journals of earlier runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pgha_helpers.judgement.plans.rebuild import Rates
from pgha_helpers.records.making.earlier_runs import known_rates
from pgha_helpers.run.journal import Journal

MB = 1024 * 1024


def record(
    records: Path,
    number: int,
    kind: str,
    seconds: float,
    ended: str = "deed ended",
    rehearsed: float = 0,
    **told: Any,
) -> None:
    """A run that copied, as far as its rate is concerned."""
    folder = records / f"20261101T0000{number:02d}Z-prod-rebuild-{number:08x}"
    folder.mkdir()
    journal = Journal(folder)
    journal.write("planned", plan={"kind": kind})
    if rehearsed:
        journal.write(
            "deed ended", did="rehearsed pg_rewind: it would copy 100 MB", seconds=rehearsed
        )
    journal.write("throughput", **{"bytes": 100 * MB, "total": 100 * MB, "seconds": 1, **told})
    journal.write(ended, did="copied", seconds=seconds)
    journal.close()


def test_the_newest_three_of_each_method_count_with_all_that_a_copy_takes(tmp_path: Path) -> None:
    for number, seconds in enumerate((100, 1, 2, 4), 1):
        record(tmp_path, number, "clone", seconds)
    record(tmp_path, 5, "rewind", 2, rehearsed=2)
    record(tmp_path, 6, "rsync", 1, bytes=MB, total=300 * MB)
    rates = known_rates(tmp_path, "prod")
    assert (rates.clone, rates.rewind, rates.rsync) == (50 * MB, 25 * MB, 300 * MB)
    assert (
        "00000006" in rates.words and "assumed" not in rates.words and "00000001" not in rates.words
    )


def test_what_failed_was_small_or_is_of_another_pair_tells_nothing(tmp_path: Path) -> None:
    record(tmp_path, 1, "clone", 1, ended="deed failed")
    record(tmp_path, 2, "clone", 1, bytes=MB)
    record(tmp_path, 3, "setup", 1)
    assert known_rates(tmp_path, "prod") == Rates() == known_rates(tmp_path, "other")
