"""What was the primary becomes a standby, with its own configuration: it is looked at before it stops.

Each was seen to go wrong on real servers when gates asked only what runs.
"""

from __future__ import annotations

from pathlib import Path

from pgha_helpers import AFTER, conclude, follow, gate, hand_over, judged, look, measure, plan_promotion, require
from pgha_helpers.lab import Lab

from .nights import Night
from .runs import running
from .servers import ask, writable
from .troubles import carry_on, wait_until_attached


def move_with_a_canary(pair: Lab | Path, target: str) -> list[str]:
    """A switchover as the notebook does it; gives what was done."""
    with running(pair, "promote", confirm=f"promote {target}", canary=True) as run:
        before = look(run, closely=True)
        plan = plan_promotion(run, before)
        require(run, plan, before)
        probe = measure(run, plan)
        plan = gate(run, plan)
        probe.start(plan)
        hand_over(run, plan)
        follow(run, plan)
        probe.end()
        conclude(run, judged(run, (*AFTER, *probe.checks), look(run)))
        return [deed.did for deed in run.deeds]


def test_what_a_standby_needs_is_raised_on_the_old_primary_before_it_stops(night: Night) -> None:
    """Its replay stopped for ever ("insufficient parameter settings"), and rows were called lost that were not."""
    ask(night.pair, night.target, "alter system set max_connections = 130")
    carry_on(night, night.target)
    ask(
        night.pair, night.old, "alter system set hot_standby = off"
    )  # tells a primary nothing, and a standby everything
    wait_until_attached(night)
    done = move_with_a_canary(night.pair, night.target)
    assert any("with what" in did and "max_connections = 130, hot_standby = on" in did for did in done)
    assert writable(night.pair) == [night.target]
    settings = "select current_setting('max_connections'), current_setting('hot_standby'), pg_is_wal_replay_paused()"
    assert ask(night.pair, night.old, settings) == [("130", "on", False)]
