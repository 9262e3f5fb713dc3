"""What comes after a rebuild: the log is read, leftovers are shown, and nothing goes without consent."""

from __future__ import annotations

import time

import pytest

from pgha_helpers import AFTER, until
from pgha_helpers import lab as labs
from pgha_helpers.errors import NotAchieved
from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.lab import Lab

from .runs import carry_out, running
from .servers import ask


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


def started_by_hand(pair: Lab, node: str, peer: str) -> str:
    """Start what is stopped, wait for the pair to be whole, and give what the failure says. It fails early."""
    with running(pair, "rebuild") as run:
        log = ServerLog(run.doors[node], peer)
        labs.up(pair.folder)
        began = time.monotonic()
        with pytest.raises(NotAchieved) as failure:
            until(run, *AFTER, within=30, log=log)
        assert time.monotonic() - began < 10, "it did not wait for what waiting does not heal"
    return str(failure.value)


def test_a_missing_slot_is_told_from_the_log(pair: Lab) -> None:
    pair.kill("db1")
    _drop(pair, "db0", "pgha_db1")
    told = started_by_hand(pair, "db1", "db0")
    assert 'replication slot "pgha_db1" does not exist' in told and "it makes the slot" in told


def test_a_forked_node_started_as_a_standby_is_told_early(pair: Lab) -> None:
    ask(pair, "db1", "select pg_promote()")
    ask(pair, "db0", "create table only_on_db0 (n int)")
    pair.kill("db0")
    ask(pair, "db1", "select pg_create_physical_replication_slot('pgha_db0', true)")
    _make_a_standby(pair, "db0", "db1")
    told = started_by_hand(pair, "db0", "db1")
    assert "forked off current database system timeline 1 before current recovery point" in told
    assert "method=clone" in told


def test_a_setting_that_is_too_low_is_named_with_its_values(pair: Lab) -> None:
    pair.kill("db1")
    with (pair.node("db1").data_directory / "postgresql.auto.conf").open("a") as file:
        file.write("max_connections = '20'\n")
    began = time.monotonic()
    with pytest.raises(NotAchieved, match="insufficient parameter settings; max_connections = 20 is a lower") as told:
        carry_out(pair, "rebuild", "rebuild db1")
    assert time.monotonic() - began < 15 and "raise what the detail names in db1's" in str(told.value)


def _make_a_standby(pair: Lab, node: str, primary: str) -> None:
    data, other = pair.node(node).data_directory, pair.node(primary)
    passfile = pair.node(node).home / "pgpass"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(f"primary_conninfo = 'host={other.host} port={other.port} user=replicator passfile={passfile}")
        file.write(f" application_name={node}'\nprimary_slot_name = 'pgha_{node}'\n")
    (data / "standby.signal").touch()


def _drop(pair: Lab, node: str, slot: str) -> None:
    deadline = time.monotonic() + 10
    while ask(pair, node, "select active from pg_replication_slots where slot_name = %s", slot) == [(True,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ask(pair, node, "select pg_drop_replication_slot(%s)", slot)
