"""Others who read the primary's WAL: a third standby, a backup that streams. They are named, and
what is said is so.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import HEALTHY, judged, look, plan_promotion

from ..embedded import Lab
from .runs import carry_out, running
from .servers import ask, wait_for, wait_for_answer


def user_of(pair: Lab) -> dict[str, object]:
    owner = pair.node("db0").home.stat()
    if os.geteuid() == 0:
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    return {}


def source(pair: Lab, name: str) -> str:
    node = pair.node("db0")
    passfile = node.home / "pgpass"
    return (
        f"host={node.host} port={node.port} user=replicator passfile={passfile} "
        f"application_name={name}"
    )


STREAM = "select count(*) from pg_stat_replication where state = 'streaming'"


class Third:
    """A standby of db0 beside the pair, which the runbook does not know."""

    def __init__(self, pair: Lab, folder: Path) -> None:
        self._pair, self._programs, self.data = (
            pair,
            pair.node("db0").bin_directory,
            folder / "third",
        )
        self.port = 5432
        self._run(
            "pg_basebackup",
            "-D",
            self.data,
            "-R",
            "-C",
            "-S",
            "third",
            "-c",
            "fast",
            "-d",
            source(pair, "db2"),
        )
        auto = (self.data / "postgresql.auto.conf").read_text()
        own = f"port = {self.port}\nlisten_addresses = ''\nunix_socket_directories = '{folder}'\n"
        (self.data / "postgresql.auto.conf").write_text(f"{auto}\n{own}")
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("\nlocal all all trust\n")
        self._run("pg_ctl", "start", "-w", "-s", "-D", self.data, "-l", folder / "third.log")

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", self.data)

    def rows(self) -> int:
        dsn = make_dsn(
            host=str(self.data.parent), port=self.port, user="postgres", dbname="postgres"
        )
        with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from t")
            return int((cursor.fetchone() or (0,))[0])

    def _run(self, program: str, *words: object) -> None:
        command = [str(self._programs / program), *map(str, words)]
        subprocess.run(command, check=True, cwd=self.data.parent, **user_of(self._pair))  # type: ignore[call-overload]


@pytest.fixture
def third(own_pair: Lab) -> Iterator[Third]:
    folder = own_pair.node("db0").home / "beside"
    folder.mkdir(mode=0o700)
    os.chown(folder, *own_pair.node("db0").home.stat()[4:6])
    ask(own_pair, "db0", "create table t (n int)")
    made = Third(own_pair, folder)
    yield made
    made.stop()


@pytest.fixture
def backup(own_pair: Lab, tmp_path: Path) -> Iterator[None]:
    programs, dsn = own_pair.node("db0").bin_directory, source(own_pair, "barman")
    words = [str(programs / "pg_receivewal"), "-d", dsn, "-S", "barman", "-D", str(tmp_path)]
    subprocess.run([*words, "--create-slot"], check=True)
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    yield
    process.kill()
    process.wait()


@pytest.mark.usefixtures("backup")
def test_a_third_standby_and_a_backup_are_named_and_stay_where_it_is_said(
    own_pair: Lab, third: Third
) -> None:
    named = "the standby db2", "by slot third", "barman", "by slot barman"
    wait_for_answer(own_pair, "db0", STREAM, 3)
    with running(own_pair, "verify") as run:
        now = look(run, closely=True)
        against = {v.reason for v in judged(run, HEALTHY, now).against if v.level == "warning"}
        (told,) = [reason for reason in against if reason.startswith("would stay behind on db0")]
        assert all(words in told for words in named)
    with running(own_pair, "promote") as run:
        shown = str(plan_promotion(run, look(run, closely=True)))
        assert "behind on db0 stay, until you point them at db1" in shown and all(
            words in shown for words in named
        )
    carry_out(own_pair, "promote", "promote db1")
    ask(own_pair, "db1", "insert into t values (1)")
    assert wait_for(lambda: third.rows() == 1)  # at second hand, as the check says
    own_pair.kill("db1")
    with running(own_pair, "promote", occasion="failover") as run:
        assert "fed others" not in str(plan_promotion(run, look(run, around=True))), (
            "db1 fed only db0"
        )


@pytest.mark.usefixtures("third")
def test_a_failover_says_whom_else_the_lost_primary_fed(own_pair: Lab) -> None:
    wait_for_answer(own_pair, "db0", STREAM, 2)
    with running(own_pair, "verify") as run:
        look(run)
    own_pair.kill("db0")
    with running(own_pair, "promote", occasion="failover") as run:
        shown = str(plan_promotion(run, look(run, around=True)))
        assert (
            "db0 fed others, too, when run" in shown
            and "the standby db2" in shown
            and "MAY HAVE RECEIVED MORE" in shown
        )
