"""The embedded pair, on real servers: up, down, ssh, the writing client."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paramiko
import psycopg2
import pytest
import yaml
from psycopg2.extensions import make_dsn

from .. import embedded as labs
from ..embedded import Lab, LabError, Load, processes
from .servers import wait_for


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("shared") / "a lab's folder"
    try:
        yield labs.up(folder)
    finally:
        labs.down(folder, remove=True)


@pytest.fixture(scope="module")
def battered_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("battered") / "lab"
    yield folder
    labs.down(folder, remove=True)


@pytest.fixture
def battered(battered_folder: Path) -> Lab:
    """A lab to maltreat: a test may stop and kill it, but must leave its directories as they
    were.
    """
    return labs.up(battered_folder)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a lab of the test's own, taken down at its end."""
    yield tmp_path / "lab"
    labs.down(tmp_path / "lab", remove=True)


@pytest.fixture(scope="module")
def ssh(lab: Lab) -> Iterator[paramiko.SSHClient]:
    with connect(lab) as client:
        yield client


def connect(lab: Lab, name: str = "db0", **other: Any) -> paramiko.SSHClient:
    words = yaml.safe_load(lab.pair_file.read_text())["nodes"][name]["ssh"] | other
    client = paramiko.SSHClient()
    client.load_host_keys(words["known_hosts"])
    client.connect(
        words["host"],
        words["port"],
        words["user"],
        key_filename=words["key"],
        pkey=words.get("pkey"),
        allow_agent=False,
        look_for_keys=False,
    )
    return client


