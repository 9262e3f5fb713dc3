"""The whole cycle on Debian's PostgreSQL 15: pg_createcluster, OpenSSH, sudo, SCRAM; and what is
said without them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from pgha_helpers.facts.sighting import sight
from pgha_helpers.model import Running
from pgha_helpers.run.parameters.pair_file import load_pair
from pgha_helpers.wire.doors import Door

from ..conftest import pgha
from ..embedded import Load
from ..embedded.cluster import wreck
from .debian_pair import NODES, PROGRAMS, DebianPair, debian_pair, make_key


@pytest.fixture(scope="module")
def pair(
    need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DebianPair]:
    """Two clusters of Debian's that are not a pair yet."""
    if os.geteuid() != 0 and os.environ.get("CI") != "true":
        pytest.skip("needs root: it makes clusters, an account and a sudo rule, and removes them")
    need("pg_createcluster", "postgresql-common")
    need(str(PROGRAMS / "postgres"), "postgresql-15")
    need("sshd", "openssh-server")
    need("ssh-keyscan", "openssh-client")
    need("sudo", "sudo")
    with debian_pair(tmp_path_factory.mktemp("debian")) as made:
        yield made


def told(pair_file: Path, notebook: str, *parameters: str, code: int = 0) -> str:
    """Run a notebook on the pair; gives what it printed, on one line."""
    words = [word for parameter in parameters for word in ("-p", parameter)]
    done = pgha("run", notebook, str(pair_file), *words)
    assert done.returncode == code, (
        f"{notebook}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return " ".join(done.stdout.split())


def with_db1(pair: DebianPair, folder: Path, **changes: Any) -> Path:
    """A pair file in which something about db1 is wrong."""
    words = pair.words()
    words["nodes"]["db1"] |= changes
    path = folder / "wrong.yaml"
    path.write_text(yaml.safe_dump(words))
    return path


def with_ssh(pair: DebianPair, folder: Path, **changes: Any) -> Path:
    """A pair file in which something about the ssh of db1 is wrong."""
    return with_db1(pair, folder, ssh=pair.words()["nodes"]["db1"]["ssh"] | changes)


def why_no_shell(pair_file: Path) -> str:
    """Why the shell of db1 does not answer, although its SQL does, and what to do, as every table
    and chart of the runbook says it.
    """
    words = load_pair(str(pair_file))
    with closing(Door(words["db1"], words)) as door:
        seen = sight(door)
    assert isinstance(seen, Running)
    return f"{seen.shell_silent}; {seen.shell_remedy}"


class TestRefused:
    """Before anything else, on two clusters that are as their owner made them."""

    def test_an_unknown_host_key_and_how_to_pin_it(self, pair: DebianPair, tmp_path: Path) -> None:
        pins = tmp_path / "known_hosts"
        said = told(with_ssh(pair, tmp_path, known_hosts=str(pins)), "setup", "primary=db0", code=4)
        assert f"the host key of 127.0.0.1:{pair.ssh_port} is not in {pins}" in said
        assert f"ssh-keyscan -p {pair.ssh_port} 127.0.0.1 >> {pins}" in said
        assert "does not answer" not in said

    def test_a_changed_host_key(self, pair: DebianPair, tmp_path: Path) -> None:
        other = make_key(tmp_path / "other_host_key").with_suffix(".pub").read_text()
        pins = tmp_path / "known_hosts"
        pins.write_text(f"[127.0.0.1]:{pair.ssh_port} {other}")
        said = why_no_shell(with_ssh(pair, tmp_path, known_hosts=str(pins)))
        assert f"the host key of 127.0.0.1:{pair.ssh_port} has CHANGED" in said
        assert f"ssh-keygen -R '[127.0.0.1]:{pair.ssh_port}' -f {pins}" in said

    def test_a_key_that_the_node_does_not_know(self, pair: DebianPair, tmp_path: Path) -> None:
        said = why_no_shell(with_ssh(pair, tmp_path, key=str(make_key(tmp_path / "stranger"))))
        assert f"user '{pair.account}' is not let in with key {tmp_path / 'stranger'}" in said
        assert "correct ssh.user or ssh.key in the pair file" in said

    def test_an_owner_that_sudo_does_not_allow(self, pair: DebianPair, tmp_path: Path) -> None:
        said = why_no_shell(with_db1(pair, tmp_path, owner="nobody"))
        assert "sudo: a password is required" in said
        assert "no shell as nobody" in said and "sudo" in said.split("; ")[-1]

    def test_a_directory_that_is_no_data_directory(self, pair: DebianPair, tmp_path: Path) -> None:
        data = pair.clusters["db1"].data
        said = told(
            with_db1(pair, tmp_path, data_directory=str(data.parent)),
            "setup",
            "primary=db0",
            code=4,
        )
        assert f"SQL is answered from {data}" in said and f"{data.parent} " in said
        assert "correct data_directory in the pair file" in said


class TestCycle:
    def test_from_two_clusters_to_a_switchover_and_back(self, pair: DebianPair) -> None:
        file = pair.pair_file
        told(file, "setup", "primary=db0", "confirm=setup db1, restart db0")
        with Load(pair.dsn("db0", "db1"), clients=2, think=0.01) as load:
            told(file, "verify", "sample_seconds=1")
            outages = [outage(load, lambda: told(file, "promote", "confirm=promote db1"))]
            assert writable(pair) == ["db1"]
            wreck(pair.clusters["db0"].data)
            told(file, "rebuild", "confirm=rebuild db0")
            told(file, "verify", "light=true")
            outages.append(
                outage(load, lambda: told(file, "promote", "confirm=promote db0, back again"))
            )
        print(
            f"outages {[f'{seconds * 1000:.0f} ms' for seconds in outages]}, "
            f"{load.acknowledged} commits"
        )
        assert load.acknowledged > 100
        assert load.missing(pair.dsn("db0", "db1")) == []
        assert writable(pair) == ["db0"]
        assert max(outages) < 5
        assert outcomes(pair)[-6:] == [
            ("setup", "done"),
            ("verify", "done"),
            ("promote", "done"),
            ("rebuild", "done"),
            ("verify", "done"),
            ("promote", "done"),
        ]
        assert [len(pair.clusters[name].kept_aside) for name in NODES] == [1, 1]
        assert not secrets_in_records(pair)


def outage(load: Load, act: Callable[[], object]) -> float:
    """Seconds of the client's longest wait for a commit while something is done."""
    began = time.time()
    act()
    return load.longest_gap(began, time.time())


def writable(pair: DebianPair) -> list[str]:
    """The nodes that take writes."""
    return [name for name in NODES if not ask(pair, name, "select pg_is_in_recovery()")]


def ask(pair: DebianPair, name: str, statement: str) -> Any:
    with (
        closing(psycopg2.connect(pair.dsn(name), target_session_attrs="any")) as session,
        session.cursor() as cursor,
    ):
        cursor.execute(statement)
        return next(iter(cursor))[0]


def outcomes(pair: DebianPair) -> list[tuple[str, str]]:
    """Notebook and outcome of every record, oldest first."""
    found = [json.loads(path.read_text()) for path in pair.records.glob("*/record.json")]
    return [
        (record["notebook"], record["outcome"])
        for record in sorted(found, key=lambda record: record["began"])
    ]


def secrets_in_records(pair: DebianPair) -> list[Path]:
    """Files of the records that hold a password."""
    secrets = [line.rpartition(":")[2].encode() for line in pair.passfile.read_text().splitlines()]
    files = [path for path in pair.records.rglob("*") if path.is_file()]
    return [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
