"""A failover that is killed with -9 between two deeds and run again: whatever a disk still held is
there.
"""

from __future__ import annotations

import pytest

from ..embedded import Lab
from .converging import PROCEDURES, boundary_in
from .dying import SEED, at_boundary


@pytest.mark.parametrize("part", range(2))
def test_a_failover_that_is_killed_between_two_deeds_converges(pair: Lab, part: int) -> None:
    """Which boundary of each half turns with the seed; `make trials` goes through all of them."""
    told = PROCEDURES["failover"](pair, at_boundary(boundary_in("failover", part, 2)))
    assert told.converged and not told.faults, f"seed {SEED}: {told.faults}"
