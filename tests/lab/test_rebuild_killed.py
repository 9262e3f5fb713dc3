"""A rebuild that is killed with -9 between two deeds, or at any instant, and run again: nothing
that was is gone.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg2
import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild

from ..embedded import Lab, LabNode
from .changed_files import with_lines
from .converging import PROCEDURES, boundary_in
from .dying import SEED, at_boundary, at_instant
from .losers import start
from .runs import carry_out, running
from .servers import ask, postmaster, standby_of, stop_cleanly, wait_for, writable
from .stopped import deaf

pytestmark = pytest.mark.usefixtures("has_rsync")
REBUILDS = [name for name in PROCEDURES if name.startswith("rebuild")]


@pytest.mark.parametrize("procedure", REBUILDS)
def test_a_rebuild_that_is_killed_between_two_deeds_converges(pair: Lab, procedure: str) -> None:
    """Which boundary turns with the seed; `make trials` goes through all of them."""
    told = PROCEDURES[procedure](pair, at_boundary(boundary_in(procedure, 0, 1)))
    assert told.converged and not told.faults, f"seed {SEED}: {told.faults}"


def test_a_rebuild_that_is_killed_at_a_random_instant_converges(pair: Lab) -> None:
    """One of them, at one instant: both turn with the seed."""
    chance = random.Random(SEED)
    procedure, seconds = chance.choice(REBUILDS), chance.uniform(0, 2)
    told = PROCEDURES[procedure](pair, at_instant(seconds))
    assert told.converged and not told.faults, (
        f"seed {SEED}, {procedure} after {seconds} s: {told.faults}"
    )


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_standby_on_its_way_is_waited_for(pair: Lab, way: str) -> None:
    """As a run leaves it that died at its start or stop: the next one was refused, or cloned it."""
    node = pair.node(standby_of(pair))
    made = node.data_directory.stat().st_ino
    with _on_its_way_up(pair, node) if way == "up" else _on_its_way_down(pair, node) as go_on:
        waiting = threading.Timer(1, go_on)
        waiting.start()
        with contextlib.suppress(SystemExit):  # nothing is left to do
            carry_out(pair, "rebuild", f"rebuild {node.name}")
        assert not waiting.is_alive()
    assert node.data_directory.stat().st_ino == made
    with running(pair, "rebuild") as run:
        assert plan_rebuild(run, look(run)).already


@contextlib.contextmanager
def _on_its_way_up(pair: Lab, node: LabNode) -> Iterator[Callable[[], None]]:
    """It says that it is starting up until it is let go on: its first question to an archive is
    not answered before.
    """
    go = node.home / "go"
    stop_cleanly(pair, node.name)
    waits = f"until test -e {go}; do sleep .1; done; false"
    with with_lines(pair, node.name, f"restore_command = '{waits}'"):
        start(pair, node.name, "-W")
        assert wait_for(lambda: _answer(pair, node.name) == "starting up")
        yield go.touch


@contextlib.contextmanager
def _on_its_way_down(pair: Lab, node: LabNode) -> Iterator[Callable[[], None]]:
    """It says that it is shutting down until it is let go on: its checkpointer is stopped."""
    with deaf(pair, node.name, "checkpointer") as go_on:
        os.kill(postmaster(pair, node.name), signal.SIGINT)
        assert wait_for(lambda: _answer(pair, node.name) == "shutting down")
        yield go_on


def _answer(pair: Lab, node: str) -> str:
    try:
        ask(pair, node, "select 1")
    except psycopg2.OperationalError as refused:
        return str(refused).rpartition("is ")[2].strip()
    return ""


def test_a_standby_that_is_seen_later_than_its_primary_has_nothing_of_its_own(pair: Lab) -> None:
    """So it is on a busy pair: the copy that a run was killed after goes on streaming between two
    questions.
    """
    (primary,) = writable(pair)
    with running(pair, "rebuild", method="clone") as run:
        early = look(run)
        ask(pair, primary, "create table later as select generate_series(1, 1000) as n")
        deadline = time.monotonic() + 10
        while (late := look(run)).standby.position.lsn <= early.primary.written:
            assert time.monotonic() < deadline
        now = replace(
            early,
            sightings=tuple(early.primary if s.node == primary else s for s in late.sightings),
        )
        plan = plan_rebuild(run, now)
    assert plan.consent == f"rebuild {now.standby.node}", plan
