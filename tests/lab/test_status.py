"""`pgha status` on real servers: what a pair is, in a second, and nothing of it is changed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pgha_helpers.monitoring import status

from ..conftest import pgha
from ..embedded import Lab
from ..pure.status_forms import LINE, metrics
from .looks import snapshot
from .runs import changed_pair
from .servers import ask, records, state_of


@pytest.fixture
def silent_port() -> Iterator[int]:
    """One that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield int(listener.getsockname()[1])


def test_a_healthy_pair_is_told_and_nothing_is_changed(pair: Lab) -> None:
    before, left = state_of(pair), list(records(pair))
    done = pgha("status", str(pair.pair_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "db0   primary" in done.stdout and "db1   standby" in done.stdout
    assert "✓ ok: " in done.stdout and "pgha_db1, active" in done.stdout
    assert state_of(pair) == before and list(records(pair)) == left


def test_verify_ends_with_the_two_verdicts_of_status_and_writes_its_file(
    pair: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "lab.prom"
    path = changed_pair(pair, tmp_path, prometheus=str(file))
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(pgha("status", str(path), "--json").stdout)["pairs"][0]
    told = json.loads((list(records(pair))[-1] / "record.json").read_text())["ready"]
    for change in ("switchover", "failover"):
        assert told[change].keys() == status[change].keys()
        assert all(told[change][key] == status[change][key] for key in ("answer", "to", "why"))
    assert "\nPlanned switchover: yes, to db1\n    Nothing is lost" in done.stdout
    assert (
        "\nFailover: yes, to db1\n    Without the primary's disk 0 B would be lost" in done.stdout
    )
    shown = pgha("records", "show", str(path), list(records(pair))[-1].name[-8:]).stdout
    assert "planned switchover: yes, to db1\n    Nothing is lost" in shown
    written, asked = metrics(file), tmp_path / "status.prom"
    pgha("status", str(path), "--prometheus", str(asked))
    assert written.keys() == metrics(asked).keys() and written["pgha_status"] == {("changed",): 0}


def test_a_file_that_verify_cannot_write_is_told_and_changes_no_outcome(
    pair: Lab, tmp_path: Path
) -> None:
    (tmp_path / "full.prom").mkdir()
    path = changed_pair(pair, tmp_path, prometheus=str(tmp_path / "full.prom"))
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tmp_path}/full.prom CANNOT BE WRITTEN (Is a directory)" in done.stdout
    assert '"event": "not written"' in (list(records(pair))[-1] / "journal.jsonl").read_text()
    assert [each.name for each in tmp_path.glob("full*")] == ["full.prom"], "and nothing is left"


def test_a_full_verify_measures_sizes_and_shows_trends_that_are_exported(
    pair: Lab, tmp_path: Path
) -> None:
    done = pgha("run", "verify", str(pair.pair_file))
    assert done.returncode == 0, done.stdout + done.stderr
    folder = list(records(pair))[-1]
    told = json.loads((folder / "record.json").read_text())
    (size,) = ask(pair, "db0", "select sum(pg_database_size(oid)) from pg_database")
    assert told["sizes"]["databases"] == pytest.approx(int(size[0]), rel=0.05)
    assert told["sizes"]["wal"] >= 16 * 1024**2 and told["lag"]["bytes"]["count"] > 1
    assert "duration of setup" in (folder / "notebook.ipynb").read_text()
    assert re.search(
        r"^In \d+ records?.*: lag .*; databases", pgha("status", str(pair.pair_file)).stdout, re.M
    )
    into = tmp_path / "runs.csv"
    done = pgha("records", "export", str(pair.pair_file), "--into", str(into))
    assert done.returncode == 0 and f",{folder.name[-8:]},verify," in into.read_text()
    done = pgha("records", "export", str(pair.pair_file), "--into", str(tmp_path / "runs.xls"))
    assert done.returncode == 64 and "its name must end in .csv or .parquet" in done.stderr


def test_a_silent_node_is_critical_and_its_remedy_is_told(
    pair: Lab, tmp_path: Path, silent_port: int
) -> None:
    ssh = {"host": "127.0.0.1", "port": silent_port}
    changes = {"timeouts": {"connect": "500ms"}, "db1": {"port": silent_port, "ssh": ssh}}
    path = changed_pair(pair, tmp_path, **changes)
    done = pgha("status", str(path))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "db1            127.0.0.1:" in done.stdout and "did not answer" in done.stdout
    assert "see that its machine is up" in done.stdout


def test_a_silent_node_costs_one_time_out_and_not_one_by_each_road(
    pair: Lab, tmp_path: Path, silent_port: int
) -> None:
    node = {"port": silent_port, "ssh": {"host": "127.0.0.1", "port": silent_port}}
    other = {**node, "host": "localhost"}
    path = changed_pair(pair, tmp_path, timeouts={"connect": "2s"}, db0=node, db1=other)
    now = snapshot(path)
    assert not now.running and 1.9 < now.seconds < 3.5
    assert all("ssh:" in str(seen) and "SQL:" in str(seen) for seen in now.sightings)


def test_a_connection_is_held_only_for_another_look_and_of_very_many_pairs_none_is(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred pairs were 134 times "Too many open files", where a process may have 1024."""
    monkeypatch.setattr(status, "_MOST", 2)
    paths = [tmp_path / f"{name}.yaml" for name in ("one", "two", "three")]
    for path in paths:
        path.write_text(pair.pair_file.read_text())
    before = psutil.Process().num_fds()
    for many, again in ((3, True), (2, False)):
        with status.Looks([*map(str, paths[:many])], again) as looks:
            assert [one.level for one in looks.look()] == ["ok"] * many
            assert psutil.Process().num_fds() <= before
    with status.Looks([*map(str, paths[:2])], again=True) as looks:
        looks.look()
        assert psutil.Process().num_fds() > before, "else the second look would connect anew"


def test_several_pairs_are_one_answer_and_one_exit_code(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHA_PARAMETERS", str(tmp_path))
    (tmp_path / "well.yaml").write_text(pair.pair_file.read_text())
    (tmp_path / "wrong.yaml").write_text("nodes: nobody\n")
    done = pgha("status", "well", "wrong")
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "2 pairs: 1 ok, 1 unknown"
    assert "wrong.yaml is not a pair file" in done.stdout
    asked = pgha("status", "--all")
    assert "well\n" in asked.stdout and "wrong\n" in asked.stdout
    assert "example\n" not in asked.stdout


def test_what_is_typed_wrongly_is_told_without_a_traceback(pair: Lab) -> None:
    for words in (("status",), ("status", "--all", str(pair.pair_file))):
        done = pgha(*words)
        assert done.returncode == 64 and "which pair?" in done.stderr
    done = pgha("status", "nosuch")
    assert done.returncode == 3 and "there is no pair 'nosuch'" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "which pair?"),
        (("prod", "--nosuch"), "No such option: --nosuch"),
        (("prod", "--watch"), "Option '--watch' requires an argument."),
        (("prod", "--json"), "--json, --nagios and --watch are three answers"),
        (("prod", "--prometheus", "/no/where"), "/no/where cannot be written"),
    ],
)
def test_a_monitoring_system_reads_what_was_typed_wrongly(
    words: tuple[str, ...], told: str
) -> None:
    done = pgha("status", "--nagios", *words)
    assert done.returncode == 3 and done.stderr == "", done.stderr
    assert done.stdout.startswith(f"PGHA UNKNOWN: {told}"), done.stdout
    assert done.stdout.count("\n") == 1 and LINE.fullmatch(done.stdout.rstrip("\n"))


def test_each_form_is_read_by_its_own_kind_of_reader(pair: Lab, tmp_path: Path) -> None:
    asked = ("status", str(pair.pair_file))
    told = json.loads(pgha(*asked, "--json").stdout)
    (it,) = told["pairs"]
    assert (told["format"], told["exit_code"], it["level"]) == (1, 0, "ok")
    assert [node["role"] for node in it["nodes"]] == ["primary", "standby"]
    line = pgha(*asked, "--nagios")
    assert line.returncode == 0 and LINE.fullmatch(line.stdout.rstrip("\n")), line.stdout
    assert line.stdout.startswith("PGHA OK: ")
    file = tmp_path / "pgha.prom"
    done = pgha(*asked, "--prometheus", str(file))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert set(metrics(file)["pgha_status"].values()) == {0}
    assert metrics(file)["pgha_node_up"].keys() == {(it["pair"], "db0"), (it["pair"], "db1")}
    wrong = pgha(*asked, "--prometheus", str(tmp_path / "no" / "where"))
    assert wrong.returncode == 64 and "cannot be written: No such file" in wrong.stderr


def watched(pair: Lab, **environment: str) -> tuple[int, str]:
    """What a terminal gets of a status that is watched until it was told twice, then Ctrl-C."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    command = [sys.executable, "-m", "pgha_helpers", "status", str(pair.pair_file)]
    environ = {**os.environ, "TERM": "xterm-256color", **environment}
    run = subprocess.Popen(
        [*command, "--watch", "200ms"], stdout=theirs, stderr=theirs, stdin=theirs, env=environ
    )
    os.close(theirs)
    said = b""
    while said.count(b"checks say yes") < 2:
        assert run.poll() is None and select.select([mine], [], [], 30)[0], said
        said += os.read(mine, 65536)
    run.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # the other end is closed
        while more := os.read(mine, 65536):
            said += more
    os.close(mine)
    return run.wait(30), said.decode()


def test_a_watch_goes_on_until_it_is_ended_and_leaves_colours_out_where_asked(pair: Lab) -> None:
    code, told = watched(pair)
    assert code == 0 and "\x1b[32m" in told and "Traceback" not in told, told
    code, told = watched(pair, NO_COLOR="1")
    assert code == 0 and not re.search("\x1b\\[[0-9;]*3[0-9]m", told), told


def test_a_watch_ends_when_its_reader_has_left(pair: Lab) -> None:
    command = [sys.executable, "-m", "pgha_helpers", "status", str(pair.pair_file)]
    run = subprocess.Popen([*command, "--watch", "200ms"], stdout=subprocess.PIPE)
    assert run.stdout and run.stdout.readline()
    run.stdout.close()
    assert run.wait(30) == 0


def test_a_narrow_terminal_has_a_column_a_node(pair: Lab) -> None:
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    command = [sys.executable, "-m", "pgha_helpers", "status", str(pair.pair_file)]
    assert subprocess.run(command, stdout=theirs, timeout=60).returncode == 0
    head = os.read(mine, 65536).decode().split("\r\n\r\n")[0].splitlines()
    os.close(mine)
    os.close(theirs)
    assert [line.split()[0] for line in head[:3]] == ["node", "role", "address"]
    assert max(map(len, head)) <= 60


def test_the_pace_of_a_primary_counts_what_writes(pair: Lab) -> None:
    ask(pair, "db0", "create table if not exists paced (n int)")
    ask(pair, "db0", "checkpoint")
    for _ in range(20):
        ask(pair, "db0", "insert into paced values (1)")
        ask(pair, "db0", "select count(*) from paced")
    now = snapshot(pair)
    pace = now.closely("db0").pace
    assert pace is not None and now.closely("db1").pace is None
    assert 20 <= pace.transactions < 40 and pace.bytes > 20 * 40 and 0 <= pace.seconds < 60
