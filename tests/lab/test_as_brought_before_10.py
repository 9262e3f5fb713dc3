"""Servers before 10 as their owners have made them: two clusters, with settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.changes import plan_setup
from pgha_helpers.facts import connection
from pgha_helpers.model.errors import NotSafe

from .. import embedded as lab
from ..majors import old_programs
from .converging import PROCEDURES
from .cycles import against, alive
from .looks import holds_up_replay
from .losers import left_behind, start
from .runs import carry_out, planned, running
from .servers import ask, stop_cleanly, wait_for, writable

pytestmark = pytest.mark.usefixtures("has_rsync")


@pytest.fixture(params=["9.0.0", "9.1.24", "9.2.24", "9.4.26"])
def brought(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[lab.Lab]:
    """Both nodes are clusters, as initdb leaves them."""
    try:
        yield lab.up(tmp_path / "lab", programs=old_programs(request.param))
    finally:
        lab.down(tmp_path / "lab", remove=True)


def set_up(pair: lab.Lab) -> None:
    """From db0, by its own consent."""
    with running(pair, "setup", primary="db0", method="rsync") as rehearsed:
        consent = plan_setup(rehearsed, look(rehearsed)).consent
    carry_out(pair, "setup", consent, primary="db0", method="rsync")


def not_well(pair: lab.Lab) -> list[str]:
    """What verify says against the pair, warnings among it: it ends well only without any."""
    with running(pair, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
    return [f"{one.title}: {one.reason}" for one in verdicts if one.level != "ok"]


def test_a_cluster_that_keeps_its_own_configuration_becomes_a_standby_that_answers(
    brought: lab.Lab,
) -> None:
    """Before 9.2 nobody tells what a file does not say: hot_standby stayed off there, and setup
    ended after its copy with a standby that is starting up for ever. So it was with `No` and with
    MINIMAL.
    """
    if ask(brought, "db1", "show server_version")[0][0].startswith("9.0"):
        with (brought.node("db1").data_directory / "postgresql.conf").open("a") as file:
            file.write("hot_standby = No\nwal_level = MINIMAL\n")
    set_up(brought)
    assert not_well(brought) == []
    assert not PROCEDURES["failover"](brought, alive).faults


def test_what_a_database_or_a_role_sets_is_not_for_our_sessions(brought: lab.Lab) -> None:
    """No role was made ("in a read-only transaction"); from 9.1 on such a standby answered nothing
    ("cannot use serializable mode in a hot standby").
    """
    for name in brought.nodes:
        with (brought.node(name).data_directory / "postgresql.conf").open("a") as file:
            file.write("default_transaction_isolation = serializable\ndatestyle = 'SQL, DMY'\n")
            file.write("timezone = 'Asia/Kolkata'\nbackslash_quote = off\n")
            file.write("update_process_title = off\n")  # which before 10 tells of processes
        ask(brought, name, "select pg_reload_conf()")
        ask(brought, name, "alter role postgres set default_transaction_read_only = on")
    set_up(brought)
    assert against(brought) == []
    carry_out(brought, "promote", "promote db1")
    assert writable(brought) == ["db1"] and against(brought) == []


def test_a_standby_whose_wal_came_from_an_archive_follows(brought: lab.Lab) -> None:
    """Up to 9.1 what came from one is not kept, nor the record of its last checkpoint with it: a
    copy was to be made of a standby that streamed well, and a setup was refused.
    """
    set_up(brought)
    archive = brought.node("db0").home / "archive"
    archive.mkdir(mode=0o777)
    archive.chmod(0o777)
    with (brought.node("db0").data_directory / "postgresql.conf").open("a") as file:
        file.write(f"archive_mode = on\narchive_command = 'cp %p {archive}/%f'\n")
    with (brought.node("db1").data_directory / "recovery.conf").open("a") as file:
        file.write(f"restore_command = 'cp {archive}/%f %p'\n")
    for name in brought.nodes:
        stop_cleanly(brought, name)
    start(brought, "db0")
    for number in range(4):
        ask(brought, "db0", f"create table t{number} as select {number} as n")
        ask(brought, "db0", "checkpoint")
        ask(brought, "db0", "select pg_switch_xlog()")
    assert wait_for(lambda: len(list(archive.iterdir())) >= 4)
    start(brought, "db1")
    assert wait_for(lambda: against(brought) == []), against(brought)
    ask(brought, "db1", "checkpoint")
    with running(brought, "setup") as run:
        assert plan_setup(run, look(run)).already
    assert planned(brought).already
    stop_cleanly(brought, "db1")
    assert planned(brought).kind == "follow"
    start(brought, "db1")
    ask(brought, "db0", "create table streamed as select 1 as n")
    assert wait_for(lambda: against(brought) == [])
    brought.kill("db1")
    assert planned(brought).kind == "follow"


def test_a_copy_that_went_its_own_way_is_replaced_by_a_setup(brought: lab.Lab) -> None:
    """Where there is no pg_basebackup a setup was refused for the want of it."""
    set_up(brought)
    ask(brought, "db0", "create table t (word text)")
    left_behind(brought, "db0", crash=False)
    with running(brought, "setup") as rehearsed:
        consent = plan_setup(rehearsed, look(rehearsed)).consent
    carry_out(brought, "setup", consent)
    assert against(brought) == [] and writable(brought) == ["db1"]


def test_a_standby_that_sends_everybody_away_lets_in_whatever_its_language(
    brought: lab.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No switchover was allowed on a German pair of 9.0 or 9.1: "Wiederherstellung läuft noch"."""
    set_up(brought)
    version = ask(brought, "db0", "show server_version")[0][0]
    if not version.startswith("9.0"):  # there it is a superuser, who has it told in English
        monkeypatch.setattr(connection, "_FEEDS_NOBODY", "its words")
    assert against(brought) == []


def test_a_query_that_holds_up_replay_is_told_before_a_move(brought: lab.Lab) -> None:
    """A switchover was ready ("0 ms behind"), and was aborted after 33 s without a primary."""
    set_up(brought)
    holds_up_replay(brought)


def test_a_standby_that_takes_no_queries_is_told_from_one_that_is_starting(
    brought: lab.Lab,
) -> None:
    """hot_standby is off by default there: "wait until it is up", and it never is."""
    set_up(brought)
    data = brought.node("db1").data_directory
    auto = data / "postgresql.auto.conf"
    last = auto if auto.exists() else data / "postgresql.conf"
    stop_cleanly(brought, "db1")
    with last.open("a") as file:
        file.write("hot_standby = off\n")
    start(brought, "db1", "-W")  # it never answers

    def heard() -> str:
        with running(brought, "verify", light=True) as run:
            return str(look(run)["db1"])

    assert wait_for(lambda: "it takes no queries: hot_standby is off" in heard()), heard()
    with pytest.raises(NotSafe, match="takes no queries") as refused:
        carry_out(brought, "promote", "promote db1")
    assert "set hot_standby = on in the configuration of db1" in str(refused.value)
    with last.open("a") as file:
        file.write("hot_standby = on\n")
    stop_cleanly(brought, "db1")
    lab.up(brought.folder)
    assert wait_for(lambda: not_well(brought) == []), not_well(brought)
