"""Every place that a rebuild would write or rename is looked at before its gate; what fails after
it puts all back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers import left_over, look
from pgha_helpers.changes import keep_diverged as keeping
from pgha_helpers.changes.deeds.rsync import aside
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model.errors import Failure, NotSafe

from ..embedded import Lab
from .copies import as_owner
from .disks import as_seen_by, give_disk, place
from .losers import left_behind
from .runs import carry_out, changed_pair, did, planned, running
from .servers import ask, ssh_server, wait_for_answer

MB = 2**20
LEAVE_3 = "rebuild db0, leave 3 transactions"
pytestmark = pytest.mark.usefixtures("has_rsync")


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    """db0 has three rows that db1, the primary, lacks."""
    ask(own_pair, "db0", "create table t (x text)")
    left_behind(own_pair)
    return own_pair


def why_not(plan: Plan) -> dict[str, str]:
    """What keeps each method from being possible; empty where nothing does."""
    return {option.method: option.why_not for option in plan.options}


def has_followed(pair: Lab) -> None:
    wait_for_answer(pair, "db0", "select string_agg(x, '') from t", "the primary's")


@pytest.fixture
def closed(pair: Lab) -> Iterator[Path]:
    """db0's WAL lies in a directory of its own, beside which PostgreSQL's user may make nothing."""
    if os.geteuid() != 0:
        pytest.skip("needs root, whose directories are closed to PostgreSQL's user")
    data, home = pair.node("db0").data_directory, Path("/var/tmp") / f"pgha wal {os.getpid()}"
    home.mkdir(mode=0o755)
    shutil.move(data / "pg_wal", home / "wal")
    (data / "pg_wal").symlink_to(home / "wal")
    owner = data.stat()
    for path in (home / "wal", *(home / "wal").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    yield home / "wal"
    pair.kill("db0")
    shutil.rmtree(home)


def test_wal_beside_which_nothing_may_be_made_is_kept_inside(pair: Lab, closed: Path) -> None:
    """Past its gate rsync could not make a directory there, with the control file moved away: no
    way was left.
    """
    plan = planned(pair)
    assert f"may not write in {closed.parent}" in why_not(plan)["clone"]
    assert not why_not(plan)["rsync"] and not why_not(plan)["rewind"]
    deeds = did(carry_out(pair, "rebuild", LEAVE_3, method="rsync"))
    (kept,) = closed.glob("pgha.aside-*")
    assert str(kept) in deeds and list(kept.glob("0*")) and closed.is_dir()
    has_followed(pair)
    with running(pair, "verify") as run:
        told = left_over(run, look(run))
    (row,) = (row for row in told.rows if row[1] == str(kept))
    assert row[-1].startswith("it stays: it may hold the only copy of a commit: ")


@pytest.mark.parametrize("dies", [False, True], ids=["fails", "dies"])
def test_what_was_moved_aside_comes_back_or_is_half_a_copy(
    pair: Lab, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    """Between the control file and the WAL: by then nobody could go on, nor back."""
    whole, after = aside._script(), 'if [ -n "$wal" ]; then\n'
    breaks = whole.replace(after, f"{'trap - EXIT; ' if dies else ''}exit 9\n{after}", 1)
    assert breaks != whole
    monkeypatch.setattr(aside, "_script", lambda: breaks)
    data = pair.node("db0").data_directory
    with pytest.raises(Failure, match="ended with status 9"):
        carry_out(pair, "rebuild", LEAVE_3, method="rsync")
    assert (data / "global" / "pg_control").exists() != dies
    monkeypatch.undo()
    plan = planned(pair)
    if dies:
        assert plan.consent == "rebuild db0" and "half a copy, over what is kept in" in str(plan)
        carry_out(pair, "rebuild", LEAVE_3, method="rsync")
        (kept,) = data.parent.glob("data.aside-*")
        assert list((kept / "pg_wal").glob("0*")) and (kept / "global" / "pg_control").exists()
    else:
        assert (
            plan.consent == LEAVE_3
            and not list(data.parent.glob("data.aside-*"))
            and not list(data.glob("pgha*"))
        )
        carry_out(pair, "rebuild", LEAVE_3, method="rewind")
    has_followed(pair)
    assert not list(data.glob("pgha*"))


def test_a_state_directory_or_a_record_that_takes_nothing_is_named_before_the_gate(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small:
        small.setattr(keeping.shutil, "disk_usage", lambda _: namedtuple("usage", "free")(MB))
        with pytest.raises(NotSafe, match="rsync overwrites what only db0 has: its WAL, about "):
            planned(pair, method="rsync")
        assert planned(pair, method="clone").consent == LEAVE_3
    path = changed_pair(pair, tmp_path, db0={"state_directory": "/proc/nowhere"})
    with pytest.raises(NotSafe, match=r"clone: its state directory: .* may not write in /proc"):
        planned(path)


def test_a_disk_that_is_mounted_read_only_is_named_before_the_gate(
    empty: Lab, need: Callable[..., None]
) -> None:
    """A file system with an error is mounted so by the kernel. Nothing of the node may be moved by
    then.
    """
    with place(empty, need) as folder:
        give_disk(empty, "db1", folder)
        carry_out(empty, "setup", "setup db1")
        _move_wal(empty, folder / "wal")
        inside = ("nsenter", "-t", str(ssh_server(empty, "db1")), "-m")
        subprocess.run([*inside, "mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(NotSafe, match="db1 cannot be rebuilt: follow: ") as refused:
            planned(empty)
        for method in ("follow", "rsync", "clone"):
            assert f"{method}: pg_wal: {folder}" in str(
                refused.value
            ) and "is mounted read-only" in str(refused.value)
        subprocess.run([*inside, "mount", "-o", "remount,rw", str(folder)], check=True)
        carry_out(empty, "rebuild", "rebuild db1")
        assert list(as_seen_by(empty, "db1", folder / "wal").glob("0*"))


def _move_wal(pair: Lab, to: Path) -> None:
    """Stop db1, and let its WAL lie on its disk."""
    data, seen = pair.node("db1").data_directory, as_seen_by(pair, "db1", to)
    pair.kill("db1")
    shutil.copytree(data / "pg_wal", seen)
    shutil.rmtree(data / "pg_wal")
    (data / "pg_wal").symlink_to(to)
    owner = data.stat()
    for path in (seen, *seen.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def test_a_tablespace_whose_disk_is_not_mounted_is_not_made_anew_in_its_place(empty: Lab) -> None:
    """The disk would come back over what was made there meanwhile, and hide it."""
    as_owner(empty, "mkdir", "-m", "700", empty.node("db0").home / "space")
    carry_out(empty, "setup", "setup db1", method="rsync")
    empty.kill("db1")
    ask(empty, "db0", f"create tablespace s location '{empty.node('db0').home / 'space'}'")
    ask(empty, "db0", "create table u tablespace s as select n from generate_series(1, 1000) as n")
    carry_out(empty, "rebuild", "rebuild db1", method="rsync")
    wait_for_answer(empty, "db1", "select count(*)::int from u", 1000)
    empty.kill("db1")
    space = empty.node("db0").home / "space.db1"
    space.rename(space.with_name("the disk"))
    as_owner(empty, "mkdir", "-m", "700", space)
    with pytest.raises(NotSafe, match="db1 cannot be rebuilt: follow: ") as refused:
        planned(empty)
    for method in ("follow", "rsync", "clone"):
        assert f"{method}: tablespace s: " in str(refused.value), refused.value
    assert f"leads to {space}, which holds no tablespace: mount its disk" in str(refused.value)
    space.rmdir()
    space.with_name("the disk").rename(space)
    carry_out(empty, "rebuild", "rebuild db1")
    wait_for_answer(empty, "db1", "select count(*)::int from u", 1000)
