"""Bad nights of a planned switchover: one writable node at most, no acknowledged row lost, and a
rerun converges.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from pgha_helpers.changes import proofs, resuming
from pgha_helpers.changes.deeds import stopping
from pgha_helpers.model.errors import Aborted, NotAchieved, NotConfirmed, Undecided
from pgha_helpers.records.making.summary import summarise

from .. import embedded as labs
from ..embedded import Lab
from .nights import Night, interrupt, once_before
from .runs import running
from .servers import (
    ask,
    postmaster,
    send_all,
    ssh_server,
    wait_until_gone,
    writable,
    write_kilobytes,
)
from .troubles import (
    carry_on,
    fill_its_socket,
    process_of,
    set_on_both,
    small_disk,
    stopped_receiver,
    wait_until_attached,
)

Begin = Callable[[], subprocess.Popen[bytes]]
BACK = "is primary again and nothing is lost"


def test_a_quiet_night(night: Night) -> None:
    with night.watched():
        night.switch_over()
    proved = [
        e["did"]
        for e in night.story.events
        if e["event"] == "deed ended" and "proved: " in e["did"]
    ]
    assert len(proved) == 2 and "CHECKPOINT_SHUTDOWN" in proved[1]
    assert writable(night.pair) == [night.target]


@pytest.mark.parametrize(
    "moment",
    ["before it is armed", "armed", "during the stop", "before the proof", "before the last proof"],
)
def test_an_interrupt_before_promote_takes_it_back(night: Night, moment: str) -> None:
    night.at(moment, interrupt)
    with night.watched():
        with pytest.raises(Aborted, match=BACK):
            night.switch_over()
        assert writable(night.pair) == [night.old]
    assert night.told("outage ended")["new"] == night.old
    was_stopped = moment not in ("before it is armed", "armed")
    assert (
        bool(summarise(night.story)["outage_seconds"]) == was_stopped == bool(night.told("outage"))
    )
    assert (
        "Clients were without a primary for" in night.told("error")["error"]
        if night.told("error")
        else True
    )
    night.converges()


def test_what_is_taken_back_has_no_shutdown_before_it(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal has come, the postmaster has not got round to it, and a session that is open still
    answers.
    """
    pid = postmaster(night.pair, night.old)

    def slow() -> None:
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGINT)
        threading.Timer(1.0, os.kill, (pid, signal.SIGCONT)).start()
        interrupt()

    once_before(monkeypatch, stopping, "glance", slow)
    with night.watched():
        is_taken_back(night)
        time.sleep(1.0)
        assert writable(night.pair) == [night.old] and postmaster(night.pair, night.old) != pid
    night.converges()


def test_a_stop_that_comes_late_is_not_obeyed_by_what_was_taken_back(pair: Lab) -> None:
    """As by a connection that was given up while its packets were lost, and that delivers them
    later.
    """
    (old,) = writable(pair)
    pid = postmaster(pair, old)
    with running(pair, "promote") as run:
        assert stopping.glance(run.doors[old], signal="INT") is not None
    time.sleep(1.0)
    assert writable(pair) == [old] and postmaster(pair, old) == pid


@pytest.mark.parametrize("moment", ["before promote", "after promote was sent"])
def test_an_interrupt_at_the_promotion_is_heard_when_it_is_done(night: Night, moment: str) -> None:
    night.at(moment, interrupt)
    with night.watched():
        with pytest.raises(KeyboardInterrupt):
            night.switch_over()
        assert writable(night.pair) == [night.target]
    night.converges()


@pytest.mark.parametrize("moment", ["armed", "during the stop", "before the proof"])
def test_the_standby_dies_before_the_promotion(night: Night, moment: str) -> None:
    night.at(moment, lambda: night.pair.kill(night.target))
    with night.watched():
        is_taken_back(night)
    is_mended(night)


def is_taken_back(night: Night) -> None:
    with pytest.raises(Aborted, match=BACK):
        night.switch_over(timeouts={"replay": "3s", "shutdown": "5s"})
    assert writable(night.pair) == [night.old]


def is_mended(night: Night) -> None:
    """Somebody starts what has died, and the rerun reaches its aim."""
    labs.up(night.pair.folder)
    wait_until_attached(night)
    night.converges()


