"""The primary is lost: fenced or attested, promoted, and rebuilt without losing sight of
anything.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pgha_helpers import gate, look, plan_rebuild
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.run.journal import read

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab
from .losers import open_by_hand
from .runs import carry_out, changed_pair, did, running
from .servers import Watch, ask, orphan_a_backend, records, wait_for_answer, writable


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


def test_setup_of_an_empty_directory_makes_a_pair(pair: Lab) -> None:
    assert writable(pair) == ["db0"]
    assert ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)]
    assert not list(pair.node("db1").data_directory.parent.glob("data.aside*"))


def test_a_killed_primary_is_fenced_promoted_away_from_and_rebuilt(pair: Lab) -> None:
    ask(pair, "db0", "create table t (n int)")
    with Watch(pair) as watch:
        pair.kill("db0")
        deeds = carry_out(pair, "promote", "promote db1", occasion="failover")
        assert "db0: arm" in did(deeds) and "db1: promote" in did(deeds)
        assert writable(pair) == ["db1"]
        ask(pair, "db1", "insert into t values (1)")
        deeds = carry_out(pair, "rebuild", "rebuild db0")
    assert watch.overlaps == 0
    assert ask(pair, "db0", "select pg_is_in_recovery()") == [(True,)]
    wait_for_answer(pair, "db0", "select count(*) from t", 1, within=10)


def test_a_new_primary_that_is_lost_at_the_end_of_a_segment_is_on_its_standbys_timeline(
    pair: Lab,
) -> None:
    """Only the startup process's title tells it there; without it the failover was refused as two
    histories.
    """
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    carry_out(pair, "rebuild", "rebuild db0")
    ((switched,),) = ask(pair, "db1", "select pg_switch_wal()")
    replayed = f"select (pg_last_wal_replay_lsn() > '{switched}')::int"
    wait_for_answer(pair, "db0", replayed, 1, within=10)
    pair.kill("db1")
    carry_out(pair, "promote", "promote db0", occasion="failover")
    assert writable(pair) == ["db0"]


@pytest.mark.parametrize("node", ["db0", "db1"])
def test_a_verify_that_finds_a_node_down_is_critical(pair: Lab, node: str) -> None:
    """It is no refusal: cron must hear that something is wrong."""
    pair.kill(node)
    done = pgha("run", "verify", str(pair.pair_file), "-p", "light=true")
    assert done.returncode == 2, done.stdout[-2000:]
    assert f"critical: {node}: not running, and it was not shut down" in done.stdout


def test_a_primary_that_comes_back_by_itself_comes_back_as_a_standby(pair: Lab) -> None:
    """Fenced over ssh, its definition stays in place: whoever starts it, it cannot take writes."""
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    labs.up(pair.folder)  # somebody starts everything again
    time.sleep(1)
    assert writable(pair) == ["db1"]


def test_a_backend_that_outlives_its_postmaster_is_ended_first(pair: Lab) -> None:
    """A postmaster killed with -9 leaves backends that still commit, and the pid file does not know
    them.
    """
    client = orphan_a_backend(pair, "db0")
    time.sleep(0.5)
    assert pair.processes("db0"), "the backend that commits is still there"
    deeds = carry_out(pair, "promote", "promote db1", occasion="failover")
    client.join(10)
    assert not client.is_alive() and pair.processes("db0") == []
    assert "ended every process" in did(deeds) and writable(pair) == ["db1"]


def test_a_diverged_primary_is_cloned_and_its_directory_kept(pair: Lab) -> None:
    """Somebody opened the fenced db0 by hand and wrote to it: it must not follow, and nothing of it
    is deleted.
    """
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    open_by_hand(pair, "db0")
    ask(pair, "db0", "create table only_on_db0 (n int)")
    pair.kill("db0")
    with pytest.raises(NotSafe, match="db0 cannot follow: its WAL goes beyond the fork"):
        carry_out(pair, "rebuild", "rebuild db0", method="follow")
    deeds = carry_out(pair, "rebuild", "rebuild db0, leave 1 transaction")
    assert "the old directory is kept as" in did(deeds)
    (aside,) = pair.node("db0").data_directory.parent.glob("data.aside-*")
    assert (aside / "global" / "pg_control").is_file()
    assert ask(pair, "db0", "select to_regclass('only_on_db0')") == [(None,)]


def test_verify_calls_two_primaries_critical(pair: Lab) -> None:
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    (pair.node("db0").data_directory / "standby.signal").unlink()
    labs.up(pair.folder)
    assert writable(pair) == ["db0", "db1"], "this is the accident that verify must see"
    done = pgha("run", "verify", str(pair.pair_file), "-p", "light=true")
    assert done.returncode == 2 and "both db0 and db1 are writable" in done.stdout


def test_an_unreachable_primary_needs_a_word_that_it_is_off(pair: Lab, tmp_path: Path) -> None:
    pair.kill("db0")
    gone = {
        "ssh": {
            "host": "127.0.0.1",
            "port": 1,
            "user": "nobody",
            "key": str(pair.folder / "id_ed25519"),
        }
    }
    path = changed_pair(pair, tmp_path, db0=gone)
    refused = pgha(
        "run", "promote", str(path), "-p", "occasion=failover", "-p", "confirm=promote db1"
    )
    assert refused.returncode == 4 and "silence does not prove that it is off" in refused.stdout
    assert "db0 from db1 SQL no: " in " ".join(refused.stdout.split()), (
        "a terminal shows who saw what, too"
    )
    assert writable(pair) == []
    words = "Ann switched the machine off"
    done = pgha(
        "run",
        "promote",
        str(path),
        "-p",
        "occasion=failover",
        "-p",
        "confirm=promote db1",
        "-p",
        f"fenced_by={words}",
    )
    assert done.returncode == 5, "promoted, but without a standby: something is left to do"
    assert writable(pair) == ["db1"]
    story = read(list(records(pair))[-1])
    assert story.last("fenced by")["words"] == words


def test_a_standby_that_streams_needs_no_rebuild(pair: Lab) -> None:
    deeds = carry_out(pair, "promote", "promote db1")
    assert "db0: start the server" in did(deeds)
    with running(pair, "rebuild") as run, pytest.raises(SystemExit):
        gate(run, plan_rebuild(run, look(run)))


def test_a_standby_that_fell_off_is_brought_back_without_a_copy(pair: Lab) -> None:
    ask(pair, "db0", "create table t as select generate_series(1, 1000) as n")
    pair.kill("db1")
    ask(pair, "db0", "insert into t select generate_series(1, 1000)")
    deeds = carry_out(pair, "rebuild", "rebuild db1")
    assert "copied" not in did(deeds)
    wait_for_answer(pair, "db1", "select count(*) from t", 2000, within=10)
