"""Nothing that an ordinary role may have written is executed with more rights than its own, and
nothing of what lies in the working directory is imported: all of it is planted, and every notebook
is run there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import canary_client, look, plan_promotion
from pgha_helpers.clients.canary.client import Errand, WritingClient
from pgha_helpers.clients.canary.road import road_of
from pgha_helpers.clients.canary.table import read_road_end
from pgha_helpers.model.conninfo import pinned
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.wire.sql import Session

from ..embedded import Lab, LabError
from ..embedded.places import Places, find_places
from ..embedded.users import ServerUser
from ..pure.pair_files import GOOD, written
from .losers import left_behind
from .runs import carry_out, changed_pair, did, running
from .servers import ask, records

_PLANTS = Path(__file__).with_name("planted.sql").read_text()
_CALLED = re.compile(r"PLANTED .* as \S+ in a session of \S+ called .*")

#: What promote's canary writes into, as mallory likes it. Her trigger is called as whoever writes.
_CANARY = """
create schema pgha;
create table pgha.canary (run text, seq bigint, at timestamptz default clock_timestamp(),
                          primary key (run, seq));
create function pgha.sing() returns trigger language plpgsql as
$$ begin perform evil.trap('trigger'); return new; end $$;
create trigger sing before insert or delete on pgha.canary
  for each row execute function pgha.sing();
