"""Labs in the states that tests begin from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgha_helpers import lab

from ..conftest import pgha


@pytest.fixture(scope="module")
def pair(clusters: lab.Lab) -> Iterator[lab.Lab]:
    """A pair that is set up: db0 is primary, db1 its standby."""
    done = pgha("run", "setup", str(clusters.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
    assert done.returncode == 0, done.stdout + done.stderr
    yield clusters
