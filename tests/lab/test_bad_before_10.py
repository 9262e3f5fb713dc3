"""What old pairs look like when they are brought: servers before 10, as test_before_10 has them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import canary_client, look
from pgha_helpers.changes import plan_promotion, plan_rebuild, plan_setup
from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.model.dialect import has
from pgha_helpers.model.errors import HaError, NotSafe
from pgha_helpers.model.major import Major

from .. import embedded as lab
from ..bench.pairs import pair_of
from ..majors import old_programs
from .converging import PROCEDURES, walsender
from .cycles import against, alive, switched
from .looks import said, session
from .losers import left_behind, start
from .runs import carry_out, did, running
from .servers import ask, stop_cleanly, wait_for, writable

pytestmark = pytest.mark.usefixtures("has_rsync")
OLDEST, NEWER = "9.0.0", "9.5.25"


@pytest.fixture(params=[OLDEST, NEWER])
def clusters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[lab.Lab]:
    """db0 is a cluster, db1 an empty directory, and nothing is set up yet."""
    try:
        yield lab.up(tmp_path / "lab", start="empty", programs=old_programs(request.param))
    finally:
        lab.down(tmp_path / "lab", remove=True)


@pytest.fixture(params=[OLDEST, NEWER])
def old_pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[lab.Lab]:
    with pair_of(tmp_path / "lab", old_programs(request.param), "rsync") as pair:
        yield pair


def set_up(pair: lab.Lab) -> str:
    """By its own consent; gives that."""
    with running(pair, "setup", method="rsync") as rehearsed:
        consent = plan_setup(rehearsed, look(rehearsed)).consent
    carry_out(pair, "setup", consent, method="rsync")
    return consent


def test_settings_that_a_restart_changes_are_in_the_consent(clusters: lab.Lab) -> None:
    assert ask(clusters, "db0", "show wal_level") == [("minimal",)]
    assert ask(clusters, "db0", "show max_wal_senders") == [("0",)]
    assert set_up(clusters) == "setup db1, restart db0"
    assert against(clusters) == []


def test_what_stands_below_our_settings_in_postgresql_conf_does_not_overrule_them(
    old_pair: lab.Lab,
) -> None:
    """Up to 9.3 a setup said that it had set one, and so did the next."""
    for _ in range(2):
        with (old_pair.node("db0").data_directory / "postgresql.conf").open("a") as file:
            file.write("wal_keep_segments = 0\n")
        ask(old_pair, "db0", "select pg_reload_conf()")
        with contextlib.suppress(SystemExit):  # nothing to do from 9.4 on
            set_up(old_pair)
        assert wait_for(lambda: ask(old_pair, "db0", "show wal_keep_segments") == [("32",)])


def test_a_pg_hba_conf_with_which_it_would_not_start_is_refused_before_it_stops(
    clusters: lab.Lab,
) -> None:
    """No view tells of it."""
    file = clusters.node("db0").data_directory / "pg_hba.conf"
    right = file.read_text()
    file.write_text(f"{right}hostt all all 10.0.0.0/8 md5\n")
    with pytest.raises(NotSafe, match=r"would not start again: pg_hba.conf has no line that begin"):
        set_up(clusters)
    file.write_text(right)
    set_up(clusters)
    assert against(clusters) == []


def test_a_pg_hba_conf_that_the_server_does_not_load_is_put_back(clusters: lab.Lab) -> None:
    """Nothing but its log tells, and no restart is needed that it would not survive."""
    data = clusters.node("db0").data_directory
    settings = "wal_level = hot_standby\nmax_wal_senders = 5\nhot_standby = on\n"
    if has("slots", Major.parse(ask(clusters, "db0", "show server_version")[0][0])):
        settings += "max_replication_slots = 5\nwal_log_hints = on\n"
    with (data / "postgresql.conf").open("a") as file:
        file.write(settings)
    stop_cleanly(clusters, "db0")
    lab.up(clusters.folder)  # its log is where the runbook would look for it
    hba = data / "pg_hba.conf"
    wrong = f"{hba.read_text()}host all all 10.0.0.0/99 md5\n"
    hba.write_text(wrong)
    with pytest.raises(HaError, match=r"was not loaded, and is as it was: .*10\.0\.0\.0/99"):
        set_up(clusters)
    assert hba.read_text() == wrong
    hba.write_text(wrong.replace("/99", "/8"))
    set_up(clusters)
    assert against(clusters) == []


def test_somebody_elses_exclusive_backup_is_not_touched_and_ours_is_ended(
    old_pair: lab.Lab,
) -> None:
    label = old_pair.node("db0").data_directory / "backup_label"
    ask(old_pair, "db0", "select pg_start_backup('nightly', true)")
    assert any("an exclusive one" in reason for reason in against(old_pair))
    with pytest.raises(NotSafe, match=r"an exclusive one.*select pg_stop_backup"):
        carry_out(old_pair, "promote", "promote db1")
    stop_cleanly(old_pair, "db1")
    with (
        running(old_pair, "rebuild", method="rsync") as run,
        pytest.raises(NotSafe, match="somebody else's backup 'nightly' is open on db0"),
    ):
        plan_rebuild(run, look(run))
    assert "LABEL: nightly" in label.read_text()
    ask(old_pair, "db0", "select pg_stop_backup()")
    ask(old_pair, "db0", "select pg_start_backup('pgha deadbeef', true)")
    told = did(carry_out(old_pair, "rebuild", "rebuild db1", method="rsync"))
    assert "ended the backup that run deadbeef had left, and began one" in told
    assert not label.exists() and against(old_pair) == []


def test_a_primary_that_died_in_a_backup_is_not_started_from_that(old_pair: lab.Lab) -> None:
    ask(old_pair, "db0", "select pg_start_backup('nightly', true)")
    label = old_pair.node("db0").data_directory / "backup_label"
    text = label.read_bytes()
    old_pair.kill("db0")
    carry_out(old_pair, "promote", "promote db1", occasion="failover")
    label.write_bytes(text)
    owner = label.parent.stat()
    os.chown(label, owner.st_uid, owner.st_gid)
    with pytest.raises(NotSafe, match="have it begin from the backup 'nightly'"):
        carry_out(old_pair, "rebuild", "rebuild db0")
    carry_out(old_pair, "rebuild", "rebuild db0", method="rsync")
    assert not label.exists() and against(old_pair) == []


def test_a_canary_is_refused_by_name(old_pair: lab.Lab) -> None:
    """It was said that somebody's schema stood there, and to drop it."""
    with running(old_pair, "promote", canary=True) as run:
        plan = plan_promotion(run, look(run, closely=True))
        with pytest.raises(NotSafe, match=r"no canary on PostgreSQL 9\.\d, which db0 runs"):
            canary_client(run, plan)


