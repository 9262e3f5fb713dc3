"""A disk that is not mounted is no sign that nothing was on it: what may be the only copy stays,
and is found again.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pgha_helpers.model.errors import NotSafe

from ..embedded import Lab
from .copies import as_owner
from .runs import carry_out, did, planned
from .servers import ask, wait_for_answer
from .stopped import deaf

ROWS = 104


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


def only_on_the_lost_node(pair: Lab) -> Path:
    """db0 acknowledges rows that db1 never receives, checkpoints and dies; gives the directory
    where its disk was.
    """
    ask(pair, "db0", "create table t (n int)")
    wait_for_answer(pair, "db1", "select to_regclass('t') is not null", True)
    with deaf(pair):
        ask(pair, "db0", f"insert into t select generate_series(1, {ROWS})")
        ask(pair, "db0", "checkpoint")
        pair.kill("db0")
    return unmounted(pair, pair.node("db0").data_directory / "pg_wal")


def unmounted(pair: Lab, path: Path) -> Path:
    """What lies at this path goes to a place nobody knows. A link is left, to an empty directory,
    which is given.
    """
    home = pair.node("db0").home
    path.rename(home / "the disk")
    as_owner(pair, "mkdir", "-m", "700", home / "mnt")
    as_owner(pair, "ln", "-s", home / "mnt", path)
    return home / "mnt"


@contextmanager
def as_it_is_found(mnt: Path, how: str) -> Iterator[None]:
    """Empty as it is, not there at all, or closed to PostgreSQL's user."""
    hidden = mnt.with_name("hidden")
    if how == "is not there":
        mnt.rename(hidden)
    else:
        mnt.chmod(0o000 if how == "cannot be entered" else 0o700)
    try:
        yield
    finally:
        hidden.rename(mnt) if hidden.exists() else mnt.chmod(0o700)


def rows_of(pair: Lab, kept: Path) -> str:
    """What a directory that was kept holds, told by a server that recovers it."""
    as_owner(pair, "rm", "-f", kept / "standby.signal", kept / "postmaster.pid")
    owner = kept.stat()
    user = {"user": owner.st_uid, "extra_groups": []} if os.geteuid() == 0 else {}
    server = [pair.node("db0").bin_directory / "postgres", "--single", "-D", kept, "postgres"]
    told = subprocess.run(
        map(str, server), input="select count(*) from t", capture_output=True, text=True, **user
    )  # type: ignore[call-overload]
    return str(told.stdout)


@pytest.mark.parametrize(
    ("method", "kind", "notebook"),
    [
        ("", "clone", "rebuild"),
        ("rsync", "rsync beside", "rebuild"),
        ("rsync", "rsync beside", "setup"),
    ],
)
def test_what_only_a_lost_disk_knows_is_never_overwritten(
    pair: Lab, has_rsync: None, method: str, kind: str, notebook: str
) -> None:
    """104 acknowledged rows were on neither node: rsync went into the old directory on a consent to
    leave "unknown".
    """
    mnt = only_on_the_lost_node(pair)
    carry_out(pair, "promote", "promote db1", occasion="failover", salvage="none")
    for how in ("is not there", "cannot be entered", "holds no WAL"):
        with as_it_is_found(mnt, how):
            told = str(plan := planned(pair, method=method))
        assert plan.kind == kind and plan.consent == "rebuild db0", told
        assert f"pg_wal leads to {mnt}, which {how}" in told and "Mount that first" in told
        assert f"{mnt}, where the old directory's should be, is left alone" in told
    with pytest.raises(
        NotSafe,
        match=rf"db0 cannot be rewound: .*(?s:.*){mnt}, which holds no WAL.* Mount that first",
    ):
        planned(pair, method="rewind")
    deeds = did(carry_out(pair, notebook, f"{notebook} db0", method=method))
    data = pair.node("db0").data_directory
    (kept,) = data.parent.glob("data.aside-*")
    assert (
        str(kept) in deeds
        and not (data / "pg_wal").is_symlink()
        and list((data / "pg_wal").glob("0*"))
    )
    assert (kept / "pg_wal").readlink() == mnt and not list(mnt.iterdir()), (
        "the disk may come back there"
    )
    assert not list(data.parent.glob("mnt.*"))
    mnt.rmdir()
    (data.parent / "the disk").rename(mnt)
    assert f'count = "{ROWS}"' in rows_of(pair, kept)
