"""What would make a bad night of a switchover is refused before it begins, or mended where that was
asked for.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers.model.errors import NotSafe

from .nights import Night
from .servers import ask, writable
from .troubles import carry_on, set_on_both, wait_until_attached

Mend = Callable[[], object]
Trouble = Callable[[Night], Mend]


def _pause_replay(night: Night) -> Mend:
    ask(night.pair, night.target, "select pg_wal_replay_pause()")
    return lambda: ask(night.pair, night.target, "select pg_wal_replay_resume()")


def _delay_replay(night: Night) -> Mend:
    def set_delay(value: str) -> None:
        ask(night.pair, night.target, f"alter system set recovery_min_apply_delay = '{value}'")
        ask(night.pair, night.target, "select pg_reload_conf()")

    set_delay("1h")
    return lambda: set_delay("0")


def _prepare_a_transaction(night: Night) -> Mend:
    set_on_both(night, max_prepared_transactions="5")
    for node in (night.target, night.old):
        carry_on(night, node)
    ask(night.pair, night.old, "create table if not exists undecided (n int)")
    where = night.pair.node(night.old)
    dsn = make_dsn(night.pair.dsn, host=where.host, port=where.port, target_session_attrs="any")
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("insert into undecided values (1)")
        cursor.execute("prepare transaction 'undecided'")
    return lambda: ask(night.pair, night.old, "rollback prepared 'undecided'")


def _raise_max_connections(night: Night) -> Mend:
    def raise_on(node: str) -> None:
        ask(night.pair, node, "alter system set max_connections = 130")
        carry_on(night, node)

    raise_on(night.old)
    return lambda: (raise_on(night.target), ask(night.pair, night.old, "select 1"))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (_pause_replay, "replay is paused"),
        (_delay_replay, "recovery_min_apply_delay is"),
        (_prepare_a_transaction, "undecided"),
        (_raise_max_connections, "max_connections is"),
    ],
)
def test_what_would_make_a_bad_night_is_refused_before_it_begins(
    night: Night, trouble: Trouble, words: str
) -> None:
    mend = trouble(night)
    try:
        with pytest.raises(NotSafe, match=words):
            night.switch_over()
        assert writable(night.pair) == [night.old] and not night.told("deed begun")
    finally:
        mend()
    wait_until_attached(night)
    night.converges()


def test_a_transaction_that_is_idle_is_refused_or_drained(night: Night) -> None:
    """Somebody went home with a transaction open; its session is ended only where that was asked
    for.
    """
    where = night.pair.node(night.old)
    dsn = make_dsn(
        night.pair.dsn,
        host=where.host,
        port=where.port,
        target_session_attrs="any",
        application_name="home",
    )
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        with pytest.raises(NotSafe, match="home"):
            time.sleep(1.2)
            night.switch_over(limits={"long_transaction": "1s"})
        cursor.execute("select 1")
        with night.watched():
            night.switch_over(limits={"long_transaction": "1s"}, drain="500ms")
        with pytest.raises(psycopg2.Error):
            cursor.execute("select 1")
    ended = [
        e["did"]
        for e in night.story.events
        if e["event"] == "deed ended" and "end the session" in e["did"]
    ]
    assert ended and "home" in ended[0]