def test_the_standby_dies_after_promote_was_sent(night: Night) -> None:
    """Nobody knows whether it was promoted: the old primary stays shut, and the rerun opens the
    right one.
    """
    pids: list[int] = []  # to find them may take longer than to promote
    night.at("before promote", lambda: pids.extend(night.pair.processes(night.target)))
    night.at("after promote was sent", lambda: send_all(pids, signal.SIGKILL))
    with night.watched():
        with pytest.raises(Undecided, match="do not start the old primary"):
            night.switch_over(timeouts={"promote": "2s"})
        assert writable(night.pair) == []
        night.converges()


def _die() -> None:
    raise SystemExit("kill -9, as far as the pair can tell")


def test_a_promotion_that_is_pending_never_lets_the_old_primary_be_opened(night: Night) -> None:
    """The startup process of the standby hangs; the runbook dies with its promote sent; then it
    wakes up.
    """
    startup = process_of(night, night.target, "startup")
    night.at("before promote", lambda: os.kill(startup, signal.SIGSTOP))
    night.at("after promote was sent", _die)
    waker = threading.Timer(4, os.kill, (startup, signal.SIGCONT))
    with night.watched():
        try:
            with pytest.raises(SystemExit):
                night.switch_over()
            waker.start()
            night.converges()
        finally:
            waker.join()


def test_a_rerun_without_proof_discards_the_promotion_before_it_opens_the_old_primary(
    night: Night,
) -> None:
    """The promotion is pending, and the rerun cannot prove anything: whoever is opened, it is one
    node only.
    """
    startup = process_of(night, night.target, "startup")

    def no_proof(*_: object) -> None:
        raise NotAchieved("there is no proof")

    night.at("before promote", lambda: os.kill(startup, signal.SIGSTOP))
    night.at("after promote was sent", _die)
    waker = threading.Timer(3, os.kill, (startup, signal.SIGCONT))
    with night.watched():
        with pytest.raises(SystemExit):
            night.switch_over()
        waker.start()
        night.rerun_with(resuming, "prove_all", no_proof)
        # whether it came in time is chance; if it came between the plan and the gate, the gate says
        # that it has changed
        with contextlib.suppress(Aborted, Undecided, SystemExit, NotConfirmed):
            night.switch_over()
        waker.join()
        assert len(writable(night.pair)) <= 1
        night.converges()


