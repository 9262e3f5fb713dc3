"""Every major version: from two servers to a pair, its primary moved there and back, killed under
load, and rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..bench.pairs import pair_of
from ..majors import MAJORS, programs_of
from .converging import PROCEDURES, Told
from .cycles import against, alive, switched


@pytest.mark.usefixtures("has_rsync")
@pytest.mark.parametrize("major", [each.major for each in MAJORS if each.major >= 15])
def test_its_whole_life_loses_nothing(
    major: int, tmp_path: Path, need: Callable[..., None]
) -> None:
    with pair_of(tmp_path / "lab", programs_of(major, need)) as pair:
        assert against(pair) == []
        for _ in ("there", "back"):
            moved = switched(pair)
            assert (moved.lost, moved.overlaps) == (0, 0) and moved.acknowledged > 100
        for procedure in ("failover", "rebuild by rewind"):
            assert _well(PROCEDURES[procedure](pair, alive)) == []


def _well(told: Told) -> list[str]:
    return told.faults if told.faults or told.converged else ["it did not converge"]
