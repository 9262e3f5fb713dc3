"""A fence command is believed only if its check agrees and nobody reaches the node."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pgha_helpers.changes.deeds import servers
from pgha_helpers.model.errors import HaError, NotAchieved, NotSafe, Refusal
from pgha_helpers.run.journal import read

from ..conftest import pgha
from ..embedded import Lab
from .nights import once_before
from .runs import carry_out, changed_pair, did, script
from .servers import ask, records, ssh_server, writable
from .views import FAST, stopped_by_a_signal, unreachable, wait_until_nothing_streams


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
            assert ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)], "db0 answers nobody"
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
