"""Clients are moved with the primary: real PgBouncer, real commands, and what happens when one of them fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers import clients, follow, gate, hand_over, look, plan_promotion
from pgha_helpers.clients import look_at_clients
from pgha_helpers.lab import Lab, Load
from pgha_helpers.plans import Plan
from pgha_helpers.run import Run

from .bouncers import Pooler, pooled
from .runs import changed_pair, running
from .servers import ask, writable


@pytest.fixture
def pooler(pair: Lab, need: Callable[..., None]) -> Iterator[Pooler]:
    need("pgbouncer", "pgbouncer")
    with pooled(pair, writable(pair)[0]) as made:
        yield made


def other(pair: Lab) -> str:
    return "db1" if writable(pair) == ["db0"] else "db0"


@contextlib.contextmanager
def consented(pair: Lab, folder: Path, *told: dict[str, Any]) -> Iterator[tuple[Run, Plan]]:
    """A switchover whose gate was passed, on a pair with these clients."""
    path = changed_pair(pair, folder, clients=list(told))
    with running(path, "promote", confirm=f"promote {other(pair)}") as run:
        yield run, gate(run, plan_promotion(run, look(run)))


def move(run: Run, plan: Plan) -> None:
    """What the hand-over does for its clients, around a real one."""
    clients.prepare(run, plan)
    clients.pause(run, plan)
    hand_over(run, plan)
    clients.redirect(run, plan)
    follow(run, plan)
    clients.lead_readers(run, plan)


def reasons(run: Run) -> str:
    return "; ".join(why for seen in look_at_clients(run, look(run)) for why in seen.against)


def test_no_transaction_fails_through_a_pooler(pair: Lab, pooler: Pooler, tmp_path: Path) -> None:
    """There and back under load, and the readers follow to the standby."""
    mode, owner = pooler.ini.stat().st_mode, pooler.ini.stat().st_uid
    with Load(pooler.load_dsn()) as load:
        for _ in range(2):
            target = other(pair)
            with consented(pair, tmp_path, pooler.client()) as (run, plan):
                assert reasons(run) == ""
                move(run, plan)
                assert clients.left_behind(run, plan.peer) == 0
            assert pooler.database()["at"] == target and pooler.database()["paused"] == 0
            assert pooler.database("app_ro")["at"] == plan.peer
            assert pooler.ask("select pg_is_in_recovery() as so", "app_ro") == [{"so": True}]
    assert (load.failed, load.refused) == (0, 0)
    assert load.acknowledged > 100 and load.missing(pair.dsn) == []
    assert (pooler.ini.stat().st_mode, pooler.ini.stat().st_uid) == (mode, owner)
    assert ";; app = host=a.comment.only" in pooler.ini.read_text() and "pool_size=20" in pooler.ini.read_text()
    assert ask(pair, target, "select count(*) from pgha.canary") == [(0,)]
    assert [path.name for path in pooler.folder.glob("*.pgha-new")] == []
