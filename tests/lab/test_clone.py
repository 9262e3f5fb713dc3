"""A copy beside and its swap: tablespaces, WAL elsewhere, small disks, mount points, and deaths in
the middle.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers.changes.deeds import swapping
from pgha_helpers.model.errors import HaError, NotSafe

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab
from .background import kill_all, start
from .copies import make_tablespace
from .disks import as_seen_by, give_disk, place
from .runs import carry_out, did
from .servers import ask, records, state_of, wait_for, wait_for_answer, writable


@pytest.fixture
def disk(empty: Lab, need: Callable[..., None]) -> Iterator[Path]:
    """A directory in which db1 has a disk of its own."""
    with place(empty, need) as folder:
        give_disk(empty, "db1", folder)
        yield folder


def beside(pair: Lab, node: str, what: str = "data.*") -> list[Path]:
    return sorted(pair.node(node).data_directory.parent.glob(what))


def test_a_tablespace_is_mapped_beside_and_swapped(empty: Lab, disk: Path) -> None:
    make_tablespace(empty, "fast", disk / "fast=1")
    carry_out(empty, "setup", "setup db1")
    wait_for_answer(empty, "db1", "select count(*)::int from fast", 1000)
    assert ask(
        empty, "db1", "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'"
    ) == [(str(disk / "fast=1"),)]
    ask(empty, "db0", "insert into fast select generate_series(1, 1000)")
    deeds = carry_out(empty, "rebuild", "rebuild db1", method="clone")
    wait_for_answer(empty, "db1", "select count(*)::int from fast", 2000)
    seen = as_seen_by(empty, "db1", disk)
    (kept,) = seen.glob("fast=1.aside-*")
    assert len(list(kept.glob("PG_*"))) == 1 and str(disk / kept.name) in did(deeds)
    assert re.fullmatch(r"fast=1\.aside-\d{8}T\d{6}Z-[0-9a-f]{8}", kept.name)
    assert sorted(path.name for path in (seen / "fast=1").iterdir()) == [
        next(kept.glob("PG_*")).name
    ]
    (aside,) = beside(empty, "db1")
    assert aside.name.startswith("data.aside-")
    assert [str(link.readlink()) for link in (aside / "pg_tblspc").iterdir()] == [
        str(disk / kept.name)
    ]


def test_wal_elsewhere_stays_elsewhere_and_the_old_one_is_kept(own_pair: Lab) -> None:
    node = own_pair.node("db1")
    wal, data = node.home / "wal elsewhere", node.data_directory
    own_pair.kill("db1")
    (data / "pg_wal").rename(wal)
    (data / "pg_wal").symlink_to(wal)
    labs.up(own_pair.folder)
    deeds = carry_out(own_pair, "rebuild", "rebuild db1", method="clone")
    assert (data / "pg_wal").readlink() == wal and (wal / "archive_status").is_dir()
    (kept,) = node.home.glob("wal elsewhere.*")
    (aside,) = beside(own_pair, "db1")
    assert str(kept) in did(deeds) and (aside / "pg_wal").readlink() == kept
    assert kept.name.removeprefix("wal elsewhere") == aside.name.removeprefix("data")


def test_of_a_symbolic_link_the_target_is_renamed(own_pair: Lab) -> None:
    data = own_pair.node("db1").data_directory
    own_pair.kill("db1")
    data.rename(data.with_name("real"))
    data.symlink_to("real")
    labs.up(own_pair.folder)
    carry_out(own_pair, "rebuild", "rebuild db1", method="clone")
    assert data.is_symlink() and len(beside(own_pair, "db1", "real.aside-*")) == 1
    assert ask(own_pair, "db1", "select pg_is_in_recovery()") == [(True,)]


def test_a_place_that_the_primary_works_in_is_refused(
    empty: Lab, need: Callable[..., None]
) -> None:
    """On one machine, or on shared storage, db1's path would be db0's very directory."""
    with place(empty, need) as folder:
        make_tablespace(empty, "fast", folder / "fast")
        with pytest.raises(
            NotSafe,
            match=r"tablespace fast: .* is no tablespace of .*db1/data: find out whose it is",
        ):
            carry_out(empty, "setup", "setup db1")
        data = empty.node("db1").data_directory
        (data / "pg_tblspc").mkdir(parents=True)  # and so it is if a link claims it for db1
        (data / "pg_tblspc" / "1").symlink_to(folder / "fast")
        owner = data.parent.stat()
        for path in (data, data / "pg_tblspc"):
            os.chown(path, owner.st_uid, owner.st_gid)
        with pytest.raises(
            HaError, match="is the very directory that db0 has its tablespace fast in"
        ):
            carry_out(empty, "setup", "setup db1")
        assert [path.name[:3] for path in (folder / "fast").iterdir()] == ["PG_"]
        assert ask(empty, "db0", "select count(*)::int from fast") == [(1000,)]


def test_a_disk_that_is_too_small_is_refused_with_numbers(empty: Lab, disk: Path) -> None:
    """The first copy fits; a second one beside it does not. The file system of the data directory
    has room.
    """
    make_tablespace(empty, "large", disk / "large", rows=5_000_000)
    carry_out(empty, "setup", "setup db1")
    before = state_of(empty)
    with pytest.raises(
        NotSafe,
        match=r"tablespace large beside .*: \d+.* MB are needed, .* MB are free, .* are missing",
    ):
        carry_out(empty, "rebuild", "rebuild db1", method="clone")
    assert state_of(empty) == before


def test_a_mount_point_is_refused_before_anything(empty: Lab, disk: Path) -> None:
    """A first copy goes into it; it is a second one whose predecessor could not be renamed."""
    owner = empty.node("db0").home.stat()
    os.chown(disk, owner.st_uid, owner.st_gid)
    make_tablespace(empty, "whole", disk)
    carry_out(empty, "setup", "setup db1")
    wait_for_answer(empty, "db1", "select count(*)::int from whole", 1000)
    with pytest.raises(
        NotSafe,
        match=r"tablespace whole: .* is a mount point, so its old content cannot be moved out",
    ):
        carry_out(empty, "rebuild", "rebuild db1", method="clone")
    assert ask(empty, "db1", "select pg_is_in_recovery()") == [(True,)]


def test_a_data_directory_that_is_a_mount_point_is_refused(
    empty: Lab, need: Callable[..., None]
) -> None:
    with place(empty, need):
        data = empty.node("db1").data_directory
        data.mkdir()
        give_disk(empty, "db1", data)
        with pytest.raises(NotSafe, match="db1/data is a mount point, which cannot be renamed"):
            carry_out(empty, "setup", "setup db1")


def test_what_copies_that_died_have_left_is_removed_by_a_rerun(empty: Lab, disk: Path) -> None:
    """Killed in the middle of the copy, three times; whatever it left is named and removed by the
    next one.
    """
    make_tablespace(empty, "fast", disk / "fast", rows=2_000_000)
    for _ in range(3):
        left = beside(empty, "db1", "data.clone-*/pg_wal/0*")
        run = start(empty, "setup", "confirm=setup db1")
        assert wait_for(
            lambda left=left: set(beside(empty, "db1", "data.clone-*/pg_wal/0*")) - set(left),
            within=60,
        )
        kill_all(run)
        assert not empty.node("db1").data_directory.exists()
        assert wait_for(lambda: not programs_in(empty, "db1"), within=60)
    assert len(beside(empty, "db1", "data.clone-*")) == 1, (
        "a rerun has removed what the one before it left"
    )
    deeds = carry_out(empty, "setup", "setup db1")
    assert "removed " in did(deeds) and "fast/PG_" in did(deeds)
    assert (
        beside(empty, "db1") == []
        and len(list(as_seen_by(empty, "db1", disk / "fast").iterdir())) == 1
    )
    wait_for_answer(empty, "db1", "select count(*)::int from fast", 2_000_000)


def test_a_copy_that_was_started_or_moved_in_is_never_removed(own_pair: Lab) -> None:
    """What bears the name of a half copy and has been a server's data directory stays, whoever
    renamed it.
    """
    data = own_pair.node("db1").data_directory
    odd = data.with_name("data.clone-0badcafe")
    shutil.copytree(data, odd, symlinks=True, ignore=shutil.ignore_patterns("postmaster.*"))
    (half := data.with_name("data.clone-0badc0de")).mkdir()
    (half / "pg_wal").mkdir()
    (other := data.with_name("data.clone-0badbeef")).mkdir()
    (other / "pg_wal").mkdir()
    (other / "pg_wal" / "000000090000000000000001").touch()
    (stranger := data.with_name("data.clone-0badf00d")).mkdir(0o755)
    owner = data.stat()
    for path in (odd, half, other, *odd.rglob("*"), *half.iterdir(), *other.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    deeds = carry_out(own_pair, "rebuild", "rebuild db1", method="clone")
    assert f"removed {half}" in did(deeds)
    assert odd.is_dir() and other.is_dir() and not half.exists()
    assert os.geteuid() != 0 or stranger.is_dir(), "it is root's, who made none"


_DIES = "trap - EXIT; exit 9"  # what fails is undone, and what dies is not


@pytest.mark.parametrize("after", ["data.swap-*", "data.aside-*", "moved"])
def test_a_swap_that_died_is_gone_on_with_by_a_rerun(
    empty: Lab, disk: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The machine dies in the middle of a swap: no server can be started, and the rerun makes no
    second copy.
    """
    make_tablespace(empty, "fast", disk / "fast")
    carry_out(empty, "setup", "setup db1")
    stop = {
        "data.swap-*": 'if is_there "$data"; then',
        "data.aside-*": "for link in",
        "moved": 'if [ -L "$new/pg_wal" ]',
    }
    whole = swapping._script()
    monkeypatch.setattr(
        swapping, "_script", lambda: whole.replace(stop[after], f"{_DIES}\n{stop[after]}", 1)
    )
    with pytest.raises(HaError, match="ended with status 9"):
        carry_out(empty, "rebuild", "rebuild db1", method="clone")
    monkeypatch.undo()
    labs.up(empty.folder)  # somebody starts everything again
    deeds = carry_out(empty, "rebuild", "rebuild db1", method="clone")
    assert "copied db0" not in did(deeds) and "the old directory is kept as" in did(deeds)
    wait_for_answer(empty, "db1", "select count(*)::int from fast", 1000)
    assert writable(empty) == ["db0"] and len(beside(empty, "db1")) == 1


def test_the_throughput_is_in_the_record(empty: Lab) -> None:
    ask(empty, "db0", "create table filler as select generate_series(1, 3000000) as n")
    done = pgha("run", "setup", str(empty.pair_file), "-p", "confirm=setup db1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([line for line in done.stdout.splitlines() if "MB/s" in line or "B/s" in line]) < 5
    (folder,) = records(empty)
    head, *rows = (folder / "throughput.csv").read_text().splitlines()
    samples = [tuple(map(float, row.split(","))) for row in rows]
    assert head == "seconds,bytes" and samples == sorted(samples) and samples[-1][1] > 100e6
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"throughput.csv", "throughput.svg"} <= manifest["files"].keys()
    assert "What was copied over the time of the copy" in (folder / "report.html").read_text()


def programs_in(pair: Lab, node: str) -> list[str]:
    """Command lines that name the node's home, pg_basebackup's among them."""
    home = str(pair.node(node).home)
    lines = []
    for pid in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines.append(
                (pid / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
    return [line for line in lines if "pg_basebackup" in line and home in line]
