"""A standby is made, or made again, by rsync: right by content, whatever was in its directory,
wherever a run died.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_setup
from pgha_helpers.changes.deeds import servers
from pgha_helpers.changes.deeds.rsync import delivery, pages
from pgha_helpers.facts.rsync import RsyncRoad, rsync_road
from pgha_helpers.model.errors import Failure, NotSafe
from pgha_helpers.run.checkout import CHECKOUT

from .. import embedded as labs
from ..embedded import Lab
from ..majors import old_programs
from .copies import (
    PERMIT,
    as_owner,
    begun,
    churn,
    diverge,
    interrupt,
    kill_rsync,
    make_tablespace,
    rebuilt,
    same_rows,
    see_half,
)
from .cycles import against
from .disks import as_seen_by, give_disk, place
from .peer_ssh import KEYS, ssh_pair
from .runs import carry_out, changed_pair, did, planned, running
from .servers import ask, stop_cleanly, wait_for_answer

pytestmark = pytest.mark.usefixtures("has_rsync")


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    ask(
        own_pair,
        "db0",
        "create table t as select n, md5(n::text) as words from generate_series(1, 20000) as n",
    )
    wait_for_answer(own_pair, "db1", "select to_regclass('t') is not null", True)
    return own_pair


def test_a_diverged_standby_is_made_right_in_place(pair: Lab) -> None:
    diverge(pair)
    data = pair.node("db1").data_directory
    mine = (data / "pg_hba.conf").read_text() + "# mine\n"
    (data / "pg_hba.conf").write_text(mine)
    as_owner(pair, "mkdir", data / "pg_replslot" / "stale")
    with running(pair, "rebuild") as run:
        rebuilt(run)
        told = did(run.steps)
    same_rows(pair)
    assert ask(pair, "db1", "select to_regclass('only_here')") == [(None,)]
    assert "by rsync" in told and "moved WAL and control file aside" in told
    (aside,) = data.parent.glob("data.aside-*")
    assert (aside / "global" / "pg_control").is_file() and list((aside / "pg_wal").glob("0000*"))
    assert (aside / "pg_replslot" / "stale").is_dir()
    assert (data / "pg_hba.conf").read_text() == mine
    assert not list(data.glob("pgha-*")) and not (data / "tablespace_map").exists()
    backups = (
        "select count(*) from pg_stat_activity where query ~ 'pg_backup_start' and pid <> "
        "pg_backend_pid()"
    )
    assert ask(pair, "db0", backups) == [(0,)]


def test_files_of_equal_size_and_time_are_told_apart(pair: Lab) -> None:
    """The trap: one file differs by content alone on the target, another one changed on the
    source.
    """
    ((path,),) = ask(pair, "db0", "select pg_relation_filepath('t')")
    for node in ("db0", "db1"):
        same_rows(pair)
        ask(pair, node, "checkpoint")
    pair.kill("db1")
    mine, theirs = pair.node("db1").data_directory / path, pair.node("db0").data_directory / path
    wrong = bytearray(theirs.read_bytes())
    wrong[8192 * 3 + 4000 : 8192 * 3 + 4100] = b"x" * 100
    mine.write_bytes(wrong)
    os.utime(mine, ns=(theirs.stat().st_atime_ns, theirs.stat().st_mtime_ns))
    number = ask(pair, "db0", "select pg_relation_filenode(%s)", "pg_proc")[0][0]
    other = f"{path.rpartition('/')[0]}/{number}"
    rotten = pair.node("db1").data_directory / other
    rotten.write_bytes(bytes(rotten.stat().st_size))
    whole = pair.node("db0").data_directory / other
    os.utime(rotten, ns=(whole.stat().st_atime_ns, whole.stat().st_mtime_ns))
    assert (
        mine.stat().st_size == theirs.stat().st_size
        and mine.stat().st_mtime_ns == theirs.stat().st_mtime_ns
    )
    with running(pair, "rebuild") as run:
        rebuilt(run)
    same_rows(pair)
    assert rotten.read_bytes() == whole.read_bytes()
    ask(pair, "db1", "select count(*) from pg_proc where prosrc is not null")


@pytest.mark.parametrize("perl", ["", "exit 9;"], ids=["by page", "without perl"])
def test_over_ssh_blocks_are_sent_and_not_files(
    pair: Lab,
    tmp_path: Path,
    perl: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By pages where that can be done; else rsync looks for them."""
    program = perl + pages._program()
    monkeypatch.setattr(pages, "_program", lambda: program)
    # in a statement of its own, and read by nobody: command numbers and hint bits are each node's
    # own
    ask(pair, "db0", "create table large (n int) with (autovacuum_enabled = off)")
    ask(pair, "db0", "insert into large select n from generate_series(1, 200000) as n")
    same_rows(pair)
    diverge(pair)
    odd = pair.node("db0").data_directory / "base" / "odd 'name\n$(touch x)"
    as_owner(pair, "touch", odd)
    path = ssh_pair(pair, tmp_path)
    with running(path, "rebuild") as run:
        way = rsync_road(run, "db1")
        assert isinstance(way, RsyncRoad) and way.host == "127.0.0.1" and way.one_machine
        rebuilt(run)
        told = did(run.steps)
    assert "over ssh from 127.0.0.1" in told
    assert ("large files are compared by rsync" in capsys.readouterr().out) == bool(perl)
    wire = re.search(r"([\d.]+) (kB|MB) in all", told)
    assert wire and (wire[2] == "kB" or float(wire[1]) < 6), told  # large has 7 MB, and is equal
    same_rows(pair)
    assert (pair.node("db1").data_directory / "base" / odd.name).exists()