def test_a_backend_of_the_armed_primary_is_killed(night: Night) -> None:
    """A crash restart makes the armed primary a standby: it must never be opened again, and need
    not be.

    Nor may it open itself, by what is left of the promotion that made it a primary once.
    """
    (night.pair.node(night.old).data_directory / "promote").touch()

    def crash() -> None:
        os.kill(process_of(night, night.old, "pgha_load|insert|idle", "session"), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if ask(night.pair, night.old, "select pg_is_in_recovery()") == [(True,)]:
                    return
            except psycopg2.Error:
                pass
            time.sleep(0.02)
        raise AssertionError("it did not come back as a standby")

    night.at("armed", crash)
    with night.watched():
        night.switch_over(timeouts={"shutdown": "10s"})
        assert writable(night.pair) == [night.target]
    assert night.told("goes on")


def test_the_old_primary_is_started_by_somebody_in_the_window(night: Night) -> None:
    """A service manager with Restart=always: it comes back read-only, because it was armed."""
    pair = night.pair
    night.at(
        "before the last proof", lambda: (wait_until_gone(pair, night.old), labs.up(pair.folder))
    )
    with night.watched():
        night.switch_over()
        assert writable(night.pair) == [night.target]


def test_ssh_is_lost_during_the_stop(night: Night) -> None:
    """It is back after two seconds: a lost shell is no verdict."""
    server = ssh_server(night.pair, night.old)
    back = threading.Timer(2, labs.up, (night.pair.folder,))

    def lose() -> None:
        os.kill(server, signal.SIGKILL)
        back.start()

    night.at("during the stop", lose)
    with night.watched():
        try:
            night.switch_over(timeouts={"connect": "1s"})
        except Aborted:
            assert writable(night.pair) == [night.old]
        finally:
            back.join()
    night.converges()


@pytest.fixture
def receiver(night: Night) -> Iterator[Begin]:
    """Begins a pg_receivewal that streams from the primary and is stopped with SIGSTOP."""
    made: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        made.append(stopped_receiver(night))
        return made[-1]

    yield begin
    for process in made:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_a_walsender_that_does_not_drain_holds_the_way_back_only(
    night: Night, receiver: Begin
) -> None:
    """What is acknowledged is proven without it; the old primary's last process is named, and ended
    as was chosen.
    """
    receiver()
    with night.watched():
        night.switch_over(on_deadline="cancel", timeouts={"shutdown": "2s"})
    assert "hoarder" in str(night.told("deadline")) or "walsender" in str(night.told("deadline"))


def test_an_empty_segment_that_was_made_ahead_hides_no_proof(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment is made of zeros before it is written. pg_waldump asked the first file that it met
    for its size.
    """
    monkeypatch.setattr(proofs, "is_shutdown_checkpoint", lambda *_: False)
    wal = night.pair.node(night.target).data_directory / "pg_wal"
    made = [
        wal / f"{timeline:08X}00000000000000{number:02X}"
        for timeline in (0, 99)
        for number in (0, 1, 0xFE)
    ]
    for path in made:
        path.write_bytes(bytes(16 * 2**20))
    night.at("before promote", lambda: [path.unlink(missing_ok=True) for path in made])
    with night.watched():
        night.switch_over(timeouts={"replay": "3s"})


@pytest.mark.parametrize("on_deadline", ["abort", "cancel"])
def test_a_walsender_that_holds_the_stop_itself(
    night: Night, receiver: Begin, on_deadline: str
) -> None:
    process = receiver()
    fill_its_socket(night)
    with night.watched():
        if on_deadline == "abort":
            with pytest.raises(Aborted, match="hoarder"):
                night.switch_over(timeouts={"shutdown": "2s"})
            assert writable(night.pair) == [night.old]
        else:
            night.switch_over(on_deadline=on_deadline, timeouts={"shutdown": "2s"})
    told = [e["did"] for e in night.story.events if e["event"] == "deed ended"]
    assert on_deadline == "abort" or any(
        "end walsenders" in did and "hoarder" in did for did in told
    )
    process.kill()
    night.converges()


def test_many_dirty_buffers_are_written_while_clients_work(night: Night) -> None:
    """200 MB changed just before: the shutdown checkpoint finds little left."""
    ask(night.pair, night.old, "create table if not exists big (t text)")
    write_kilobytes(night.pair, night.old, "big", 190000)
    wait_until_attached(night)
    with night.watched():
        night.switch_over()
    ask(night.pair, night.target, "drop table big")


@pytest.fixture
def archiving(night: Night) -> Iterator[Night]:
    """Both nodes archive; the command can then be changed by a reload."""
    set_on_both(night, archive_mode="on", archive_command="true")
    for node in (night.target, night.old):
        carry_on(night, node)
    wait_until_attached(night)
    yield night
    set_on_both(night, archive_command="true")


@pytest.mark.parametrize("command", ["sleep 3", "false"])
def test_an_archiver_that_sleeps_or_fails_does_not_hold_the_window(
    archiving: Night, command: str
) -> None:
    """It begins after the last look. Archiving puts a record before the shutdown checkpoint: a
    switch of segments.
    """
    night = archiving
    night.at("before it is armed", lambda: set_on_both(night, archive_command=command))
    with night.watched() as load:
        night.switch_over()
    assert load.longest_gap() < 3, "the archiver is waited for on the way back, not in the outage"
    assert writable(night.pair) == [night.target]


def test_a_synchronous_pair_takes_writes_again_when_its_standby_streams(night: Night) -> None:
    set_on_both(night, synchronous_standby_names="*")
    try:
        with night.watched():
            night.switch_over()
        assert night.told("run ended")["outcome"] == "done"
    finally:
        set_on_both(night, synchronous_standby_names="")


def test_the_disk_of_the_standby_is_full(night: Night) -> None:
    """Its WAL lies on a disk of its own, which fills up in the window: without proof it is taken
    back.
    """
    data = night.pair.node(night.target).data_directory
    with small_disk(night, data / "pg_wal") as fill:
        night.at("armed", fill)
        with night.watched():
            is_taken_back(night)
    is_mended(night)