def test_a_hash_index_which_is_in_no_wal_is_told(old_pair: lab.Lab) -> None:
    """After a move it said "could not read block 0"."""
    ask(old_pair, "db0", "create table h (n int); create index hashed on h using hash (n)")
    words = "would be empty: hash index public.hashed in postgres"
    assert said(old_pair, words) == "warning"


def test_a_primary_that_has_restarted_itself_in_a_backup_is_not_made_a_standby(
    old_pair: lab.Lab,
) -> None:
    """It works on; after a move it ended ("online backup was cancelled"), or never took queries."""
    ask(old_pair, "db0", "select pg_start_backup('nightly', true)")
    with session(old_pair, "db0", "crashed") as client:
        os.kill(client.get_backend_pid(), signal.SIGKILL)
    assert wait_for(lambda: (writable(old_pair), against_but_cut_off(old_pair)) == (["db0"], []))
    with pytest.raises(
        NotSafe, match=r"as a standby it would not come up: .* began at 0/0[0-9A-F]{7} and"
    ):
        carry_out(old_pair, "promote", "promote db1")
    stop_cleanly(old_pair, "db0")
    carry_out(old_pair, "promote", "promote db1", occasion="failover")
    assert "db0: copied db1" in did(carry_out(old_pair, "rebuild", "rebuild db0", method="rsync"))
    assert against(old_pair) == []
    assert switched(old_pair).lost == 0


def against_but_cut_off(pair: lab.Lab) -> list[str]:
    return [reason for reason in against(pair) if "and was cut off" not in reason]


@pytest.mark.parametrize("version", [OLDEST, "9.4.26"])
def test_a_record_that_is_damaged_in_the_middle_is_said_by_the_gate(
    version: str, tmp_path: Path
) -> None:
    """It was taken for the end, and nobody said so."""
    with pair_of(tmp_path / "lab", old_programs(version), "rsync") as pair:
        ask(pair, "db0", "create table t (word text)")
        os.kill(walsender(pair, "db0"), signal.SIGSTOP)
        ask(pair, "db0", "insert into t values ('first')")
        place = "pg_current_xlog_location()"
        file, offset = ask(pair, "db0", f"select (pg_xlogfile_name_offset({place})).*")[0]
        for number in range(198):
            ask(pair, "db0", "insert into t values (%s)", f"{number}")
        pair.kill("db0")
        with (pair.node("db0").data_directory / "pg_xlog" / file).open("r+b") as wal:
            wal.seek(offset + 40)
            wal.write(b"\xff" * 16)
        with pytest.raises(NotSafe, match=r"is DAMAGED at .*, and goes on at"):
            carry_out(pair, "promote", "promote db1", occasion="failover")
        carry_out(pair, "promote", "promote db1", occasion="failover", salvage="some")
        assert ask(pair, "db1", "select word from t") == [("first",)]


