"""A node that left the primary's history: rewound where that is safe, and never started where it went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import lab as labs
from pgha_helpers import look, plan_rebuild
from pgha_helpers.lab import Lab
from pgha_helpers.plans import Plan

from .losers import left_behind
from .runs import carry_out, did, running
from .servers import ask, writable

LEAVE_3 = "rebuild db0, leave 3 transactions"


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    ask(own_pair, "db0", "create table t (word text)")
    return own_pair


@pytest.fixture
def pair_15(tmp_path: Path) -> Iterator[Lab]:
    """The same on PostgreSQL 15."""
    programs = Path("/usr/lib/postgresql/15/bin")
    try:
        made = labs.up(tmp_path / "lab15", start="empty", programs=programs)
        carry_out(made, "setup", "setup db1, restart db0")
        ask(made, "db0", "create table t (word text)")
        yield made
    finally:
        labs.down(tmp_path / "lab15", remove=True)


def planned(pair: Lab, **parameters: str) -> Plan:
    with running(pair, "rebuild", **parameters) as run:
        return plan_rebuild(run, look(run))


def see_rewound(pair: Lab, deeds: object) -> None:
    assert "rewound it from db1" in did(deeds)  # type: ignore[arg-type]
    assert writable(pair) == ["db1"]
    ask(pair, "db1", "insert into t values ('after')")
    deadline = time.monotonic() + 10
    while (rows := ask(pair, "db0", "select word from t order by 1")) != [("after",), ("the primary's",)]:
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)
    assert planned(pair).already


def test_a_loser_that_was_stopped_cleanly_is_rewound(pair: Lab) -> None:
    left_behind(pair, crash=False)
    see_rewound(pair, carry_out(pair, "rebuild", LEAVE_3, method="rewind"))


def test_a_crashed_loser_is_recovered_and_rewound_and_what_it_had_is_kept(pair: Lab) -> None:
    left_behind(pair)
    deeds = carry_out(pair, "rebuild", LEAVE_3, method="rewind")
    assert "recover it from its crash" in did(deeds)
    see_rewound(pair, deeds)
    (saved,) = pair.node("db0").data_directory.parent.glob("data.before-rewind-*")
    assert (saved / "pg_control").stat().st_size > 0 and list((saved / "pg_wal").glob("00000001*"))


def test_the_same_on_15(pair_15: Lab) -> None:
    left_behind(pair_15)
    see_rewound(pair_15, carry_out(pair_15, "rebuild", LEAVE_3, method="rewind"))
