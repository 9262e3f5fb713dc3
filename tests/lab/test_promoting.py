"""A promotion by itself: what may hold it, on real servers."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pgha_helpers import look, plan_promotion, require
from pgha_helpers.changes.deeds import promoting
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.major import Major

from ..embedded import Lab
from .nights import once_before
from .runs import carry_out, did, running
from .servers import ask, postmaster, wait_for_answer, writable

_STARTUP = "select pid, wait_event from pg_stat_activity where backend_type = 'startup'"


def test_a_startup_process_that_sleeps_through_its_promotion_is_woken(
    own_pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears of it before the walreceiver that it has asked for is there, and sleeps
    wal_retrieve_retry_interval.

    The postmaster is held until it is told of both.
    """
    ask(own_pair, "db1", "alter system set wal_retrieve_retry_interval = '10min'")
    ask(own_pair, "db1", "select pg_reload_conf()")
    own_pair.kill("db0")
    with running(own_pair, "promote", occasion="failover") as run:
        seen, held = run.doors["db1"].sql.read(_STARTUP)[0], postmaster(own_pair, "db1")
        os.kill(held, signal.SIGSTOP)
        try:
            for _ in range(100):
                if seen["wait_event"] == "RecoveryWalStream":
                    break
                os.kill(seen["pid"], signal.SIGHUP)
                time.sleep(0.1)
                seen = run.doors["db1"].sql.read(_STARTUP)[0]
            assert seen["wait_event"] == "RecoveryWalStream"
            monkeypatch.setattr(promoting, "_AGAIN", 3600)
            once_before(monkeypatch, promoting, "_hear", lambda: os.kill(held, signal.SIGCONT))
            run.gate.permit = Plan("failover", "db1", "db0", "promote")
            promoting.promote(run, "db1", Major(18))
        finally:
            os.kill(held, signal.SIGCONT)
    assert writable(own_pair) == ["db1"]


def test_a_file_that_would_promote_the_standby_is_named_refused_and_removed(own_pair: Lab) -> None:
    """As pg_ctl leaves it when it is killed before its signal; the next walreceiver makes
    PostgreSQL look (seen).
    """
    (file := own_pair.node("db1").data_directory / "promote").touch()
    with running(own_pair, "promote", confirm="promote db1") as run:
        now = look(run, closely=True)
        with pytest.raises(
            NotSafe, match=r"db1 has promote in .*: it may promote itself at any moment"
        ):
            require(run, plan_promotion(run, now), now)
    assert "db1: remove what asks for a promotion: promote" in did(
        carry_out(own_pair, "rebuild", "rebuild db1")
    )
    ask(own_pair, "db1", "select pg_terminate_backend(pid) from pg_stat_wal_receiver")
    wait_for_answer(own_pair, "db1", "select status from pg_stat_wal_receiver", "streaming")
    assert writable(own_pair) == ["db0"]
    own_pair.kill("db0")
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    file.touch()  # as the killed run of a failover leaves it
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    assert not file.exists()