def test_why_there_is_no_road_is_said(pair: Lab, tmp_path: Path) -> None:
    path = ssh_pair(pair, tmp_path)
    keys = pair.node("db1").home / KEYS
    with running(path, "rebuild") as run:
        (keys / "known_hosts").write_text("")
        assert "Host key verification failed" in str(rsync_road(run, "db1"))
    shutil.copy(pair.folder / "known_hosts", keys / "known_hosts")
    elsewhere = changed_pair(pair, tmp_path, db0={"peer_ssh": {"host": "127.0.0.1", "port": 1}})
    with running(elsewhere, "rebuild") as run:
        assert "Connection refused" in str(rsync_road(run, "db1"))
    with running(pair, "rebuild") as run:
        pair.node("db0").data_directory.chmod(0o000)
        why = rsync_road(run, "db1")
        pair.node("db0").data_directory.chmod(0o700)
        assert "cannot be looked at" in str(why)
        assert isinstance(rsync_road(run, "db1"), RsyncRoad)


def test_a_run_that_dies_on_the_way_is_gone_on_from(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is left cannot be started, and is seen as no cluster; the WAL that was moved aside
    stays.
    """
    diverge(pair)
    data = pair.node("db1").data_directory
    fill = (
        "dd",
        "if=/dev/urandom",
        f"of={pair.node('db0').data_directory / 'base' / 'big'}",
        "bs=1M",
        "count=300",
    )
    as_owner(pair, *fill, "status=none")
    killer = Thread(target=kill_rsync, args=(data,))
    killer.start()
    with (
        running(pair, "rebuild") as run,
        pytest.raises(Failure, match="rsync on db1 ended with status"),
    ):
        rebuilt(run)
    killer.join()
    see_half(pair)
    with running(pair, "rebuild") as run, monkeypatch.context() as patched:
        patched.setattr(delivery, "configure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rebuilt(run)
    see_half(pair)
    with running(pair, "rebuild") as run:
        rebuilt(run)
    same_rows(pair)
    (kept,) = data.parent.glob("data.aside-*")
    assert (kept / "global" / "pg_control").is_file() and list((kept / "pg_wal").glob("0000*"))
    assert not list(data.glob("base/.big*")) and not list(data.glob("pgha-*"))


@pytest.mark.parametrize("at", ["rsync", "pages"])
def test_a_killed_runbook_takes_its_rsync_along_and_its_backup(pair: Lab, at: str) -> None:
    diverge(pair)
    data = pair.node("db1").data_directory
    # a relation, which both nodes have, or not
    big = "base/1/99999999" if at == "pages" else "base/big"
    fill = (
        "dd",
        "if=/dev/urandom",
        f"of={pair.node('db0').data_directory / big}",
        "bs=1M",
        "count=400",
    )
    as_owner(pair, *fill, "status=none")
    if at == "pages":
        as_owner(
            pair, "dd", "if=/dev/zero", f"of={data / big}", "bs=1M", "count=400", "status=none"
        )
    words = (
        "import sys; from pathlib import Path\n"
        "from tests.lab.runs import running; from tests.lab.copies import rebuilt\n"
        "with running(Path(sys.argv[1]), 'rebuild') as run: rebuilt(run)"
    )
    runbook = subprocess.Popen([sys.executable, "-c", words, str(pair.pair_file)], cwd=CHECKOUT)
    while not begun(data, at):
        assert runbook.poll() is None
        time.sleep(0.01)
    runbook.kill()
    runbook.wait()
    with running(pair, "rebuild") as run:
        rebuilt(run)
    same_rows(pair)
    assert (data / big).read_bytes() == (pair.node("db0").data_directory / big).read_bytes()
    assert not list(data.glob("pgha-*"))
    (kept,) = data.parent.glob("data.aside-*")
    assert (kept / "global" / "pg_control").is_file()


def test_a_copy_of_a_primary_under_load_loses_nothing(pair: Lab) -> None:
    """Files grow, change and vanish while they are copied: WAL makes good for all of it."""
    diverge(pair)
    done = Event()
    clients = [Thread(target=churn, args=(pair, done, n)) for n in range(2)]
    for client in clients:
        client.start()
    try:
        with running(pair, "rebuild") as run:
            rebuilt(run)
    finally:
        done.set()
        for client in clients:
            client.join()
    same_rows(pair)
    sums = "select count(*), sum(hashtextextended(c::text, 0)) from churn0 c"
    assert ask(pair, "db0", sums) == ask(pair, "db1", sums)
    assert ask(pair, "db0", sums.replace("churn0", "churn1")) == ask(
        pair, "db1", sums.replace("churn0", "churn1")
    )


def test_a_file_that_is_linked_or_read_only_is_not_written_into(pair: Lab) -> None:
    """`pg_upgrade --link` and snapshots by `cp -al` share files with a data directory."""
    diverge(pair)
    data, snapshot = pair.node("db1").data_directory, pair.node("db1").home / "snapshot"
    ((path,),) = ask(pair, "db0", "select pg_relation_filepath('t')")
    as_owner(pair, "cp", "-al", data, snapshot)
    before = (snapshot / path).read_bytes()
    (data / "base" / "1" / "1259").chmod(0o400)
    with running(pair, "rebuild") as run:
        rebuilt(run)
    same_rows(pair)
    assert (snapshot / path).read_bytes() == before


def test_beside_takes_equal_files_from_the_old_directory(pair: Lab) -> None:
    diverge(pair)
    data, wal = pair.node("db1").data_directory, pair.node("db1").home / "wal elsewhere"
    (data / "pg_wal").rename(wal)
    (data / "pg_wal").symlink_to(wal)
    old = (data / "base" / "1" / "1259").stat().st_ino
    with running(pair, "rebuild") as run:
        rebuilt(run, beside=True)
        assert "by rsync" in did(run.steps)
    same_rows(pair)
    (kept,) = data.parent.glob("data.aside-*")
    assert (data / "pg_wal").readlink() == wal and list(wal.glob("0*"))
    assert list((kept / "pg_wal").glob("0*")) and (kept / "pg_wal").readlink() in data.parent.glob(
        "wal elsewhere.*"
    )
    assert (
        (kept / "base" / "1" / "1259").stat().st_ino
        == old
        != (data / "base" / "1" / "1259").stat().st_ino
    )
    assert (kept / "global" / "pg_control").is_file()


def test_tablespaces_and_a_wal_folder_elsewhere(
    pair: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    data, home = pair.node("db1").data_directory, pair.node("db1").home
    space = pair.node("db0").home / "space s"
    for where in (space, home / "wal elsewhere"):
        as_owner(pair, "mkdir", "-m", "700", where)
    with running(pair, "rebuild") as run:
        run.gate.permit = PERMIT
        run.lock.take()
        servers.stop(run, "db1", "a test")
    as_owner(pair, "cp", "-a", f"{data}/pg_wal/.", home / "wal elsewhere")
    shutil.rmtree(data / "pg_wal")
    as_owner(pair, "ln", "-s", home / "wal elsewhere", data / "pg_wal")
    ask(pair, "db0", f"create tablespace s location '{space}'")
    ask(pair, "db0", "create table u tablespace s as select n from generate_series(1, 50000) as n")
    for _ in range(2):
        ask(pair, "db0", "insert into u select n from generate_series(1, 50000) as n")
        with running(pair, "rebuild") as run:
            rebuilt(run)
        same_rows(pair)
    assert ask(pair, "db1", "select count(*) from u") == [(150000,)]
    assert "takes longer" not in capsys.readouterr().out  # where nothing lies yet, nothing is large
    assert (data / "pg_wal").is_symlink() and list(home.glob("wal elsewhere.aside-*/0000*"))
    ((where,),) = ask(
        pair, "db1", "select pg_tablespace_location(oid) from pg_tablespace where spcname = 's'"
    )
    assert where == f"{space}.db1"


def test_setup_by_rsync_into_an_empty_directory_and_over_another_cluster(tmp_path: Path) -> None:
    for start in ("empty", "clusters"):
        folder = tmp_path / start
        try:
            made = labs.up(folder, start=start)
            deeds = carry_out(made, "setup", "setup db1", method="rsync", primary="db0")
            assert "by rsync" in did(deeds)
            assert ask(made, "db1", "select pg_is_in_recovery()") == [(True,)]
            aside = list(made.node("db1").data_directory.parent.glob("data.aside-*"))
            assert len(aside) == (start == "clusters")
        finally:
            labs.down(folder, remove=True)


@pytest.mark.parametrize("version", ["", "9.0.0", "9.3.25"])
def test_tablespaces_are_copied_beside_and_the_old_ones_kept(
    version: str, tmp_path: Path, need: Callable[..., None]
) -> None:
    """It was refused after the gate, for a pg_basebackup that could not do it either."""
    try:
        made = labs.up(tmp_path / "lab", programs=old_programs(version) if version else None)
        with place(made, need) as folder:
            stop_cleanly(made, "db1")
            give_disk(made, "db1", folder)
            make_tablespace(made, "fast", folder / "fast=1")
            over_ssh = ssh_pair(made, tmp_path, "db0", "db1")
            words = {"primary": "db0", "method": "" if version else "rsync"}
            with running(over_ssh, "setup", **words) as run:
                consent = plan_setup(run, look(run)).consent
            carry_out(over_ssh, "setup", consent, **words)
            wait_for_answer(made, "db1", "select count(*)::int from fast", 1000)
            made.kill("db0")
            carry_out(made, "promote", "promote db1", occasion="failover")
            ask(made, "db1", "update fast set n = 0")
            for segment in made.node("db0").data_directory.glob("pg_[wx]*l*/0*"):
                segment.unlink()
            consent = planned(over_ssh, method="rsync").consent
            carry_out(over_ssh, "rebuild", consent, method="rsync")
            wait_for_answer(made, "db0", "select max(n)::int from fast", 0)
            assert list(folder.glob("fast=1.aside-*/PG_*")) and not against(made)
    finally:
        labs.down(tmp_path / "lab", remove=True)


@pytest.mark.parametrize("room", ["20m", "600m"])
def test_setup_by_rsync_into_a_mount_point_asks_for_its_room_before_anything(
    empty: Lab, need: Callable[..., None], room: str
) -> None:
    with place(empty, need):
        data = empty.node("db1").data_directory
        data.mkdir()
        give_disk(empty, "db1", data, room)
        if room == "600m":
            assert "by rsync" in did(carry_out(empty, "setup", "setup db1", method="rsync"))
            assert ask(empty, "db1", "select pg_is_in_recovery()") == [(True,)]
            return
        with pytest.raises(
            NotSafe, match=r"db1 cannot take a copy: the data directory in .* are missing"
        ):
            carry_out(empty, "setup", "setup db1", method="rsync")
        assert not list(as_seen_by(empty, "db1", data).iterdir())
        assert ask(empty, "db0", "select count(*) from pg_roles where rolname = 'replicator'") == [
            (0,)
        ]