grant usage on schema pgha to public;
grant all on pgha.canary to public;
"""


def as_role(pair: Lab, role: str, database: str, *statements: str) -> None:
    """As a role with a password of its name; the superuser without one. Nothing planted is stepped
    on.
    """
    node = pair.node("db0")
    who = {} if role == "postgres" else {"user": role, "password": f"{role}'s own"}
    dsn = make_dsn(
        pair.dsn, host=node.host, port=node.port, dbname=database, options=pinned(), **who
    )
    with contextlib.closing(
        psycopg2.connect(make_dsn(dsn, target_session_attrs="any"))
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture
def mined(empty: Lab, tmp_path: Path) -> Iterator[Path]:
    """The pair file of a pair whose database belongs to mallory; in the other one she may only use
    schema public.
    """
    roles = (
        "create role mallory login password 'mallory''s own'",
        "create role shop login password 'shop''s own'",
    )
    as_role(empty, "postgres", "postgres", *roles, "create database app owner mallory")
    as_role(empty, "postgres", "postgres", "grant create on schema public to public")  # as up to 14
    as_role(empty, "mallory", "postgres", _PLANTS.replace("SCHEMA", "public"))
    as_role(
        empty, "mallory", "app", "create schema evil", _PLANTS.replace("SCHEMA", "evil"), _CANARY
    )
    as_role(
        empty,
        "mallory",
        "app",
        "create unlogged table evil.notes as select 1 as n",
        "grant all on schema evil to public",
    )
    as_role(
        empty, "mallory", "app", "alter database app set search_path = evil, pg_catalog, public"
    )
    as_role(empty, "mallory", "app", "alter database app set role = mallory")
    passfile = tmp_path / "shop"
    passfile.write_text("*:*:*:shop:shop's own\n")
    passfile.chmod(0o600)
    hosts = {
        key: ",".join(str(getattr(n, key)) for n in empty.nodes.values())
        for key in ("host", "port")
    }
    dsn = make_dsn(**hosts, dbname="app", user="shop", target_session_attrs="read-write")
    shop = {"name": "shop", "kind": "libpq", "dsn": dsn, "passfile": str(passfile)}
    yield changed_pair(empty, tmp_path, database="app", clients=[shop])


def called(pair: Lab) -> list[str]:
    """What of the planted things was called, by both servers' logs."""
    logs = [path for node in pair.nodes.values() for path in node.home.rglob("*.log")]
    assert logs, "PostgreSQL wrote no log that could tell"
    return [line for log in logs for line in _CALLED.findall(log.read_text("utf-8", "replace"))]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a module for each that Python could be after, and what its programs read where
    they are started.

    A module leaves a file that tells its name, and is of no use.
    """
    folder = tmp_path / "here"
    folder.mkdir()
    ours = (
        *sys.stdlib_module_names,
        *(name for name, _ in _installed()),
        "sitecustomize",
        "usercustomize",
    )
    for name in {*ours, "ipykernel_launcher", "jupyterlab", "pgha_helpers"}:
        (folder / f"{name}.py").write_text("open(__file__ + '.called', 'w').close()\n")
    for template in ("basic", "classic", "base"):
        (folder / template).mkdir()
        (folder / template / "conf.json").write_text("no configuration")
        (folder / template / "index.html.j2").write_text("planted")
    (folder / "matplotlibrc").write_text("figure.facecolor: black\n")
    return folder


def _installed() -> Iterable[tuple[str, object]]:
    return metadata.packages_distributions().items()


def run(here: Path, notebook: str, pair: Path, *parameters: str) -> tuple[int, str]:
    """`pgha run` as a user would, in a folder where somebody was before; its exit code, and what it
    said.
    """
    command = [str(Path(sys.executable).with_name("pgha")), "run", notebook, str(pair)]
    command += [word for p in parameters for word in ("-p", p)]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def imported(here: Path) -> list[str]:
    return [path.name for path in here.rglob("*.called")]


def test_nothing_that_was_planted_is_called_by_any_notebook(
    empty: Lab, mined: Path, here: Path, tmp_path: Path
) -> None:
    code, said = run(here, "setup", mined, "primary=db0", "confirm=setup db1")
    assert code == 0, said
    code, said = run(here, "verify", mined, "sample_seconds=0")
    verdicts = (list(records(empty))[-1] / "record.json").read_text()
    assert (
        code == 2 and "evil.notes" in verdicts and "schema pgha belongs to mallory" in verdicts
    ), said
    words = (
        "pgha.canary in database app is not as pgha makes it: schema pgha belongs to "
        "mallory; .*trigger sing"
    )
    with running(mined, "promote", canary=True) as ours, pytest.raises(NotSafe, match=words):
        canary_client(ours, plan_promotion(ours, look(ours)))
    as_role(empty, "postgres", "app", "drop schema pgha cascade")
    code, said = run(here, "promote", mined, "canary=true", "confirm=promote db1")
    assert code == 0, said
    ask(empty, "db1", "create table t (words text)")
    left_behind(empty, "db1")
    code, said = run(
        here, "rebuild", mined, "node=db1", "confirm=rebuild db1, leave 3 transactions"
    )
    assert code == 0, said
    with running(changed_pair(empty, tmp_path, database="app"), "verify") as ours:
        hosts = road_of(ours.pair).hosts
    told: list[dict[str, Any]] = []
    WritingClient(Errand("own", hosts, rows=2)).write(threading.Event(), told.append)
    assert [line["code"] for line in told] == ["ok", "ok"], told
    assert read_road_end(Session("own", hosts[0], 1, 1)).user == "pgha_canary"
    assert called(empty) == [] and imported(here) == []
    assert ask(
        empty, "db0", "select rolsuper from pg_catalog.pg_roles where rolname = 'mallory'"
    ) == [(False,)]


def test_the_oddest_names_work(empty: Lab, tmp_path: Path) -> None:
    """A `%` in a statement with parameters, a quote in pg_hba.conf: the role was made, and never
    found again.
    """
    role, database = 're%spl"100%', 'a "b%(c)s'
    as_role(empty, "postgres", "postgres", "create database " + '"a ""b%(c)s"')
    for passfile in (
        empty.folder / "pgpass",
        *(node.home / "pgpass" for node in empty.nodes.values()),
    ):
        passfile.write_text(passfile.read_text() + f"*:*:*:{role}:odd too\n")
    path = changed_pair(empty, tmp_path, replication_user=role, database=database)
    carry_out(path, "setup", "setup db1", primary="db0")
    ask(empty, "db0", "create table t (words text)")
    left_behind(empty)
    assert "rewound" in did(
        carry_out(path, "rebuild", "rebuild db0, leave 3 transactions", method="rewind")
    )


def test_jupyterlab_imports_nothing_from_where_it_is_opened(here: Path, tmp_path: Path) -> None:
    pair = written(tmp_path, {**GOOD, "records": str(tmp_path / "records")})
    command = [
        str(Path(sys.executable).with_name("pgha")),
        "open",
        "verify",
        str(pair),
        "--no-browser",
    ]
    with subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as lab:
        assert lab.stdout is not None
        said = []
        for line in lab.stdout:
            said.append(line)
            if "/lab?token=" in line or "/lab/tree/" in line:
                lab.send_signal(signal.SIGINT)
                break
        said += lab.stdout.readlines()
    assert lab.returncode == 0, "".join(said)
    assert "Nothing was run" in said[-1]
    assert imported(here) == []


def places(folder: Path) -> Places:
    folder.mkdir(exist_ok=True)
    me = ServerUser("me", os.geteuid(), os.getegid(), switch=False)
    return Places(folder, folder.with_name("home"), me)


def test_a_lab_lives_where_nobody_else_can_write(tmp_path: Path) -> None:
    """Root's servers live below /var/tmp, where anybody may have made their home before."""
    made, elsewhere = places(tmp_path / "lab"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    made.home.symlink_to(elsewhere)
    with pytest.raises(LabError, match="was not made by this lab"):
        made.prepare()
    made.home.unlink()
    made.home.mkdir()
    made.home.chmod(0o777)
    made.prepare()
    assert made.home.stat().st_mode & 0o777 == 0o700
    made.node("db0").state.rmdir()
    made.node("db0").home.rmdir()
    made.node("db0").home.symlink_to(elsewhere)
    with pytest.raises(LabError, match="db0 was not made by this lab"):
        made.prepare()
    assert not list(elsewhere.iterdir())
    if os.geteuid() == 0:
        made.node("db0").home.unlink()
        made.node("db0").home.mkdir()
        os.chown(made.node("db0").home, 12345, 12345)
        with pytest.raises(LabError, match="db0 was not made by this lab"):
            made.prepare()
        os.chown(made.home, 12345, 12345)
        assert not made.carries_marker(), "what lies there is not deleted either"
    made.folder.chmod(0o777)
    with pytest.raises(LabError, match="everybody may write in"):
        find_places(made.folder)
