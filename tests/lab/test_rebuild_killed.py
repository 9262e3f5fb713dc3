"""A rebuild that is killed with -9 between two deeds, or at any instant, and run again: nothing
that was is gone.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild

from ..embedded import Lab
from .converging import PROCEDURES, boundary_in
from .dying import SEED, at_boundary, at_instant
from .runs import running
from .servers import ask, writable

pytestmark = pytest.mark.usefixtures("has_rsync")
REBUILDS = [name for name in PROCEDURES if name.startswith("rebuild")]


@pytest.mark.parametrize("procedure", REBUILDS)
def test_a_rebuild_that_is_killed_between_two_deeds_converges(pair: Lab, procedure: str) -> None:
    """Which boundary turns with the seed; `make trials` goes through all of them."""
    told = PROCEDURES[procedure](pair, at_boundary(boundary_in(procedure, 0, 1)))
    assert told.converged and not told.faults, f"seed {SEED}: {told.faults}"


def test_a_rebuild_that_is_killed_at_a_random_instant_converges(pair: Lab) -> None:
    """One of them, at one instant: both turn with the seed."""
    chance = random.Random(SEED)
    procedure, seconds = chance.choice(REBUILDS), chance.uniform(0, 2)
    told = PROCEDURES[procedure](pair, at_instant(seconds))
    assert told.converged and not told.faults, (
        f"seed {SEED}, {procedure} after {seconds} s: {told.faults}"
    )


def test_a_standby_that_is_seen_later_than_its_primary_has_nothing_of_its_own(pair: Lab) -> None:
    """So it is on a busy pair: the copy that a run was killed after goes on streaming between two
    questions.
    """
    (primary,) = writable(pair)
    with running(pair, "rebuild", method="clone") as run:
        early = look(run)
        ask(pair, primary, "create table later as select generate_series(1, 1000) as n")
        deadline = time.monotonic() + 10
        while (late := look(run)).standby.position.lsn <= early.primary.written:
            assert time.monotonic() < deadline
        now = replace(
            early,
            sightings=tuple(early.primary if s.node == primary else s for s in late.sightings),
        )
        plan = plan_rebuild(run, now)
    assert plan.consent == f"rebuild {now.standby.node}", plan
