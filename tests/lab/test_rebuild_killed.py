"""A rebuild that is killed with -9 between two deeds, or at any instant, and run again: nothing that was is gone."""

from __future__ import annotations

import random

import pytest

from pgha_helpers.lab import Lab

from .converging import PROCEDURES, boundary_in
from .dying import SEED, at_boundary, at_instant

REBUILDS = [name for name in PROCEDURES if name.startswith("rebuild")]


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("procedure", REBUILDS)
def test_a_rebuild_that_is_killed_between_two_deeds_converges(pair: Lab, procedure: str, part: int) -> None:
    """Which boundary of each third turns with the seed; `make trials` goes through all of them."""
    told = PROCEDURES[procedure](pair, at_boundary(boundary_in(procedure, part, 3)))
    assert told.converged and not told.faults, f"seed {SEED}: {told.faults}"


def test_a_rebuild_that_is_killed_at_a_random_instant_converges(pair: Lab) -> None:
    """One of them, at one instant: both turn with the seed."""
    chance = random.Random(SEED)
    procedure, seconds = chance.choice(REBUILDS), chance.uniform(0, 2)
    told = PROCEDURES[procedure](pair, at_instant(seconds))
    assert told.converged and not told.faults, f"seed {SEED}, {procedure} after {seconds} s: {told.faults}"
