"""A walreceiver that only connects: 19 shows it as that, and up to 18 no view does."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from pgha_helpers import HEALTHY, judged, look

from ..embedded import Lab, Load
from .looks import restart
from .runs import carry_out, did, running
from .servers import ask, wait_for

_PID = "select pid from pg_stat_activity where backend_type = 'walreceiver'"


@pytest.fixture
def silence() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def connects_to(pair: Lab, port: int) -> None:
    """The standby's walreceiver is led there, and is seen to be at it."""
    before = str(ask(pair, "db1", "show primary_conninfo")[0][0])
    now = before.replace(str(pair.node("db0").port), str(port))
    ask(pair, "db1", "alter system set primary_conninfo = %s", now)
    restart(pair, "db1")
    assert wait_for(lambda: not ask(pair, "db0", "select pid from pg_stat_replication"))
    assert wait_for(lambda: ask(pair, "db1", _PID))


@pytest.mark.usefixtures("has_rsync")
@pytest.mark.parametrize("either", ["", 12, "19beta3"], indirect=True)
def test_nothing_is_lost_where_the_primary_dies_meanwhile(either: Lab, silence: int) -> None:
    """The startup process waits for it: what was brought over was not replayed for 33 s on 18. Up
    to 12 it is begun anew whenever it ends.
    """
    with Load(either.dsn, clients=2, think=0.01) as load:
        load.more(50)
        connects_to(either, silence)
        load.more(50)
        with running(either, "verify") as run:
            now = look(run, closely=True)
            reasons = [one.reason for one in judged(run, HEALTHY, now).against]
        told = now.standby.receiver.status if now.standby.receiver else ""
        assert told == ("connecting" if now.standby.release == "19beta3" else "")
        its = f": its own is {told}" if told else ""
        assert f"db1 has no walreceiver that streams{its}" in reasons
        assert ("its walreceiver is connecting" if told else "fed by nobody") in str(now)
        either.kill("db0")
        deeds = did(carry_out(either, "promote", "promote db1", occasion="failover"))
        load.more(50)
    assert load.missing(either.dsn) == []
    assert "ended its walreceiver, which hung" in deeds and "brought over" in deeds


def test_it_has_no_timeline_of_what_it_is_to_ask_for(either: Lab, silence: int) -> None:
    """By a history that somebody put there, that is timeline 2, of which nothing came."""
    connects_to(either, silence)
    end = ask(either, "db1", "select pg_last_wal_replay_lsn()")[0][0]
    history = either.node("db1").data_directory / "pg_wal/00000002.history"
    history.write_text(f"1\t{end}\tby hand\n")
    (before,) = ask(either, "db1", _PID)
    os.kill(before[0], signal.SIGTERM)
    assert wait_for(lambda: ask(either, "db1", _PID) not in ([], [before]))
    with running(either, "verify") as run:
        assert look(run).standby.timeline == 1
    asked = ask(either, "db1", "select received_tli from pg_stat_wal_receiver")
    assert asked in ([], [(2,)])
