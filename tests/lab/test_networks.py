"""A primary that cannot be reached and goes on behind it, on hosts that have a network of their own."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pgha_helpers import gate, look, plan_promotion, plan_rebuild
from pgha_helpers.errors import HaError, NotAchieved, NotSafe, Refusal
from pgha_helpers.journal import read
from pgha_helpers.lab import Lab

from ..conftest import pgha
from .hosts import Hosts, hosts
from .runs import carry_out, changed_pair, did, running
from .servers import ask, records, state_of, writable
from .test_clone import wait_until


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]) -> Iterator[Hosts]:
    """A pair on two hosts, db0 its primary, and a witness. The last test leaves db1 as the primary."""
    with hosts(tmp_path_factory.mktemp("net") / "lab", need) as made:
        carry_out(made.pair, "setup", "setup db1")
        ask(made.pair, "db0", "create table written (n int primary key)")
        yield made


@pytest.fixture
def path(net: Hosts, tmp_path: Path) -> Path:
    """The pair file, with the witness in it."""
    fast = {"connect": "1s", "statement": "2s", "command": "5s"}
    return changed_pair(net.pair, tmp_path, witnesses=[net.witness()], timeouts=fast)


def promote(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A failover to db1, with consent."""
    given = [part for word in ("occasion=failover", "confirm=promote db1", *words) for part in ("-p", word)]
    return pgha("run", "promote", str(path), *given)


def lines(text: str) -> str:
    """Output as one line with single spaces: tables are as wide as they must be."""
    return " ".join(text.split())


def alone(pair: Lab, node: str = "db1") -> None:
    """Wait until nothing streams to it any more."""
    wait_until(lambda: not ask(pair, node, "select 1 from pg_stat_wal_receiver where status = 'streaming'"))


def caught_up(pair: Lab, last: int) -> None:
    """Wait until db1 has all that the client on db0 was told is committed."""
    wait_until(lambda: ask(pair, "db1", "select max(n) from written") == [(last,)])
    wait_until(lambda: ask(pair, "db1", "select 1 from pg_stat_wal_receiver where status = 'streaming'"))


def cleared(pair: Lab) -> None:
    ask(pair, "db0", "truncate written")


def last(pair: Lab, node: str) -> int:
    """The last number that the client on db0 has written, as far as this node knows."""
    return int(ask(pair, node, "select coalesce(max(n), 0) from written")[0][0])


def test_one_whose_link_is_down_and_who_is_not_attested_is_left_alone(net: Hosts, path: Path) -> None:
    pair, before = net.pair, state_of(net.pair)
    with net.client("db0") as client:
        with net.unplugged("db0"):
            alone(pair)
            done = promote(path)
            told, known = lines(done.stdout), last(pair, "db1")
            assert done.returncode == 4, done.stdout + done.stderr
            assert writable(pair) == []  # as far as can be seen from here
        written = client.end()
    assert written > known + 100, "it went on behind its dead link"
    print(done.stdout)
    assert "db0 from this machine SQL no: " in told and "db0 from db1 SQL no: " in told
    assert "db0 from gate SQL no: " in told and "it has no walreceiver" in told
    assert "silence does not prove that it is off" in told and 'fenced_by="who and how"' in told
    caught_up(pair, written)
    assert state_of(pair) == before and writable(pair) == ["db0"]
    cleared(pair)


def test_one_that_a_witness_still_reaches_is_alive_whoever_says_that_it_is_off(net: Hosts, path: Path) -> None:
    pair, before = net.pair, state_of(net.pair)
    with net.mute("db0", "to", net.address("db1")), net.mute("db0", "to", net.address("here")):
        alone(pair)
        for word in ("", "fenced_by=Ann pulled the plug"):
            done = promote(path, word or "fenced_by=")
            told = lines(done.stdout)
            print(done.stdout)
            assert done.returncode == 4, done.stdout + done.stderr
            assert "db0 from db1 SQL no: " in told and "db0 from gate SQL yes: " in told
            assert "db0 is alive: it answers SQL to gate" in told and "occasion=switchover" in told
        assert ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)]
    caught_up(pair, 0) if False else None
    wait_until(lambda: ask(pair, "db1", "select 1 from pg_stat_wal_receiver where status = 'streaming'"))
    assert state_of(pair) == before and writable(pair) == ["db0"]


def test_one_whose_port_alone_is_filtered_is_alive_by_its_own_word(net: Hosts, path: Path) -> None:
    """A firewall drops PostgreSQL's port; ssh answers, and the clients on that host go on."""
    pair, before = net.pair, state_of(net.pair)
    with net.client("db0") as client:
        with net.mute("db0", "ipproto", "tcp", "sport", "5432"):
            alone(pair)
            for words in (("fenced_by=",), ("fenced_by=Ann",), ("occasion=switchover",)):
                done = promote(path, *words)
                print(done.stdout)
                told = lines(done.stdout)
                assert done.returncode == 4, done.stdout + done.stderr
                if words[0].startswith("fenced"):
                    assert "db0 from db0 itself SQL yes: " in told and "db0 from gate SQL no: " in told
                    assert "db0 is alive: it answers SQL to db0 itself" in told
            known = last(pair, "db1")
        written = client.end()
    assert written > known + 100
    caught_up(pair, written)
    assert state_of(pair) == before and writable(pair) == ["db0"]
    cleared(pair)
