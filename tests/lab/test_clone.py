"""A copy beside and its swap: tablespaces, WAL elsewhere, small disks, mount points, and deaths in the middle."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers import lab as labs
from pgha_helpers.errors import HaError, NotSafe
from pgha_helpers.lab import Lab

from .disks import as_seen_by, give_disk, place
from .runs import carry_out, did, running
from .servers import ask, records, writable

PROGRAMS = os.environ.get("PGHA_PROGRAMS")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Lab]:
    """db0 is a cluster, db1 an empty directory, and nothing is set up yet."""
    try:
        yield labs.up(tmp_path / "lab", start="empty", programs=Path(PROGRAMS) if PROGRAMS else None)
    finally:
        labs.down(tmp_path / "lab", remove=True)


@pytest.fixture
def disk(empty: Lab, need: Callable[..., None]) -> Iterator[Path]:
    """A directory in which db1 has a disk of its own."""
    with place(empty, need) as folder:
        give_disk(empty, "db1", folder)
        yield folder


def make_tablespace(pair: Lab, name: str, where: Path, rows: int = 1000) -> None:
    """A table of this name in a tablespace of this name, on db0."""
    owner = pair.node("db0").home.stat()
    where.mkdir(mode=0o700, exist_ok=True)
    os.chown(where, owner.st_uid, owner.st_gid)
    ask(pair, "db0", f"create tablespace {name} location '{where}'")
    ask(pair, "db0", f"create table {name} tablespace {name} as select generate_series(1, {rows}) as n")


def wait_for(pair: Lab, node: str, statement: str, answer: object) -> None:
    deadline = time.monotonic() + 20
    while ask(pair, node, statement) != [(answer,)]:
        assert time.monotonic() < deadline, f"{node}: {statement} is not {answer}"
        time.sleep(0.05)


def beside(pair: Lab, node: str, what: str = "data.*") -> list[Path]:
    return sorted(pair.node(node).data_directory.parent.glob(what))


def test_a_tablespace_is_mapped_beside_and_swapped(empty: Lab, disk: Path) -> None:
    make_tablespace(empty, "fast", disk / "fast=1")
    carry_out(empty, "setup", "setup db1")
    wait_for(empty, "db1", "select count(*)::int from fast", 1000)
    assert ask(empty, "db1", "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'") == [
        (str(disk / "fast=1"),)
    ]
    ask(empty, "db0", "insert into fast select generate_series(1, 1000)")
    deeds = carry_out(empty, "rebuild", "rebuild db1", method="clone")
    wait_for(empty, "db1", "select count(*)::int from fast", 2000)
    seen = as_seen_by(empty, "db1", disk)
    (kept,) = seen.glob("fast=1.aside-*")
    assert len(list(kept.glob("PG_*"))) == 1 and str(disk / kept.name) in did(deeds)
    assert re.fullmatch(r"fast=1\.aside-\d{8}T\d{6}Z-[0-9a-f]{8}", kept.name)
    assert sorted(path.name for path in (seen / "fast=1").iterdir()) == [next(kept.glob("PG_*")).name]
    (aside,) = beside(empty, "db1")
    assert aside.name.startswith("data.aside-")
    assert [str(link.readlink()) for link in (aside / "pg_tblspc").iterdir()] == [str(disk / kept.name)]
