"""Labs in the states that tests begin from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers import lab

from ..conftest import pgha
from .kept_pairs import KeptPair, Made


@pytest.fixture(scope="module")
def pair(clusters: lab.Lab) -> Iterator[lab.Lab]:
    """A pair that is set up: db0 is primary, db1 its standby."""
    done = pgha("run", "setup", str(clusters.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1")
    assert done.returncode == 0, done.stdout + done.stderr
    yield clusters


_PROGRAMS = Path(os.environ["PGHA_PROGRAMS"]) if "PGHA_PROGRAMS" in os.environ else None  # another version, by hand


@contextlib.contextmanager
def _kept(folder: Path, programs: Path | None, made: Made) -> Iterator[KeptPair]:
    kept = KeptPair(folder, programs, made)
    try:
        yield kept
    finally:
        kept.remove()


@pytest.fixture(scope="session")
def kept_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """A pair that is made once in a process of tests, and put back for each that changes its roles."""
    with _kept(tmp_path_factory.mktemp("kept"), _PROGRAMS, "set up") as kept:
        yield kept


@pytest.fixture(scope="session")
def kept_empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """The same before its setup."""
    with _kept(tmp_path_factory.mktemp("kept"), _PROGRAMS, "empty") as kept:
        yield kept


@pytest.fixture(scope="session")
def kept_pair_15(tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]) -> Iterator[KeptPair]:
    """A pair of PostgreSQL 15, as Debian packages it."""
    need("/usr/lib/postgresql/15/bin/postgres", "postgresql-15")
    with _kept(tmp_path_factory.mktemp("kept"), Path("/usr/lib/postgresql/15/bin"), "set up") as kept:
        yield kept


@contextlib.contextmanager
def _of_its_own(kept: KeptPair) -> Iterator[lab.Lab]:
    pair = kept.as_it_was()
    try:
        yield pair
    finally:
        for name in pair.nodes:
            pair.kill(name)


@pytest.fixture
def own_pair(kept_pair: KeptPair) -> Iterator[lab.Lab]:
    """A pair of its own for one test, as a setup has left it: a failover leaves nothing as it was."""
    with _of_its_own(kept_pair) as pair:
        yield pair


@pytest.fixture
def own_pair_15(kept_pair_15: KeptPair) -> Iterator[lab.Lab]:
    """The same on PostgreSQL 15."""
    with _of_its_own(kept_pair_15) as pair:
        yield pair


@pytest.fixture
def empty(kept_empty: KeptPair) -> Iterator[lab.Lab]:
    """db0 is a cluster, db1 an empty directory, and nothing is set up yet."""
    with _of_its_own(kept_empty) as pair:
        yield pair
