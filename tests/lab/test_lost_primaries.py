"""Bad nights of a failover: one writable node at most, nothing that a disk still holds is lost, a
rerun converges.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import HEALTHY, judged, look
from pgha_helpers.changes.deeds import promoting, wal_copy
from pgha_helpers.judgement.checks import readiness
from pgha_helpers.model.errors import NotConfirmed

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab, Load
from .background import kill, start, wait_for_event
from .dying import SEED, Words, at_boundary
from .nights import once_before
from .runs import carry_out, did, running
from .servers import Watch, ask, clients, orphan_a_backend, records, send_all, walsender, writable


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


@contextlib.contextmanager
def night(pair: Lab) -> Iterator[Load]:
    """Clients write until the primary is lost. What they were promised is on db1 in the end; never
    two take writes.
    """
    with Watch(pair) as watch, clients(pair, begun=200) as load:
        yield load
    assert watch.overlaps == 0 and writable(pair) == ["db1"]


def by_day(pair: Lab) -> str:
    """What a verify tells."""
    with running(pair, "verify") as run:
        now = look(run, closely=True)
        verdicts = judged(run, HEALTHY, now)
        return f"{readiness(now, verdicts)}\n{verdicts}"


def fail_over(pair: Lab | Path, **parameters: object) -> str:
    return did(carry_out(pair, "promote", "promote db1", occasion="failover", **parameters))


def die() -> None:
    raise SystemExit("kill -9, as far as the pair can tell")


def test_every_process_of_the_primary_is_killed(pair: Lab) -> None:
    with night(pair):
        pair.kill("db0")
        fail_over(pair)


def test_the_postmaster_is_killed_and_a_backend_goes_on_committing(pair: Lab) -> None:
    client = orphan_a_backend(pair, "db0", rows=1000)
    time.sleep(0.3)
    ((received,),) = ask(pair, "db1", "select count(*) from orphaned")
    fail_over(pair)
    client.join(10)
    ((rows,),) = ask(pair, "db1", "select count(*) from orphaned")
    assert rows > 1000 and rows > received and pair.processes("db0") == []


def test_the_primary_is_stopped_in_its_tracks(pair: Lab) -> None:
    """SIGSTOP: its clients hang, and it would go on where it stood as soon as somebody wakes it."""
    with night(pair):
        send_all(pair.processes("db0"), signal.SIGSTOP)
        fail_over(pair)


def test_it_comes_back_during_the_failover(pair: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody starts it between the fence and the promotion: it comes up as a standby."""
    once_before(monkeypatch, promoting, "promote", lambda: labs.up(pair.folder))
    with night(pair):
        pair.kill("db0")
        fail_over(pair)


def test_replay_is_paused(pair: Lab) -> None:
    with night(pair):
        ask(pair, "db1", "select pg_wal_replay_pause()")
        pair.kill("db0")
        deeds = fail_over(pair)
    assert "resume replay" in deeds


def test_replay_is_delayed(pair: Lab) -> None:
    ask(pair, "db1", "alter system set recovery_min_apply_delay = '1h'")
    ask(pair, "db1", "select pg_reload_conf()")
    with night(pair):
        time.sleep(0.3)
        pair.kill("db0")
        words = ("-p", "occasion=failover", "-p", "confirm=promote db1")
        refused = pgha("run", "promote", str(pair.pair_file), *words)
        assert refused.returncode == 4 and "skip_delay=true" in refused.stdout
        fail_over(pair, skip_delay=True)
    assert ask(pair, "db1", "show recovery_min_apply_delay") == [("1h",)]


