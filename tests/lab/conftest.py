"""Labs in the states that tests begin from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .. import embedded as lab
from ..bench.pairs import pair_of
from ..conftest import PROGRAMS
from ..majors import old_programs, programs_of
from .kept_pairs import KeptPair, kept
from .nights import Night
from .runs import carry_out, to_promote
from .servers import ask, writable


@pytest.fixture(scope="session")
def has_rsync(need: Callable[..., None]) -> None:
    """For `pytest.mark.usefixtures`: nodes of a lab copy by the rsync of this machine."""
    need("rsync", "rsync")


@pytest.fixture(scope="session")
def kept_for_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """A pair that is made once in a process of tests, and put back for each module."""
    with kept(tmp_path_factory.mktemp("kept"), None, "of two clusters") as made:
        yield made


@pytest.fixture(scope="module")
def pair(kept_for_modules: KeptPair) -> Iterator[lab.Lab]:
    """A pair that is set up: db0 is primary, db1 its standby. Each test finds it as the one before
    has left it.
    """
    with kept_for_modules.lent() as pair:
        yield pair


@pytest.fixture
def night(pair: lab.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """A healthy pair, whichever of its nodes is primary by now: what the test before has left is
    mended.
    """
    if not all(pair.processes(node) for node in pair.nodes) or not writable(pair):
        lab.up(pair.folder)
        with contextlib.suppress(SystemExit):
            carry_out(pair, "promote", to_promote((writable(pair) or ["db0"])[0]))
    yield Night(pair, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def kept_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """A pair that is made once in a process of tests, and put back for each that changes its
    roles.
    """
    with kept(tmp_path_factory.mktemp("kept"), PROGRAMS, "set up") as made:
        yield made


@pytest.fixture(scope="session")
def kept_empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptPair]:
    """The same before its setup."""
    with kept(tmp_path_factory.mktemp("kept"), PROGRAMS, "empty") as made:
        yield made


@pytest.fixture(scope="session")
def kept_pair_15(
    tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]
) -> Iterator[KeptPair]:
    """A pair of PostgreSQL 15, as Debian packages it."""
    need("/usr/lib/postgresql/15/bin/postgres", "postgresql-15")
    with kept(
        tmp_path_factory.mktemp("kept"), Path("/usr/lib/postgresql/15/bin"), "set up"
    ) as made:
        yield made


@pytest.fixture
def own_pair(kept_pair: KeptPair) -> Iterator[lab.Lab]:
    """A pair of its own for one test, as a setup has left it: a failover leaves nothing as it
    was.
    """
    with kept_pair.lent() as pair:
        yield pair


@pytest.fixture
def own_pair_15(kept_pair_15: KeptPair) -> Iterator[lab.Lab]:
    """The same on PostgreSQL 15."""
    with kept_pair_15.lent() as pair:
        yield pair


@pytest.fixture(params=["", "19beta3"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, need: Callable[..., None]
) -> Iterator[lab.Lab]:
    """A pair of the wheel's own version, and of one that no package has: PGHA_OLD_POSTGRES. A test
    may ask for a major version that one has.
    """
    wanted, programs = request.param, None
    if wanted:
        programs = programs_of(wanted, need) if isinstance(wanted, int) else old_programs(wanted)
    with pair_of(tmp_path / "lab", programs) as pair:
        ask(pair, "db0", "create table before (a int)")
        yield pair


@pytest.fixture
def empty(kept_empty: KeptPair) -> Iterator[lab.Lab]:
    """db0 is a cluster, db1 an empty directory, and nothing is set up yet."""
    with kept_empty.lent() as pair:
        yield pair


@pytest.fixture
def impatient(own_pair: lab.Lab) -> lab.Lab:
    """A pair whose standby notices within a second that nothing comes any more."""
    ask(own_pair, "db1", "alter system set wal_receiver_timeout = '1s'")
    ask(own_pair, "db1", "select pg_reload_conf()")
    return own_pair
