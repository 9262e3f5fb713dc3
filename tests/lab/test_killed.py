"""Every run may die at any instant and be run again: the pair converges, and no acknowledged row is
lost.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from pgha_helpers import gate, hand_over, look, plan_promotion
from pgha_helpers.changes.deeds import stopping
from pgha_helpers.changes.switchover import switch_over
from pgha_helpers.model.errors import Aborted, Locked, Refusal
from pgha_helpers.run.journal import read

from .. import embedded as labs
from ..conftest import finish, pgha
from ..embedded import Lab, Load
from .background import kill, start, wait_for_event
from .dying import SEED
from .runs import carry_out, changed_pair, running, to_promote
from .servers import Watch, ask, records, standby_of, writable


def test_killed_at_random_moments_and_run_again_it_converges(pair: Lab) -> None:
    """Twice, and more often in `make trials`: killed between the gate and the end, under load, then
    run again.
    """
    chance = random.Random(SEED)
    target = "db1"
    with Watch(pair) as watch, Load(pair.dsn, clients=2, think=0.01) as load:
        for _ in range(2):
            known = set(records(pair))
            run = start(pair, "promote", f"confirm={to_promote(target)}")
            wait_for_event(pair, "gate answered", known)
            time.sleep(chance.uniform(0, 0.9))
            kill(run)
            again = pgha(
                "run", "promote", str(pair.pair_file), "-p", f"confirm={to_promote(target)}"
            )
            assert again.returncode == 0, (
                f"seed {SEED}: {again.stdout[-3000:]}{again.stderr[-1000:]}"
            )
            assert writable(pair) == [target], f"seed {SEED}"
            target = "db0" if target == "db1" else "db1"
    assert watch.overlaps == 0, f"seed {SEED}"
    assert load.acknowledged > 100 and load.missing(pair.dsn) == [], f"seed {SEED}"


def test_a_killed_run_is_told_as_interrupted(pair: Lab) -> None:
    known = set(records(pair))
    run = start(pair, "verify", "sample_seconds=30")
    wait_for_event(pair, "seen", known)
    (folder,) = set(records(pair)) - known
    assert read(folder).state == "running"
    kill(run)
    time.sleep(2)  # the kernel notices that its parent has gone
    assert read(folder).outcome in ("interrupted", "abandoned")
    assert (folder / "journal.jsonl").stat().st_size > 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_before_the_first_deed_ends_with_128_and_its_number(
    pair: Lab, number: int, code: int
) -> None:
    known = set(records(pair))
    run = start(pair, "verify", "sample_seconds=30")
    wait_for_event(pair, "seen", known)
    time.sleep(0.3)
    began = time.monotonic()
    run.send_signal(number)
    finish(run)
    assert run.returncode == code
    assert time.monotonic() - began < 25, (
        "the kernel is interrupted, and its sample of 30 s is not waited for"
    )


@pytest.mark.parametrize("after", [0.3, 0.7, 1.1, 1.6])
def test_a_signal_before_there_is_a_kernel_is_not_swallowed(pair: Lab, after: float) -> None:
    """Ctrl-C in the first seconds of a promote means: do not."""
    here = writable(pair)
    run = start(pair, "promote", f"confirm={to_promote(standby_of(pair))}")
    time.sleep(after)
    run.send_signal(signal.SIGTERM)
    out, err = finish(run)
    assert run.returncode in (143, -15), out + err
    assert writable(pair) == here


def test_a_lock_that_somebody_else_had_meanwhile_is_not_taken_again(pair: Lab) -> None:
    """A laptop that slept in the middle of a hand-over must not go on with what it saw before."""
    with running(pair, "rebuild", operator="Ann") as slept:
        slept.lock.take()
        for pipes in slept.lock._pipes.values():
            pipes.close()  # the connection is gone, and nobody has noticed yet
        slept.lock.check("db0")
        assert "db0" in slept.lock.held, "a blink: nobody had it, so it is had again"
        for pipes in slept.lock._pipes.values():
            pipes.close()
        assert (
            pgha(
                "run",
                "promote",
                str(pair.pair_file),
                "-p",
                f"confirm={to_promote(standby_of(pair))}",
            ).returncode
            == 0
        )
        for _ in range(2):
            with pytest.raises(Locked, match=r"meanwhile by run .*, promote"):
                slept.lock.check("db1")


def test_a_kernel_that_is_killed_ends_with_4_or_5_and_a_summary(pair: Lab) -> None:
    known = set(records(pair))
    run = start(pair, "verify", "sample_seconds=30")
    wait_for_event(pair, "seen", known)
    (folder,) = set(records(pair)) - known
    (kernel,) = [
        p
        for p in psutil.Process(run.pid).children(recursive=True)
        if "ipykernel" in " ".join(p.cmdline())
    ]
    kernel.kill()
    out, err = finish(run)
    assert run.returncode == 4, out + err
    assert (folder / "record.json").exists() and "Traceback" not in err


def test_one_change_at_a_time(pair: Lab) -> None:
    """A second run waits for a dying one, then is refused, and says who holds the lock since
    when.
    """
    with running(pair, "rebuild", operator="Ann") as first:
        assert first.lock.take() == {}
        refused = pgha(
            "run", "promote", str(pair.pair_file), "-p", f"confirm={to_promote(standby_of(pair))}"
        )
        assert (
            refused.returncode == 4
            and f"being changed by another run: run {first.id}" in refused.stdout
        )
        assert "rebuild, by Ann on" in refused.stdout and "begun 20" in refused.stdout
    with running(pair, "rebuild") as second:
        second.lock.take()
        assert second.lock.held == ("db0", "db1")


def test_a_server_that_is_started_under_the_lock_does_not_hold_it(pair: Lab) -> None:
    """The restarts of a switchover happen under the lock; the next run gets it all the same."""
    carry_out(pair, "promote", to_promote(standby_of(pair)))
    with running(pair, "rebuild") as run:
        run.lock.take()
        assert run.lock.held == ("db0", "db1")


def test_nothing_is_done_before_the_gate(pair: Lab) -> None:
    with (
        running(pair, "promote") as run,
        pytest.raises(Refusal, match="the gate has not been passed"),
    ):
        hand_over(run, plan_promotion(run, look(run)))


def test_a_hand_over_without_proof_is_taken_back(pair: Lab, tmp_path: Path) -> None:
    """The standby stops replaying between the last look and the stop: the old primary opens again,
    nothing is lost.
    """
    here = writable(pair)[0]
    standby = standby_of(pair)
    path = changed_pair(pair, tmp_path, timeouts={"replay": "1s"})
    with Load(pair.dsn) as load, running(path, "promote", confirm=to_promote(standby)) as run:
        now = look(run)
        plan = gate(run, plan_promotion(run, now))
        ask(pair, standby, "select pg_wal_replay_pause()")
        with pytest.raises(Aborted, match=f"{here} is primary again and nothing is lost"):
            switch_over(run, plan, now)  # the window itself: a look before it would refuse
        assert writable(pair) == [here]
    ask(pair, standby, "select pg_wal_replay_resume()")
    assert load.missing(pair.dsn) == []
    assert "short of the shutdown checkpoint" in read(run.folder).first("abort")["because"]
    assert pgha("run", "verify", str(pair.pair_file), "-p", "light=true").returncode == 0


def test_a_primary_that_cannot_be_read_after_its_stop_is_opened_again(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control file cannot be read: without that proof nothing is promoted, and the old primary
    comes back.
    """
    monkeypatch.setattr(stopping, "glance", lambda *_: None)
    here = writable(pair)[0]
    path = changed_pair(pair, tmp_path, timeouts={"shutdown": "2s"})
    with (
        Load(pair.dsn) as load,
        running(path, "promote", confirm=to_promote(standby_of(pair))) as run,
    ):
        plan = gate(run, plan_promotion(run, look(run)))
        with pytest.raises(Aborted):
            hand_over(run, plan)
    assert writable(pair) == [here] and load.missing(pair.dsn) == []


def test_setup_that_is_killed_is_run_again(tmp_path: Path) -> None:
    """At once: where the standby was just started, the second run waits until it is up."""
    chance = random.Random(SEED + 1)
    folder = tmp_path / "lab"
    try:
        pair = labs.up(folder)
        (pair.folder / "records").mkdir(exist_ok=True)
        run = start(pair, "setup", "primary=db0", "confirm=setup db1")
        wait_for_event(pair, "gate answered", set())
        time.sleep(chance.uniform(0, 2))
        kill(run)
        again = pgha(
            "run", "setup", str(pair.pair_file), "-p", "primary=db0", "-p", "confirm=setup db1"
        )
        assert again.returncode == 0, f"seed {SEED}: {again.stdout[-3000:]}"
        assert writable(pair) == ["db0"]
        assert pgha("run", "verify", str(pair.pair_file), "-p", "light=true").returncode == 0
    finally:
        labs.down(folder, remove=True)