def run(client: paramiko.SSHClient, command: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
    stdin, stdout, stderr = client.exec_command(command, timeout=10)
    stdin.channel.sendall(data)
    stdin.channel.shutdown_write()
    out, err = stdout.read(), stderr.read()
    return stdout.channel.recv_exit_status(), out, err


def ask(lab: Lab, sql: str, **other: str | int) -> Any:
    with (
        closing(psycopg2.connect(make_dsn(lab.dsn, **other))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
        return next(iter(cursor))[0]


def system_identifier(lab: Lab, name: str) -> Any:
    return ask(
        lab,
        "select system_identifier from pg_control_system()",
        host="127.0.0.1",
        port=lab.node(name).port,
    )


def server_words(folder: Path) -> list[str]:
    return [node.server for node in labs.status(folder)]


class TestUpAndDown:
    def test_two_independent_clusters_run_with_default_settings(self, lab: Lab) -> None:
        assert system_identifier(lab, "db0") != system_identifier(lab, "db1")
        changed = ask(
            lab,
            "select array_agg(name::text order by name) from pg_settings"
            " where source = 'configuration file' and sourcefile like '%%/postgresql.conf'"
            " and name in ('wal_log_hints', 'wal_keep_size', 'archive_mode', 'fsync', "
            "'shared_buffers')",
        )
        assert changed == ["shared_buffers"]
        assert "replication" not in (lab.node("db0").data_directory / "pg_hba.conf").read_text()

    def test_it_runs_the_programs_that_it_is_told_to(self, lab: Lab, folder: Path) -> None:
        told = lab.node("db0").bin_directory
        made = labs.up(folder, start="empty", programs=told)
        assert made.node("db0").bin_directory == labs.find(folder).node("db0").bin_directory == told
        assert not list(made.home.glob("postgresql-*")), (
            "the wheel's programs were copied all the same"
        )

    def test_a_directory_without_programs_is_refused_by_name(self, folder: Path) -> None:
        with pytest.raises(LabError, match="has no program postgres"):
            labs.up(folder, programs=folder)

    def test_a_second_up_changes_nothing(self, lab: Lab) -> None:
        before = labs.status(lab.folder), lab.processes("db0")[:1], lab.pair_file.read_text()
        assert labs.up(lab.folder) == lab
        assert (
            labs.status(lab.folder),
            lab.processes("db0")[:1],
            lab.pair_file.read_text(),
        ) == before
        assert [(node.server, node.ssh) for node in labs.status(lab.folder)] == [
            ("running", "running")
        ] * 2

    def test_secrets_are_private(self, lab: Lab) -> None:
        for path in (lab.passfile, lab.folder / "id_ed25519", lab.node("db0").home / "pgpass"):
            assert path.stat().st_mode & 0o077 == 0
        assert "postgres" not in (lab.node("db0").home / "pgpass").read_text()

    def test_the_pair_file_goes_where_it_is_told_and_spares_a_stranger(
        self, lab: Lab, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "parameters" / "lab.yaml"
        assert labs.up(lab.folder, pair_file=elsewhere).pair_file == elsewhere
        elsewhere.write_text("mine: true\n")
        with pytest.raises(LabError, match="was not written by"):
            labs.up(lab.folder)
        labs.up(lab.folder, pair_file=lab.folder / "lab.yaml")

    def test_down_leaves_no_process_wherever_the_data_directory_is(self, battered: Lab) -> None:
        data = battered.node("db1").data_directory
        aside = data.rename(data.with_name("data.aside"))
        with connect(battered) as client:
            client.exec_command("sleep 1000")
            os.kill(battered.processes("db0")[0], signal.SIGSTOP)
            labs.down(battered.folder)
        assert processes.all_of_lab(battered.home) == []
        assert server_words(battered.folder) == ["stopped", "no cluster"]
        labs.down(battered.folder)
        aside.rename(data)

    def test_up_after_everything_was_killed(self, battered: Lab) -> None:
        before = [system_identifier(battered, name) for name in battered.nodes]
        ask(battered, "create table kept (x int); insert into kept values (7); commit; select 1")
        processes.send(processes.all_of_lab(battered.home), signal.SIGKILL)
        assert wait_for(lambda: not processes.all_of_lab(battered.home))
        # A reboot may have given the pid to a stranger.
        (battered.node("db0").data_directory / "postmaster.pid").write_text(f"{os.getppid()}\n")
        assert labs.up(battered.folder) == battered
        assert [system_identifier(battered, name) for name in battered.nodes] == before
        assert ask(battered, "select x from kept") == 7

    def test_a_port_taken_meanwhile_is_named(self, battered: Lab) -> None:
        labs.down(battered.folder)
        port = battered.node("db0").port
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(LabError, match=f"port {port} .*--remove"),
        ):
            labs.up(battered.folder)

    def test_a_wrecked_node_is_killed_and_useless(self, battered: Lab) -> None:
        data = battered.node("db0").data_directory
        labs.down(battered.folder)
        control = (data / "global" / "pg_control").read_bytes()
        labs.up(battered.folder).wreck("db0")
        assert battered.processes("db0") == []
        with pytest.raises(LabError, match="no cluster to wreck"):
            battered.wreck("db0")
        with pytest.raises(LabError, match="pg_ctl of db0 failed"):
            labs.up(battered.folder)
        (data / "global" / "pg_control").write_bytes(control)
        (data / "base.wrecked").rename(data / "base")

    def test_two_labs_side_by_side_and_one_removed(self, lab: Lab, folder: Path) -> None:
        other = labs.up(folder, start="empty")
        assert not {node.port for node in lab.nodes.values()} & {
            node.port for node in other.nodes.values()
        }
        (folder / "records").mkdir()
        (folder / "records" / "kept").touch()
        labs.down(folder, remove=True)
        assert sorted(folder.rglob("*")) == [folder / "records", folder / "records" / "kept"]
        assert labs.status(folder) == []
        assert not processes.all_of_lab(other.home)
        assert server_words(lab.folder) == ["running", "running"]

    def test_an_empty_start_stays_so_but_half_an_initdb_is_done_again(self, folder: Path) -> None:
        node = labs.up(folder, start="empty").node("db0")
        labs.up(folder, start="clusters")
        assert server_words(folder) == ["running", "no cluster"]
        labs.down(folder)
        node.data_directory.rename(node.home / "data.unfinished")
        memory = folder / "lab.json"
        memory.write_text(memory.read_text().replace('"made": true', '"made": false'))
        labs.up(folder, start="empty")
        assert server_words(folder) == ["running", "no cluster"]

    def test_what_is_not_a_lab_is_refused(self, lab: Lab, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="say one of clusters, empty"):
            labs.up(tmp_path, start="full")
        with pytest.raises(LabError, match="no lab"):
            labs.find(tmp_path / "none")
        with pytest.raises(LabError, match="no node 'db7'"):
            lab.kill("db7")
        (tmp_path / "file").touch()
        with pytest.raises(LabError, match="not a directory"):
            labs.up(tmp_path / "file")


class TestSsh:
    def test_status_output_and_errors_come_apart(self, ssh: paramiko.SSHClient) -> None:
        assert run(ssh, "echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")
        assert run(ssh, "exit 255")[0] == 255
        assert run(ssh, "no-such-command")[0] == 127

    def test_binary_data_passes_unchanged_both_ways(self, ssh: paramiko.SSHClient) -> None:
        data = bytes(range(256)) * 4_000
        assert run(ssh, "cat", data)[1] == data
        assert run(ssh, "sleep 0.2; wc -c", data * 10)[1] == b"%d\n" % len(data * 10)

    def test_a_long_lived_shell_answers_line_by_line(self, ssh: paramiko.SSHClient) -> None:
        stdin, stdout, _ = ssh.exec_command("exec sh", timeout=5)
        for line in range(50):
            stdin.write(f"echo {line}\n")
            assert stdout.readline() == f"{line}\n"
        stdin.channel.shutdown_write()
        assert stdout.channel.recv_exit_status() == 0

    def test_commands_run_as_the_server_user_at_home(
        self, lab: Lab, ssh: paramiko.SSHClient
    ) -> None:
        home = lab.node("db0").home
        assert run(ssh, 'pwd; echo "$HOME"; id -u')[1].decode().split("\n")[:2] == [
            str(home),
            str(home),
        ]
        assert run(ssh, "id -u")[1].strip() != b"0"

    def test_a_command_survives_its_connection(self, lab: Lab) -> None:
        home = lab.node("db0").home
        with connect(lab) as client:
            client.exec_command("sleep 0.2; touch survived")
        assert wait_for((home / "survived").exists)

    def test_a_shell_ends_with_its_connection(self, lab: Lab) -> None:
        home = lab.node("db0").home
        with connect(lab) as client:
            stdin, stdout, _ = client.exec_command("sh; touch ended", timeout=5)
            stdin.write("echo ready\n")
            assert stdout.readline() == "ready\n"
        assert wait_for((home / "ended").exists)

    def test_a_server_started_by_a_command_survives_and_holds_no_channel(self, lab: Lab) -> None:
        node = lab.node("db1")
        pg_ctl = f"'{node.bin_directory}/pg_ctl' -D data"
        with connect(lab, "db1") as client:
            assert run(client, f"{pg_ctl} stop -m fast")[0] == 0
            assert run(client, f"{pg_ctl} start -l state/server.log")[0] == 0
        assert server_words(lab.folder) == ["running", "running"]

    @pytest.mark.parametrize(
        "wrong", [{"pkey": paramiko.ECDSAKey.generate(), "key": None}, {"user": "root"}]
    )
    def test_an_unknown_key_and_an_unknown_user_are_refused(
        self, lab: Lab, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(paramiko.AuthenticationException):
            connect(lab, **wrong)

    def test_the_server_ends_when_its_home_disappears(self, battered: Lab) -> None:
        home = battered.node("db1").home
        gone = home.rename(home.with_name("gone"))
        assert wait_for(lambda: labs.status(battered.folder)[1].ssh == "stopped")
        gone.rename(home)


class TestLoad:
    def test_it_counts_and_finds_a_row_deleted_behind_its_back(self, lab: Lab) -> None:
        with Load(lab.dsn, clients=3) as load, Load(lab.dsn, clients=1) as other:
            assert wait_for(lambda: load.acknowledged > 100)
        assert load.failed == 0
        assert (
            ask(lab, f"select count(*) from pgha_load where run = '{load.run}'")
            == load.acknowledged
        )
        assert 0 < load.longest_gap() < 2
        assert load.longest_gap(until=time.time() + 60) >= 60
        assert load.missing(lab.dsn) == other.missing(lab.dsn) == []
        with (
            closing(psycopg2.connect(lab.dsn)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "delete from pgha_load where run = %s and client = 1 and seq = 3", (load.run,)
            )
        assert load.missing(lab.dsn) == [(1, 3)]

    def test_it_survives_a_killed_server_and_a_frozen_one(self, battered: Lab) -> None:
        node = battered.node("db0")
        dsn = make_dsn(battered.dsn, host=node.host, port=node.port)
        with Load(dsn, clients=2, patience=0.5) as load:
            assert wait_for(lambda: load.acknowledged > 50)
            battered.kill("db0")
            assert wait_for(lambda: load.refused > 0)
            labs.up(battered.folder)
            before = load.acknowledged
            assert wait_for(lambda: load.acknowledged > before + 50)
            processes.send(battered.processes("db0"), signal.SIGSTOP)
            frozen = time.time()
        assert time.time() - frozen < 3
        processes.send(battered.processes("db0"), signal.SIGCONT)
        assert 2 <= load.failed <= 4
        assert load.missing(dsn) == []

    def test_a_report(self, lab: Lab) -> None:
        report = labs.run_load(lab.dsn, seconds=0.5, clients=2)
        assert report.acknowledged > 10
        assert (report.failed, report.missing) == (0, 0)
        assert 0 < report.longest_gap_ms < 500
