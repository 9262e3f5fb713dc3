"""Is it really dead? Asked of real servers from several places; and fences that are believed only
when verified.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from pgha_helpers import look, plan_promotion
from pgha_helpers.changes.deeds import servers
from pgha_helpers.model import Hung, Running, Silent, Snapshot, Stopped, Vantage
from pgha_helpers.model.errors import HaError, NotAchieved, NotSafe, Refusal
from pgha_helpers.run.journal import read

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab
from .nights import once_before
from .runs import carry_out, changed_pair, did, running
from .servers import ask, records, send_all, ssh_server, state_of, writable

NOWHERE = 1  # a port on which nothing listens
FAST = {"connect": "1s", "statement": "1s", "command": "5s", "replay": "5s"}


def unreachable(pair: Lab, folder: Path, peer: bool = True, **changes: Any) -> Path:
    """A pair file whose db0 does not answer this machine, by SQL or ssh; the other node reaches it
    all the same.
    """
    told = yaml.safe_load(pair.pair_file.read_text())["nodes"]["db0"]
    seen_by_peer = {"peer_host": told["host"], "peer_port": told["port"] if peer else NOWHERE + 1}
    gone = {"port": NOWHERE, **seen_by_peer, "ssh": {**told["ssh"], "port": NOWHERE}}
    return changed_pair(
        pair, folder, db0={**gone, **changes.pop("db0", {})}, timeouts=FAST, **changes
    )


def witness(pair: Lab, **changes: Any) -> dict[str, Any]:
    """db1's ssh server, as a host of its own."""
    ssh = yaml.safe_load(pair.pair_file.read_text())["nodes"]["db1"]["ssh"]
    return {"name": "gate", "ssh": ssh, **changes}


def script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def view(now: Snapshot, place: str) -> Vantage:
    return next(v for v in now.looked_at("db0") if v.place == place)


@contextlib.contextmanager
def stopped_by_a_signal(pids: list[int]) -> Iterator[None]:
    send_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send_all(pids, signal.SIGCONT)


@pytest.fixture
def impatient(own_pair: Lab) -> Lab:
    """A pair whose standby notices within a second that nothing comes any more."""
    ask(own_pair, "db1", "alter system set wal_receiver_timeout = '1s'")
    ask(own_pair, "db1", "select pg_reload_conf()")
    return own_pair


def wait_until_nothing_streams(pair: Lab) -> None:
    deadline = time.monotonic() + 15
    while ask(pair, "db1", "select 1 from pg_stat_wal_receiver where status = 'streaming'"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
    postmaster = int((pair.node("db0").data_directory / "postmaster.pid").read_text().split()[0])
    for halted, words in (([postmaster], "1 of its"), (every, f"{len(every)} of its")):
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
        deadline = time.monotonic() + 30
        while pair.processes("db0"):
            assert time.monotonic() < deadline, "it went on"
            time.sleep(0.05)
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


def killer(folder: Path, pids: list[int]) -> tuple[str, str]:
    """A fence command that ends these processes, and a check that sees them gone."""
    alive = " || ".join(f"grep -qs '^State:.[^Z]' /proc/{pid}/status" for pid in pids)
    return script(folder, "kill-it", f"kill -9 {' '.join(map(str, pids))} 2>/dev/null; :"), script(
        folder, "gone", f"! ({alive})"
    )


def test_a_fence_command_is_believed_only_when_it_is_verified(
    impatient: Lab, tmp_path: Path
) -> None:
    """db0 hangs, and its shell is gone: a command that does nothing, one whose check lies, and one
    that works.
    """
    pair, pids = impatient, impatient.processes("db0")
    kill, gone = killer(tmp_path, pids)

    def by(command: str, check: str) -> Path:
        return unreachable(
            pair, tmp_path, db0={"fence": {"command": [command], "check": [check], "within": "1s"}}
        )

    with stopped_by_a_signal(pids):
        wait_until_nothing_streams(pair)
        for command, check, words in (
            ("true", gone, "its fence check, 1 s after its command, ended with status 1"),
            (
                "true",
                script(tmp_path, "lies", "exit 0"),
                "the fence check says that db0 is off, but it is reached from",
            ),
            ("false", "true", "its fence command ended with status 1"),
        ):
            with pytest.raises(NotAchieved, match=words):
                carry_out(by(command, check), "promote", "promote db1", occasion="failover")
            assert ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)]
        with pytest.raises(Refusal, match="there is no program /no/such"):
            carry_out(by("/no/such", gone), "promote", "promote db1", occasion="failover")
        done = pgha(
            "run",
            "promote",
            str(by("true", gone)),
            "-p",
            "occasion=failover",
            "-p",
            "confirm=promote db1",
        )
        assert done.returncode == 5 and ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)]
        deeds = carry_out(by(kill, gone), "promote", "promote db1", occasion="failover")
    assert "db0: fenced: fence command on this machine succeeded, its check agrees" in did(deeds)
    assert writable(pair) == ["db1"]
    assert read(list(records(pair))[-1]).last("fenced by")["way"] == "command"