def test_a_log_in_a_place_of_its_own_is_read(old_pair: lab.Lab) -> None:
    """On 9.0 and 9.1 that place was not known: "look into journald or syslog"."""
    stop_cleanly(old_pair, "db1")
    with (old_pair.node("db1").data_directory / "postgresql.conf").open("a") as file:
        file.write("logging_collector = on\nlog_directory = '../logs here'\n")
    with running(old_pair, "verify") as run:
        log = ServerLog(run.doors["db1"], "db0")
        start(old_pair, "db1")
        assert wait_for(lambda: "Its log" in log.words()[0]), log.words()


def test_tablespaces_and_wal_on_another_disk_come_along(old_pair: lab.Lab) -> None:
    """Nobody tells a server before 9.5 where its tablespaces are but the links."""
    places = {name: old_pair.node(name).home / "elsewhere" for name in old_pair.nodes}
    for name, place in places.items():
        place.mkdir(mode=0o700)
        owner = old_pair.node(name).data_directory.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
    stop_cleanly(old_pair, "db1")
    wal = old_pair.node("db1").data_directory / "pg_xlog"
    shutil.move(wal, places["db1"] / "wal")
    wal.symlink_to(places["db1"] / "wal")
    ask(old_pair, "db0", f"create tablespace elsewhere location '{places['db0']}'")
    ask(old_pair, "db0", "create table there (word text) tablespace elsewhere")
    ask(old_pair, "db0", "insert into there values ('before the copy')")
    carry_out(old_pair, "rebuild", "rebuild db1", method="rsync")
    ask(old_pair, "db0", "insert into there values ('after it')")
    assert wait_for(lambda: len(ask(old_pair, "db1", "select word from there")) == 2)
    assert wal.is_symlink() and not wal.with_name("pg_wal").exists()
    assert against(old_pair) == []
    for _ in ("there", "back"):
        assert switched(old_pair).lost == 0
    told = PROCEDURES["failover"](old_pair, alive)
    assert told.converged and not told.faults


def test_tablespaces_are_copied_from_where_the_new_primary_has_them(old_pair: lab.Lab) -> None:
    """Up to 9.1 they were read where the first primary has them: old tables came for new ones."""
    place = old_pair.node("db0").home / "elsewhere"
    place.mkdir(mode=0o700)
    owner = old_pair.node("db0").data_directory.stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    stop_cleanly(old_pair, "db1")
    ask(old_pair, "db0", f"create tablespace elsewhere location '{place}'")
    ask(old_pair, "db0", "create table t (word text) tablespace elsewhere")
    carry_out(old_pair, "rebuild", "rebuild db1", method="rsync")
    left_behind(old_pair, "db0")
    carry_out(old_pair, "rebuild", "rebuild db0, leave 3 transactions", method="rsync")
    there = "select word from t"
    assert ask(old_pair, "db1", there) == [("the primary's",)]
    assert wait_for(lambda: ask(old_pair, "db0", there) == ask(old_pair, "db1", there))


def test_an_archive_by_the_articles_own_commands_goes_on(old_pair: lab.Lab) -> None:
    """What a standby's definition says of it stays that node's own."""
    nodes = [old_pair.node(name) for name in old_pair.nodes]
    archive = nodes[0].home / "our archive"
    archive.mkdir(mode=0o777)
    owner = nodes[0].data_directory.stat()
    os.chown(archive, owner.st_uid, owner.st_gid)
    for node in nodes:
        with (node.data_directory / "postgresql.conf").open("a") as file:
            file.write(f"archive_mode = on\narchive_command = 'rsync -a %p \"{archive}/%f\"'\n")
    definition = nodes[1].data_directory / "recovery.conf"
    # a backslash is one there, and else begins an escape
    its = "\\" if ask(old_pair, "db0", "show server_version") == [("9.0.0",)] else "\\\\"
    words = f"restore_command = 'cp {str(archive).replace(' ', f'{its} ')}/%f %p'\n"
    with definition.open("a") as file:
        file.write(words)
    for node in nodes:
        stop_cleanly(old_pair, node.name)
        start(old_pair, node.name)
    assert wait_for(lambda: against(old_pair) == [])
    for _ in ("there", "back"):
        moved = switched(old_pair)
        assert (moved.lost, moved.overlaps) == (0, 0)
    assert words in definition.read_text()
    assert [path for path in archive.iterdir() if path.suffix == ".history"]
    told = PROCEDURES["failover"](old_pair, alive)
    assert told.converged and not told.faults