def test_a_delay_that_a_run_has_skipped_which_died_is_set_as_it_was(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(pair, "db1", "alter system set recovery_min_apply_delay = '1h'")
    ask(pair, "db1", "select pg_reload_conf()")
    with night(pair):
        time.sleep(0.3)
        pair.kill("db0")
        once_before(monkeypatch, promoting, "promote", die)
        with pytest.raises(SystemExit):
            fail_over(pair, skip_delay=True)
        monkeypatch.undo()
        assert ask(pair, "db1", "show recovery_min_apply_delay") == [("0",)]
        assert "recovery_min_apply_delay back to '1h', as it was" in fail_over(
            pair, skip_delay=True
        )
    assert ask(pair, "db1", "show recovery_min_apply_delay") == [("1h",)]


def test_the_standby_dies_in_the_middle_of_the_salvage(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    once_before(monkeypatch, wal_copy, "_write", lambda: pair.kill("db1"))
    with night(pair):
        os.kill(walsender(pair, "db0"), signal.SIGSTOP)
        time.sleep(0.2)
        pair.kill("db0")
        with contextlib.suppress(Exception):
            fail_over(pair)
        assert writable(pair) == []
        start_only(pair, "db1")
        fail_over(pair)


def test_the_runbook_dies_with_its_promotion_pending(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with night(pair):
        pair.kill("db0")
        once_before(monkeypatch, promoting, "_hear", die)
        with pytest.raises(SystemExit):
            fail_over(pair)
        monkeypatch.undo()
        try:
            fail_over(pair)
        except NotConfirmed:  # the promotion came between its look and its gate
            fail_over(pair)


def test_a_synchronous_pair_goes_on_alone_and_waits_again_when_its_standby_streams(
    pair: Lab,
) -> None:
    """Without it no commit would return on the new primary. db1's names stand in its configuration
    file.
    """
    name = "synchronous_standby_names"
    ask(pair, "db0", f"alter system set {name} = '*'")
    with (pair.node("db1").data_directory / "postgresql.conf").open("a") as file:
        file.write(f"\n{name} = '*'\n")
    for node in pair.nodes:
        ask(pair, node, "select pg_reload_conf()")
    assert f"{name} is '*' on db1: its consent says 'asynchronous for now', too" in by_day(pair)
    words = "promote db1, asynchronous for now"
    with night(pair):
        pair.kill("db0")
        with pytest.raises(
            NotConfirmed, match="this run needs 'promote db1, asynchronous for now'"
        ):
            fail_over(pair)
        assert ask(pair, "db1", f"show {name}") == [("*",)]
        died = at_boundary("promote")(pair, Words("promote", words, {"occasion": "failover"}))
        assert died == "before db1: promote" and ask(pair, "db1", f"show {name}") == [("",)]
        carry_out(pair, "promote", words, occasion="failover")
        assert f"{name} is '' on db1 for now, since run" in by_day(pair)
    assert f"set {name} back to '*', as it was" in did(carry_out(pair, "rebuild", "rebuild db0"))
    assert ask(pair, "db1", f"show {name}") == [("*",)]
    assert name not in (pair.node("db1").data_directory / "postgresql.auto.conf").read_text()
    ask(pair, "db1", "create table commits_return ()")


def test_a_failover_that_is_killed_at_a_random_moment_converges(pair: Lab) -> None:
    chance = random.Random(SEED)
    words = ["occasion=failover", "confirm=promote db1"]
    with night(pair):
        os.kill(walsender(pair, "db0"), signal.SIGSTOP)
        time.sleep(0.1)
        pair.kill("db0")
        known = set(records(pair))
        run = start(pair, "promote", *words)
        wait_for_event(pair, "gate answered", known)
        time.sleep(chance.uniform(0, 0.9))
        kill(run)
        again = pgha(
            "run", "promote", str(pair.pair_file), *[w for word in words for w in ("-p", word)]
        )
        assert again.returncode == 5, f"seed {SEED}: {again.stdout[-3000:]}"


def start_only(pair: Lab, node: str) -> None:
    """Start one node, and leave the other one dead."""
    aside = pair.node("db0").data_directory
    hidden = aside.with_name("hidden")
    aside.rename(hidden)
    try:
        labs.up(pair.folder)
    finally:
        hidden.rename(aside)
