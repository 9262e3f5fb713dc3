"""Close looks of the tests: what a pair says, and a setting that holds for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn

from pgha_helpers import HEALTHY, look
from pgha_helpers.judgement.checks import judge
from pgha_helpers.model import Snapshot, Verdict

from ..embedded import Lab
from .runs import running
from .servers import ask, wait_for


def restart(lab: Lab, name: str) -> None:
    node = lab.node(name)
    with running(lab, "verify") as run:
        log = f"{node.home}/state/restart.log"
        run.doors[name].run("mkdir", "-p", f"{node.home}/state")
        run.doors[name].run(
            *(str(node.bin_directory / "pg_ctl"), "restart", "-w", "-s", "-m", "fast"),
            *("-D", str(node.data_directory), "-l", log),
        )


def snapshot(pair: Lab | Path) -> Snapshot:
    with running(pair, "verify") as run:
        return look(run, closely=True)


def closely(pair: Lab | Path) -> tuple[Verdict, ...]:
    """What a close look has against the pair."""
    return judge(HEALTHY, snapshot(pair)).against


def judged_well(pair: Lab | Path) -> bool:
    return all(verdict.level == "warning" for verdict in closely(pair))


def said(pair: Lab | Path, words: str) -> str:
    """The level at which a close look says these words; a sentence with everything that it said
    instead.
    """
    against = closely(pair)
    return next(
        (v.level for v in against if words in v.reason), f"only: {[v.reason for v in against]}"
    )


@contextlib.contextmanager
def session(lab: Lab, node: str, application: str) -> Iterator[Any]:
    """A client's session on one node, in a transaction."""
    where = lab.node(node)
    dsn = make_dsn(
        lab.dsn,
        host=where.host,
        port=where.port,
        target_session_attrs="any",
        application_name=application,
    )
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        yield connection


@contextlib.contextmanager
def setting(lab: Lab, node: str, **values: str) -> Iterator[None]:
    for name, value in values.items():
        ask(lab, node, f"alter system set {name} = %s", value)
    ask(lab, node, "select pg_reload_conf()")
    try:
        yield
    finally:
        for name in values:
            ask(lab, node, f"alter system reset {name}")
        ask(lab, node, "select pg_reload_conf()")


def holds_up_replay(pair: Lab) -> None:
    """A query on the standby, db1, holds up its replay: that is told, before a move and in it."""
    for name in pair.nodes:
        with (pair.node(name).data_directory / "postgresql.conf").open("a") as file:
            file.write("max_standby_streaming_delay = -1\n")
        ask(pair, name, "select pg_reload_conf()")
    ask(pair, "db0", "create table dead as select generate_series(1, 1000) as n")
    words = "a query or a lock on db1 holds up its replay"
    arrived = "select count(*) from pg_class where relname = 'dead'"
    assert wait_for(lambda: ask(pair, "db1", arrived) == [(1,)])
    with session(pair, "db1", "report") as client, client.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read")
        cursor.execute("select count(*) from dead")
        ask(pair, "db0", "delete from dead")
        ask(pair, "db0", "vacuum dead")
        assert wait_for(lambda: said(pair, words) == "critical")
    assert wait_for(lambda: said(pair, words) != "critical")
