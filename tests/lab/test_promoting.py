"""A promotion by itself: what may hold it, on real servers."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pgha_helpers.actions import promoting
from pgha_helpers.lab import Lab
from pgha_helpers.plans import Plan

from .nights import once_before, postmaster
from .runs import running
from .servers import ask, writable

_STARTUP = "select pid, wait_event from pg_stat_activity where backend_type = 'startup'"


def test_a_startup_process_that_sleeps_through_its_promotion_is_woken(
    own_pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears of it before the walreceiver that it has asked for is there, and sleeps wal_retrieve_retry_interval.

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
            run.permit = Plan("failover", "db1", "db0", "promote")
            promoting.promote(run, "db1", 18)
        finally:
            os.kill(held, signal.SIGCONT)
    assert writable(own_pair) == ["db1"]