def test_a_word_is_not_taken_while_its_port_takes_connections(
    impatient: Lab, tmp_path: Path
) -> None:
    pair, path = impatient, unreachable(impatient, tmp_path)
    with stopped_by_a_signal(pair.processes("db0")):
        wait_until_nothing_streams(pair)
        with pytest.raises(NotSafe, match=r"Ann.*but its port takes connections from db1"):
            carry_out(path, "promote", "promote db1", occasion="failover", fenced_by="Ann")
        with pytest.raises(
            NotSafe, match="silence does not prove that it is off, and its port takes connections"
        ):
            carry_out(path, "promote", "promote db1", occasion="failover")
    assert writable(pair) == ["db0"]


@pytest.mark.parametrize("has_command", [True, False])
def test_a_shell_that_is_lost_in_the_middle_is_followed_by_the_fence_command(
    own_pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_command: bool
) -> None:
    """What its disk holds was to be brought over, and cannot be any more: the next run says so
    before it promotes.
    """
    pair, pids, shell = own_pair, own_pair.processes("db0"), ssh_server(own_pair, "db0")
    kill, gone = killer(tmp_path, pids)
    fence = {"command": [kill], "check": [gone], "within": "5s"}
    path = changed_pair(pair, tmp_path, timeouts=FAST, db0={"fence": fence} if has_command else {})
    once_before(monkeypatch, servers, "end_every_process", lambda: os.kill(shell, signal.SIGSTOP))
    try:
        with stopped_by_a_signal(pids):
            with pytest.raises(HaError):
                carry_out(path, "promote", "promote db1", occasion="failover")
            assert writable(pair) == []
            told = read(list(records(pair))[-1])
            assert told.last("not fenced")["way"] == "ssh"
            assert told.last("fenced by").get("way") == ("command" if has_command else None)
            if has_command:
                wait_until_nothing_streams(pair)
                deeds = carry_out(path, "promote", "promote db1", occasion="failover")
                assert "db0: fenced: fence command on this machine succeeded" in did(deeds)
    finally:
        os.kill(shell, signal.SIGCONT)
    assert ask(pair, "db1", "select pg_is_in_recovery()") == [(not has_command,)]


def test_a_wrong_word_is_found_out_by_the_next_verify(own_pair: Lab, tmp_path: Path) -> None:
    """Nobody that was asked could reach db0, and it was alive: both are writable, and verify says
    what is at stake.
    """
    pair = own_pair
    ask(pair, "db1", "alter system set primary_conninfo = ''")
    ask(pair, "db1", "select pg_reload_conf()")
    wait_until_nothing_streams(pair)
    path = unreachable(pair, tmp_path, peer=False)
    carry_out(path, "promote", "promote db1", occasion="failover", fenced_by="Ann thinks so")
    ask(pair, "db0", "create table only_on_db0 as select generate_series(1, 10000) as n")
    assert writable(pair) == ["db0", "db1"]
    done = pgha("run", "verify", str(pair.pair_file), "-p", "light=true")
    told = " ".join(done.stdout.split())
    assert (
        done.returncode == 2
        and "both db0 and db1 are writable: two primaries; they parted at" in told
    )
    assert "written since, and missing on the other: db0" in told


def test_a_service_is_disabled_by_the_fence_and_enabled_by_the_rebuild(
    own_pair: Lab, tmp_path: Path
) -> None:
    pair, node = own_pair, own_pair.node("db0")
    tool, log = node.bin_directory / "pg_ctl", node.home / "service.log"
    start = [
        "/bin/sh",
        "-c",
        f"test ! -e {node.home}/masked && {tool} start -s -W -D {node.data_directory} -l {log}",
    ]
    service = {
        "start": start,
        "stop": [str(tool), "stop", "-D", str(node.data_directory)],
        "disable": ["touch", f"{node.home}/masked"],
        "enable": ["rm", "-f", f"{node.home}/masked"],
    }
    path = changed_pair(pair, tmp_path, db0={"service": service})
    pair.kill("db0")
    deeds = carry_out(path, "promote", "promote db1", occasion="failover")
    assert "db0: disable its service" in did(deeds) and (node.home / "masked").exists()
    carry_out(path, "rebuild", "rebuild db0")
    assert not (node.home / "masked").exists() and ask(
        pair, "db0", "select pg_is_in_recovery()"
    ) == [(True,)]
