"""Copies by rsync: how one is made, what is the same afterwards, and how one is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from pgha_helpers import look
from pgha_helpers.changes.deeds import rsync, servers
from pgha_helpers.changes.deeds.rsync import pages
from pgha_helpers.changes.deeds.slots import wait_until_free
from pgha_helpers.changes.deeds.swapping import swap
from pgha_helpers.facts import until
from pgha_helpers.facts.copying import read_copying
from pgha_helpers.judgement.checks import AFTER
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model import Blank
from pgha_helpers.run.run import Run

from ..embedded import Lab
from .losers import open_by_hand
from .runs import running
from .servers import ask, wait_for

PERMIT = Plan("rebuild", "db1", "db0", "rsync")


def make_tablespace(pair: Lab, name: str, where: Path, rows: int = 1000) -> None:
    """A table of this name in a tablespace of this name, on db0."""
    owner = pair.node("db0").home.stat()
    where.mkdir(mode=0o700, exist_ok=True)
    os.chown(where, owner.st_uid, owner.st_gid)
    ask(pair, "db0", f"create tablespace {name} location '{where}'")
    ask(
        pair,
        "db0",
        f"create table {name} tablespace {name} as select generate_series(1, {rows}) as n",
    )


def rebuilt(run: Run, name: str = "db1", beside: bool = False) -> None:
    """What a rebuild by rsync does past its gate."""
    run.gate.permit = PERMIT
    run.lock.take()
    now = look(run)
    source = now.primary
    servers.stop(run, name, "a test")
    wait_until_free(run, source.node, name)
    if beside:
        swap(run, name, rsync.copy_beside(run, name, source, read_copying(run, name, source)))
    else:
        rsync.copy_in_place(run, name, source)
    servers.start(run, name)
    until(run, *AFTER, within=run.timeouts.attach)


def rows(pair: Lab, node: str) -> list[tuple[object, ...]]:
    return ask(pair, node, "select count(*), sum(hashtextextended(t::text, 0)) from t")


def same_rows(pair: Lab) -> None:
    """Every row of the primary is the standby's, and no other."""
    same = wait_for(lambda: rows(pair, "db0") == rows(pair, "db1"), within=10)
    assert same, (rows(pair, "db0"), rows(pair, "db1"))
    assert ask(pair, "db1", "select pg_is_in_recovery()") == [(True,)]


def diverge(pair: Lab, node: str = "db1") -> None:
    """Open the standby by hand, write to it, and kill it: its WAL goes beyond the fork."""
    pair.kill(node)
    open_by_hand(pair, node)
    ask(pair, node, "create table only_here as select generate_series(1, 1000) as n")
    ask(pair, node, "update t set words = 'wrong' where n % 7 = 0")
    ask(pair, node, "checkpoint")
    pair.kill(node)


def as_owner(pair: Lab, *command: object) -> None:
    user = pair.node("db0").data_directory.stat().st_uid
    options = {"user": user, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(
        [str(word) for word in command], check=True, cwd=pair.node("db0").home, **options
    )


def kill_rsync(data: Path) -> None:
    """Kill -9 one of the processes of the first rsync that works in this directory."""
    wait_for(lambda: any(map(_kill, _rsyncs(data))), within=30)


def _rsyncs(data: Path) -> Iterator[int]:
    for proc in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if (proc / "comm").read_text() == "rsync\n" and (proc / "cwd").readlink() == data:
                yield int(proc.name)


def _kill(pid: int) -> bool:
    """Whether it was still there, a moment later."""
    time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def interrupt(*_: object) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def begun(data: Path, at: str) -> bool:
    """Whether a copy has come as far as `rsync`, or as the comparison of `pages`."""
    if at == "pages":
        return (data / f"{pages.PAGES_LIST}.done").exists() and (
            data / pages.PAGES_LIST
        ).stat().st_size > 0
    return any(path.stat().st_size for path in (data / "base").glob("*big*"))


def churn(pair: Lab, done: Event, n: int) -> None:
    """Let files of db0 grow, change and vanish until it is done; `n` names whose they are."""
    ask(pair, "db0", f"create table churn{n} (n int, words text)")
    while not done.is_set():
        ask(pair, "db0", f"create table gone{n} as select 1 as n")
        ask(
            pair,
            "db0",
            f"insert into churn{n} select n, repeat('x', n) from generate_series(1, 200) as n",
        )
        ask(pair, "db0", f"update t set words = words || '{n}' where n % 1000 = {n}")
        ask(pair, "db0", f"drop table gone{n}; checkpoint" if n else f"drop table gone{n}")


def see_half(pair: Lab) -> None:
    """See that what is on db1 cannot be started, and is seen as no cluster."""
    assert not (pair.node("db1").data_directory / "global" / "pg_control").exists()
    with running(pair, "rebuild") as run:
        assert isinstance(look(run)["db1"], Blank)
