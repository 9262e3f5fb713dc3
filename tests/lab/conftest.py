"""Labs in the states that tests begin from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pgha_helpers import lab

from ..conftest import pgha
from .kept_pairs import KeptPair


@pytest.fixture(scope="module")
def pair(clusters: lab.Lab) -> Iterator[lab.Lab]:
    """A pair that is set up: db0 is primary, db1 its standby."""
    done = pgha("run", "setup", str(clusters.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
    assert done.returncode == 0, done.stdout + done.stderr
    yield clusters


@pytest.fixture(scope="session")
def kept_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """A pair that is made once in a process of tests, and put back for each that changes its roles."""
    kept = KeptPair(tmp_path_factory.mktemp("kept"))
    try:
        yield kept
    finally:
        kept.remove()


@pytest.fixture
def own_pair(kept_pair: KeptPair) -> Iterator[lab.Lab]:
    """A pair of its own for one test, as a setup has left it: a failover leaves nothing as it was."""
    pair = kept_pair.as_it_was()
    try:
        yield pair
    finally:
        for name in pair.nodes:
            pair.kill(name)
