"""Clients are moved with the primary: real PgBouncer, real commands, and what happens when one of
them fails.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from pgha_helpers import clients, follow, gate, hand_over, look, plan_promotion
from pgha_helpers.changes.deeds import stopping
from pgha_helpers.clients.held import entries_of
from pgha_helpers.clients.ini import HEADER
from pgha_helpers.model.errors import Aborted, NotAchieved, NotSafe

from ..embedded import Lab, Load
from .bouncers import PASSWORD, Pooler, pooled
from .moves import consented, move, reasons
from .nights import once_before
from .runs import changed_pair, running, to_promote
from .servers import ask, standby_of, wait_for, writable


@pytest.fixture
def pooler(pair: Lab, need: Callable[..., None]) -> Iterator[Pooler]:
    need("pgbouncer", "pgbouncer")
    with pooled(pair, writable(pair)[0]) as made:
        yield made


def test_no_transaction_fails_through_a_pooler(pair: Lab, pooler: Pooler, tmp_path: Path) -> None:
    """There and back under load, and the readers follow to the standby."""
    mode, owner = pooler.databases.stat().st_mode, pooler.databases.stat().st_uid
    ini = pooler.ini.read_bytes()
    with Load(pooler.load_dsn()) as load:
        for _ in range(2):
            target = standby_of(pair)
            with consented(pair, tmp_path, pooler.client()) as (run, plan):
                assert reasons(run) == ""
                move(run, plan)
                assert clients.left_behind(run, plan.peer) == 0
            assert pooler.database()["at"] == target and pooler.database()["paused"] == 0
            assert pooler.database("app_ro")["at"] == plan.peer
            assert pooler.ask("select pg_is_in_recovery() as so", "app_ro") == [{"so": True}]
    assert (load.failed, load.refused) == (0, 0)
    assert load.acknowledged > 100 and load.missing(pair.dsn) == []
    assert (pooler.databases.stat().st_mode, pooler.databases.stat().st_uid) == (mode, owner)
    assert pooler.ini.read_bytes() == ini, "what is not ours stays as it is"
    assert pooler.databases.read_text().startswith(HEADER)
    assert " dbname=postgres pool_size=20\n" in pooler.databases.read_text()
    assert ask(pair, target, "select count(*) from pgha.canary") == [(0,)]
    assert [path.name for path in pooler.folder.glob("*.pgha-new")] == []


def test_a_pooler_that_is_killed_while_it_pauses_finds_the_new_primary_when_it_is_back(
    pair: Lab, pooler: Pooler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = standby_of(pair)
    with consented(pair, tmp_path, pooler.client(dsn=None)) as (run, plan):
        once_before(monkeypatch, stopping, "stop_primary", pooler.kill)
        with pytest.raises(
            NotAchieved, match=f"{pooler.databases} points at {target}, but .*refused"
        ):
            hand_over(run, plan)
        pooler.start()
        assert pooler.database()["at"] == target
        move(run, plan)  # again, as the remedy says
        assert pooler.database()["paused"] == 0


#: A runbook that pauses its clients, and does nothing more.
PAUSING = """
import sys, time
from pgha_helpers import begin, clients, gate, look, plan_promotion
run = begin("promote", pair=sys.argv[1], confirm=sys.argv[2])
plan = gate(run, plan_promotion(run, look(run)))
clients.prepare(run, plan)
clients.pause(run, plan)
print("paused now", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_watchdog_resumes_when_the_runbook_has_gone(
    pair: Lab, pooler: Pooler, tmp_path: Path, number: signal.Signals
) -> None:
    """Killed, its connections end; stopped, they stay as those of a machine that was lost do, until
    the expiry.
    """
    path = changed_pair(pair, tmp_path, clients=[pooler.client(pause="2s", wait="1s")])
    command = [sys.executable, "-c", PAUSING, str(path), to_promote(standby_of(pair))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as runbook:
        try:
            assert runbook.stdout and any("paused now" in line for line in runbook.stdout)
            was_paused = pooler.database()["paused"]
            runbook.send_signal(number)
            assert wait_for(lambda: pooler.database()["paused"] == 0)
        finally:
            runbook.kill()
    assert was_paused == 1
    assert pooler.ask("select 1 as one", "app") == [{"one": 1}]


def test_an_open_transaction_lets_everybody_go_on_and_is_named(
    pair: Lab, pooler: Pooler, tmp_path: Path
) -> None:
    here = writable(pair)[0]
    with (
        consented(pair, tmp_path, pooler.client(wait="300ms")) as (run, plan),
        contextlib.closing(
            psycopg2.connect(pooler.load_dsn(), application_name="nightly report")
        ) as client,
    ):
        client.cursor().execute("select 1")  # and its transaction stays open
        clients.prepare(run, plan)
        with pytest.raises(
            NotAchieved,
            match=r"PAUSE app did not end within 300 ms: .*postgres from .*nightly report",
        ):
            clients.pause(run, plan)
        assert pooler.database()["paused"] == 0
        client.cursor().execute("select 2")
        client.rollback()
        clients.take_clients_back(run, plan)
        assert pooler.database()["at"] == here


def test_what_keeps_a_pooler_from_being_moved_is_told_before_anything_is_changed(
    pair: Lab, pooler: Pooler, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong-passfile"
    wrong.write_text("*:*:*:*:guessed\n")
    wrong.chmod(0o600)
    before = pooler.databases.read_text()
    beside = shutil.copy2(pooler.databases, pooler.folder / "beside.ini")
    shutil.chown(beside, pooler.databases.owner(), pooler.databases.group())
    cases: list[tuple[dict[str, Any], str]] = [
        ({"passfile": str(wrong), "dsn": None}, "SQL: password authentication failed"),
        ({"user": "onlooker"}, "onlooker is not one of its admin_users"),
        ({"databases": ["appp"]}, "it has no database appp; it has app, app_ro"),
        ({"databases": ["app_ro"], "readers": ["app"]}, "database app_ro points at"),
        ({"file": "/nowhere/pgbouncer.ini"}, "there is no file /nowhere/pgbouncer.ini"),
        ({"file": str(pooler.folder / "users")}, "its first line is not ';; pgha writes this"),
        ({"file": str(pooler.ini)}, "move whatever else stands there to pgbouncer.ini"),
        ({"file": str(beside)}, f"{pooler.ini} does not %include {beside}"),
        ({"file": "/etc/passwd"}, "cannot be replaced" if pooler.switches else "/etc/passwd"),
        (
            {"bin_directory": "/nowhere"},
            "the watchdog cannot reach the admin console from its host",
        ),
        ({"dsn": pooler.dsn("app_ro")}, "its dsn leads to a standby"),
        ({"dsn": pooler.dsn("nothing")}, "its dsn: SQL: no such database: nothing"),
        ({"port": pooler.port + 1, "dsn": None}, "refused"),
    ]
    for changes, words in cases:
        with running(
            changed_pair(pair, tmp_path, clients=[pooler.client(**changes)]), "verify"
        ) as run:
            assert words in (said := reasons(run)), (changes, said)
            assert PASSWORD not in said
    assert pooler.databases.read_text() == before


@pytest.mark.parametrize("aborted", [True, False])
def test_a_client_that_comes_while_its_pool_is_paused_need_not_wait(
    pair: Lab,
    need: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aborted: bool,
) -> None:
    """The first client of a pool in a pause would wait for server_login_retry: here an hour."""
    need("pgbouncer", "pgbouncer")
    answers: list[object] = []

    def come(dsn: str) -> None:
        with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute("select pg_is_in_recovery()")
            answers.append(cursor.fetchone())

    with pooled(pair, writable(pair)[0], "server_login_retry = 3600") as pooler:
        client = threading.Thread(target=come, args=[pooler.load_dsn()], daemon=True)

        def while_paused() -> None:
            client.start()
            assert wait_for(
                lambda: (
                    "closing because: pause mode" in (pooler.folder / "pgbouncer.log").read_text()
                )
            )
            if aborted:
                raise NotAchieved("something is in the way")

        once_before(monkeypatch, stopping, "stop_primary", while_paused)
        with consented(pair, tmp_path, pooler.client(dsn=None)) as (run, plan):
            with pytest.raises(Aborted) if aborted else contextlib.nullcontext():
                move(run, plan)
            assert pooler.database()["paused"] == 0
        client.join(20)
        assert answers == [(False,)]
        told = {row["key"]: row["value"] for row in pooler.ask("show config")}
        assert told["server_login_retry"] == "3600", "as the file says"


def test_a_paused_or_a_session_pool_is_told(pair: Lab, pooler: Pooler, tmp_path: Path) -> None:
    with consented(pair, tmp_path, pooler.client(dsn=None)) as (run, plan):
        pooler.ask("pause app")
        assert "database app is paused" in reasons(run)
        pooler.ask("resume app")
        pooler.databases.write_text(
            pooler.databases.read_text().replace("pool_size=20", "pool_size=20 pool_mode=session")
        )
        pooler.ask("reload")
        assert "has pool_mode session" in reasons(run)
        pooler.databases.write_text(
            pooler.databases.read_text().replace(" pool_mode=session", " pool_mode=transaction")
        )
        pooler.ask("reload")
        assert reasons(run) == ""
        pooler.databases.write_text(
            pooler.databases.read_text().replace(f"port={pair.node(plan.peer).port}", "port=9")
        )
        assert "points app at 127.0.0.1:9, but pgbouncer points it at" in reasons(run)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[pgbouncer]\nlisten_backlog = 100\n", "its line 4 is another section: move whatever"),
        (";; app = host=a.comment.only\n", "its line 4 is no line of a database: move whatever"),
        ("away = host=127.0.0.1 port=9\n", "database away, which follows neither the primary"),
    ],
    ids=["a section", "a comment", "another database"],
)
def test_a_file_with_what_is_not_ours_is_refused_before_anything_is_changed(
    pair: Lab, pooler: Pooler, tmp_path: Path, more: str, words: str
) -> None:
    text = pooler.databases.read_text() + more
    pooler.databases.write_text(text)
    with pytest.raises(NotSafe) as no, consented(pair, tmp_path, pooler.client(dsn=None)):
        raise AssertionError("the gate must not be passed")
    assert words in str(no.value) and "pgbouncer.ini" in str(no.value)
    assert pooler.databases.read_text() == text


def test_a_wrong_password_stops_it_before_anything_is_changed(
    pair: Lab, pooler: Pooler, tmp_path: Path
) -> None:
    wrong = pooler.client(passfile=str(pair.passfile), dsn=None)
    with pytest.raises(NotSafe, match=r"pool: .*password"), consented(pair, tmp_path, wrong):
        raise AssertionError("the gate must not be passed")


def test_a_file_that_is_edited_in_the_middle_keeps_the_edit(
    pair: Lab, pooler: Pooler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody gives the database a larger pool between the gate and the redirection."""

    def edit() -> None:
        pooler.databases.write_text(
            pooler.databases.read_text().replace("pool_size=20", "pool_size=21")
        )

    once_before(monkeypatch, stopping, "stop_primary", edit)
    with consented(pair, tmp_path, pooler.client()) as (run, plan):
        hand_over(run, plan)
        assert (
            "pool_size=21" in pooler.databases.read_text() and pooler.database()["at"] == plan.node
        )
        follow(run, plan)


def test_a_rerun_finds_what_a_dead_run_has_left(
    pair: Lab, pooler: Pooler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run dies while the promotion goes on, with the file renamed and nothing
    reloaded.
    """
    target = standby_of(pair)
    with Load(pooler.load_dsn()) as load:
        with consented(pair, tmp_path, pooler.client()) as (run, plan):

            def die() -> None:
                (way,) = (entry.way for entry in entries_of(run))
                assert way.file.swap(way._staged[2])  # type: ignore[attr-defined]
                raise SystemExit("it dies here")

            once_before(monkeypatch, clients, "point", die)
            with pytest.raises(SystemExit):
                hand_over(run, plan)
            assert wait_for(lambda: writable(pair) == [target])
        with consented(pair, tmp_path, pooler.client(), target=target) as (run, plan):
            assert plan.node == target
            move(run, plan)
            assert pooler.database()["at"] == target and pooler.database()["paused"] == 0
    assert load.missing(pair.dsn) == []


def test_sessions_left_behind_are_ended_but_not_those_of_readers(
    pair: Lab, pooler: Pooler, tmp_path: Path
) -> None:
    standby = pair.node(standby_of(pair))
    at_standby = (
        f"host={standby.host} port={standby.port} user=postgres dbname=postgres "
        f"passfile={pair.passfile}"
    )
    with (
        consented(pair, tmp_path, pooler.client()) as (run, _),
        contextlib.closing(psycopg2.connect(at_standby, application_name="stale")) as stale,
        contextlib.closing(
            psycopg2.connect(pooler.load_dsn().replace("dbname=app", "dbname=app_ro"))
        ) as reader,
    ):
        reader.cursor().execute("select 1")
        assert clients.left_behind(run, standby.name) == 1
        assert "stale" in run.steps[-1].did
        reader.cursor().execute("select 2")
        with pytest.raises(psycopg2.Error):
            stale.cursor().execute("select 3")
        reader.rollback()
        assert clients.left_behind(run, standby.name) == 0


def test_after_a_failover_clients_go_on_although_their_pooler_has_failed_to_connect(
    own_pair: Lab, need: Callable[..., None], tmp_path: Path
) -> None:
    need("pgbouncer", "pgbouncer")
    with (
        pooled(own_pair, "db0", "server_login_retry = 3600") as pooler,
        Load(pooler.load_dsn()) as load,
    ):
        assert wait_for(lambda: load.acknowledged > 10)
        own_pair.kill("db0")
        assert wait_for(lambda: load.refused + load.failed > 0)
        # whoever asks now makes the pooler fail to connect
        with contextlib.suppress(psycopg2.Error):
            psycopg2.connect(pooler.load_dsn(), connect_timeout=2).close()
        path = changed_pair(own_pair, tmp_path, clients=[pooler.client()])
        with running(path, "promote", confirm="promote db1", occasion="failover") as run:
            assert reasons(run) == ""
            plan = gate(run, plan_promotion(run, look(run)))
            hand_over(run, plan)
            before = load.acknowledged
            assert wait_for(lambda: load.acknowledged > before)
        assert pooler.database()["at"] == "db1"
