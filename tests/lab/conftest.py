"""Labs in the states that tests begin from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import lab

from ..conftest import pgha
from .runs import carry_out


@pytest.fixture(scope="module")
def pair(clusters: lab.Lab) -> Iterator[lab.Lab]:
    """A pair that is set up: db0 is primary, db1 its standby."""
    done = pgha("run", "setup", str(clusters.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
    assert done.returncode == 0, done.stdout + done.stderr
    yield clusters


@pytest.fixture
def own_pair(tmp_path: Path) -> Iterator[lab.Lab]:
    """A pair of its own for one test, made of a cluster and an empty directory: a failover leaves nothing as it was."""
    try:
        made = lab.up(tmp_path / "lab", start="empty")
        carry_out(made, "setup", "setup db1")
        yield made
    finally:
        lab.down(tmp_path / "lab", remove=True)
