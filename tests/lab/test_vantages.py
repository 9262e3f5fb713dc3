"""Is it really dead? Asked of real servers from several places; and fences that are believed only
when verified.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from pgha_helpers import look, plan_promotion
from pgha_helpers.model import Hung, Running, Silent, Stopped
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.run.journal import read

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab
from .runs import carry_out, changed_pair, did, running, script
from .servers import ask, postmaster, records, state_of, wait_until_gone, writable
from .views import FAST, NOWHERE, stopped_by_a_signal, unreachable, view, witness

# Alive


def test_a_primary_that_only_we_cannot_reach_is_not_failed_over(pair: Lab, tmp_path: Path) -> None:
    path, before = unreachable(pair, tmp_path), state_of(pair)
    for word in ("", "Ann says that it is off"):
        done = pgha(
            *("run", "promote", str(path), "-p", "occasion=failover", "-p", "confirm=promote db1"),
            *("-p", f"fenced_by={word}"),
        )
        assert done.returncode == 4, done.stdout + done.stderr
    assert state_of(pair) == before and writable(pair) == ["db0"]
    with running(path, "promote", occasion="failover") as run:
        now = look(run, around=True)
        assert isinstance(now["db0"], Silent) and (
            view(now, "db1").sql.says,
            view(now, "db1").tcp.says,
        ) == (
            "yes",
            "yes",
        )
        assert "its replication connection works" in view(now, "db1").sql.words
        assert "walreceiver says streaming" in view(now, "db1").receiver and "from db1" in str(now)
        with pytest.raises(NotSafe, match=r"db0 is alive: it answers SQL to db1"):
            plan_promotion(run, now)


def test_a_witness_that_still_reaches_it_keeps_it_from_being_failed_over(
    pair: Lab, tmp_path: Path
) -> None:
    """It stands in another network, where db0 has another address: a pg_isready that is told the
    one from here.
    """
    home = pair.home / "gate"
    home.mkdir()
    home.chmod(0o755)
    where = pair.node("db0")
    script(
        home,
        "pg_isready",
        f'exec {where.bin_directory}/pg_isready -h {where.host} -p {where.port} -t "$6"',
    )
    path = unreachable(
        pair, tmp_path, peer=False, witnesses=[witness(pair, bin_directory=str(home))]
    )
    before = state_of(pair)
    with running(path, "promote", occasion="failover", fenced_by="Ann thinks so") as run:
        now = look(run, around=True)
        assert view(now, "db1").sql.says == "no" and view(now, "gate").sql.says == "yes"
        with pytest.raises(NotSafe, match=r"answers SQL to gate") as refused:
            plan_promotion(run, now)
        assert "occasion=switchover" in str(refused.value)
    assert state_of(pair) == before


def test_a_witness_tells_by_which_program_it_knows_and_one_that_is_lost_says_so(
    pair: Lab, tmp_path: Path
) -> None:
    lost = witness(pair, name="lost")
    lost["ssh"] = {**lost["ssh"], "port": NOWHERE}
    path = changed_pair(pair, tmp_path, witnesses=[witness(pair), lost], timeouts=FAST)
    with running(path, "promote", occasion="failover") as run:
        now = look(run, around=True)
        told = {v.place: v for v in now.looked_at("db0")}
        assert told["gate"].tcp.says == "yes" and told["gate"].tcp.words in (
            "nc",
            "bash",
            "python3",
        )
        assert (
            told["lost"].sql.says == told["lost"].tcp.says == "unknown"
            and "ssh:" in told["lost"].sql.words
        )
        assert now.seconds < 5
        seen = next(event for event in reversed(run.journal.events) if event["event"] == "seen")
        assert {v["place"] for v in seen["vantages"]} == {"this machine", "db1", "gate", "lost"}


def test_a_stopped_postmaster_takes_connections_and_answers_nobody(
    pair: Lab, tmp_path: Path
) -> None:
    path = changed_pair(pair, tmp_path, timeouts=FAST)
    every = pair.processes("db0")
    for halted, words in (([postmaster(pair, "db0")], "1 of its"), (every, f"{len(every)} of its")):
        with stopped_by_a_signal(halted), running(path, "promote", occasion="failover") as run:
            now = look(run, around=True)
            seen, here, peer = now["db0"], view(now, "this machine"), view(now, "db1")
            assert isinstance(seen, Hung) and set(seen.disk.halted) == set(halted)
            assert (here.sql.says, here.tcp.says, here.ssh.says) == ("no", "yes", "yes")
            assert (peer.sql.says, peer.tcp.says) == ("no", "yes")
            assert "SIGSTOP" in view(now, "db0 itself").sql.words
            told = str(plan_promotion(run, now))
            assert words in told and "SIGSTOP" in told and "Fence db0 over ssh" in told
    assert writable(pair) == ["db0"]


def test_one_that_answers_on_its_own_machine_only_is_alive(pair: Lab, tmp_path: Path) -> None:
    """Its port is cut off from everybody, and ssh is not: it may have sessions that go on."""
    path = changed_pair(pair, tmp_path, db0={"port": NOWHERE}, timeouts=FAST)
    before = state_of(pair)
    with running(path, "promote", occasion="failover") as run:
        now = look(run, around=True)
        assert isinstance(now["db0"], Hung) and view(now, "db0 itself").sql.says == "yes"
        with pytest.raises(NotSafe, match="answers SQL to db0 itself"):
            plan_promotion(run, now)
    assert state_of(pair) == before


# Dead, or made so


def test_a_killed_primary_is_seen_dead_from_everywhere_and_fenced_over_ssh(
    own_pair: Lab, tmp_path: Path
) -> None:
    path = changed_pair(own_pair, tmp_path, witnesses=[witness(own_pair)])
    own_pair.kill("db0")
    with running(path, "promote", occasion="failover") as run:
        now = look(run, around=True)
        assert isinstance(now["db0"], Stopped) and not any(v.alive for v in now.looked_at("db0"))
        assert isinstance(now["db1"], Running) and [v.place for v in now.looked_at("db0")] == [
            "this machine",
            "db1",
            "gate",
        ]
    done = pgha("run", "promote", str(path), "-p", "occasion=failover", "-p", "confirm=promote db1")
    assert done.returncode == 5, "promoted, but without a standby"
    told = read(list(records(own_pair))[-1]).last("fenced by")
    assert told["way"] == "ssh" and "no process of its data directory is left" in told["words"]
    assert writable(own_pair) == ["db1"]


def test_a_witness_that_lies_is_obeyed_and_named_with_what_contradicts_it(
    own_pair: Lab, tmp_path: Path
) -> None:
    home = own_pair.home / "liar"
    home.mkdir(mode=0o755)
    script(home, "pg_isready", 'echo "$2:$4 - accepting connections"')
    own_pair.kill("db0")
    path = changed_pair(own_pair, tmp_path, witnesses=[witness(own_pair, bin_directory=str(home))])
    done = pgha("run", "promote", str(path), "-p", "occasion=failover", "-p", "confirm=promote db1")
    assert done.returncode == 4 and writable(own_pair) == []
    for words in (
        "answers SQL to gate",
        "gate itself gets no TCP",
        "BUT ssh finds no process",
        "take gate out of",
    ):
        assert words in done.stdout, done.stdout
    # as it says: without that witness
    carry_out(own_pair, "promote", "promote db1", occasion="failover")
    assert writable(own_pair) == ["db1"]


def test_a_primary_on_a_full_disk_is_told_from_a_dead_one_and_fenced(
    own_pair: Lab, tmp_path: Path, need: Callable[..., None]
) -> None:
    """Nothing can be written there any more, and still it is made a standby: the signal is an empty
    file.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    need("mount", "mount")
    pair = own_pair
    with on_a_small_disk(pair) as data:
        ask(pair, "db0", "create table t as select 1 as n")
        # its WAL takes the last of the room, and that is a PANIC
        with pytest.raises(psycopg2.OperationalError):
            for _ in range(50):
                ask(pair, "db0", "insert into t select generate_series(1, 100000)")
        wait_until_gone(pair, "db0", within=30)
        fill(data)
        with running(pair, "promote", occasion="failover") as run:
            assert "The disk of db0 is full: 0 B free" in str(
                plan_promotion(run, look(run, around=True))
            )
        deeds = carry_out(pair, "promote", "promote db1", occasion="failover")
        assert "db0: arm" in did(deeds) and (data / "standby.signal").exists()
        assert writable(pair) == ["db1"]


@contextlib.contextmanager
def on_a_small_disk(pair: Lab) -> Iterator[Path]:
    """db0's data directory on a disk of its own, of 160 MB, and the server started there."""
    data = pair.node("db0").data_directory
    pair.kill("db0")
    owner, elsewhere = data.stat(), data.rename(data.with_name("elsewhere"))
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", data], check=True)
    try:
        subprocess.run(["cp", "-a", f"{elsewhere}/.", data], check=True)
        os.chown(data, owner.st_uid, owner.st_gid)
        data.chmod(0o700)
        labs.up(pair.folder)
        yield data
    finally:
        pair.kill("db0")
        subprocess.run(["umount", "-l", data], check=True)


def fill(disk: Path) -> None:
    """Take all the room that is left."""
    with (disk / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
