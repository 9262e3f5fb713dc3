"""What a loser had: real transactions on a primary that is beyond the fork, and the list of
them.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers.changes.deeds import losses as keeping
from pgha_helpers.changes.deeds.losses import keep_list, keep_wal
from pgha_helpers.changes.keep_diverged import keeping_beside
from pgha_helpers.facts.wal.losses import losses, reading
from pgha_helpers.model import Lsn, Position
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.losses import Losses, LostTransaction
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.records.reading.verification import verify
from pgha_helpers.run.events import DIVERGED_KEPT
from pgha_helpers.run.journal import read

from .. import embedded as labs
from ..embedded import Lab
from .losers import open_by_hand, start
from .runs import carry_out, running
from .servers import ask

SEGMENT = 16 * 1024 * 1024
DEBIAN = Path("/usr/lib/postgresql/15/bin")
TOASTED = "(select string_agg(md5(g::text), '') from generate_series(1, 3000) g)"


BOTH = pytest.mark.parametrize("pair", ["embedded", "15"], indirect=True)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, need: Callable[..., None]
) -> Iterator[Lab]:
    """A pair with tables that are there at the fork, and prepared transactions; of Debian's 15
    where that is asked.
    """
    old = getattr(request, "param", "") == "15"
    if old:
        need(str(DEBIAN / "postgres"), "postgresql-15")
    programs = {"programs": DEBIAN} if old else {}
    try:
        made = labs.up(tmp_path / "lab", start="empty", **programs)
        ask(made, "db0", "alter system set max_prepared_transactions = 10")
        labs.down(made.folder)
        labs.up(made.folder)
        carry_out(made, "setup", "setup db1, restart db0" if programs else "setup db1")
        ask(made, "db0", "create table t (n int primary key, x text)")
        ask(made, "db0", "insert into t select g, 'old' from generate_series(1, 100) g")
        ask(made, "db0", "create table emptied (n int)")
        ask(made, "db0", "create database other")
        hand = Hand(made)
        hand("set allow_in_place_tablespaces = on", "create tablespace aside location ''")
        hand("create table far (n int) tablespace aside", "insert into far values (1)")
        yield made
    finally:
        labs.down(tmp_path / "lab", remove=True)


class Hand:
    """A session on db0 of somebody who knows of no pair."""

    def __init__(self, pair: Lab, database: str = "postgres") -> None:
        node = pair.node("db0")
        dsn = make_dsn(
            pair.dsn, host=node.host, port=node.port, dbname=database, target_session_attrs="any"
        )
        self._connection = psycopg2.connect(dsn)
        self._connection.autocommit = True

    def __call__(self, *statements: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def began(self, *statements: str) -> int:
        """Do this in a transaction that stays open; gives its id."""
        return int(self("begin", *statements, "select txid_current()")[0][0])

    def committed(self, *statements: str) -> int:
        """Do this in one transaction; gives its id."""
        xid = self.began(*statements)
        self("commit")
        return xid


def wal_of(pair: Lab, node: str = "db0") -> Path:
    return pair.node(node).data_directory / "pg_wal"


def fork_of(pair: Lab) -> Position:
    """Where db1 left timeline 1."""
    return Position(1, Lsn.parse((wal_of(pair, "db1") / "00000002.history").read_text().split()[1]))


def listed(pair: Lab) -> tuple[Losses, dict[int, LostTransaction]]:
    """What is listed for db0, and the same by transaction id."""
    with running(pair, "rebuild") as run:
        found = losses(run, "db0", fork_of(pair), SEGMENT)
    return found, {lost.xid: lost for lost in found.transactions}


def write_much(pair: Lab) -> dict[str, int]:
    """Transactions of every kind on db0; gives the ids of those that commit."""
    hand, other, ids = Hand(pair), Hand(pair, "other"), {}
    ids["inserts"] = hand.committed(
        "insert into t values (1001, 'a')",
        "insert into t select g, 'b' from generate_series(2000, 2009) g",
    )
    ids["changes"] = hand.committed(
        "update t set x = 'u' where n <= 3", "delete from t where n = 4"
    )
    ids["savepoints"] = hand.committed(
        "insert into t values (3001, 'kept')",
        *("savepoint a", "insert into t values (3002, 'gone')", "rollback to a", "release a"),
        *("savepoint b", "insert into t values (3003, 'kept')", "release b"),
    )
    hand("begin", "insert into t values (4001, 'gone')", "rollback")
    ids["prepared"] = hand.began(
        "insert into t values (5001, 'x')", "savepoint s", "delete from t where n = 5"
    )
    hand("prepare transaction 'one: two; subxacts: 9'", "commit prepared 'one: two; subxacts: 9'")
    hand(
        "begin",
        "insert into t values (5002, 'x')",
        "prepare transaction 'gone'",
        "rollback prepared 'gone'",
    )
    ids["copy"] = hand.committed("copy t from program 'printf \"6001\\ta\\n6002\\tb\\n\"'")
    ids["conflicts"] = hand.committed(
        "insert into t values (1, 'z') on conflict (n) do update set x = 'z'"
    )
    ids["new table"] = hand.committed(
        "create table only_here (n int)", "insert into only_here values (1), (2)"
    )
    ids["truncate"] = hand.committed("truncate emptied")
    ids["tablespace"] = hand.committed(
        "insert into far values (2)", "savepoint a", "update far set n = 3 where n = 1"
    )
    ids["dropped"] = hand.committed("drop table far")
    ids["toast"] = hand.committed(f"insert into t values (7001, {TOASTED})")
    ids["elsewhere"] = other.committed("create table o (n int)", "insert into o values (1)")
    ids["empty"] = hand.committed()
    hand("begin", "insert into t values (5003, 'x')", "prepare transaction 'left'")
    return ids


@BOTH
def test_it_lists_what_was_committed_after_the_fork_and_nothing_else(pair: Lab) -> None:
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    open_by_hand(pair, "db0")
    # may well have the file that db0's next table has
    ask(pair, "db1", "create table not_here (n int)")
    ids = write_much(pair)
    pair.kill("db0")
    found, by_xid = listed(pair)
    did = {name: found.what(by_xid[xid]) for name, xid in ids.items()}
    assert did.pop("new table").startswith("1663/") and "+2" in found.what(by_xid[ids["new table"]])
    assert (
        "pg_class" in did.pop("elsewhere") and found.database(by_xid[ids["elsewhere"]]) == "other"
    )
    assert "pg_class" in did["dropped"] and did.pop("dropped").endswith(
        "public.far truncated, dropped or rewritten"
    )
    assert did == {
        "tablespace": "public.far +1 ~1",
        "inserts": "public.t +11",
        "changes": "public.t ~3 -1",
        "savepoints": "public.t +2",
        "prepared": "public.t +1 -1",
        "copy": "public.t +2",
        "conflicts": "public.t ~1",
        "truncate": "catalogs pg_class; public.emptied truncated, dropped or rewritten",
        "toast": "public.t +1",
        "empty": "nothing but its commit",
    }
    assert set(ids.values()) <= by_xid.keys() and not found.unread and not found.incomplete
    others = {found.what(lost) for xid, lost in by_xid.items() if xid not in ids.values()}
    assert all(what.startswith("catalogs") for what in others), "autovacuum may have committed, too"
    assert by_xid[ids["prepared"]].gid == "one: two; subxacts: 9"
    assert [one.gid for one in found.undecided] == ["left"]
    assert (
        "28 rows in 4 tables" in found.sentence
        and "1 prepared transaction left undecided" in found.sentence
    )
    assert found.count == len(by_xid) and found.end > found.fork


@BOTH
def test_a_loser_that_runs_names_its_own_tables_and_one_begun_before_the_fork_is_whole(
    pair: Lab,
) -> None:
    """db1 is promoted by hand while db0 goes on; what db0 had begun by then may lie some files
    back.
    """
    ask(pair, "db0", "checkpoint")
    early, hand = Hand(pair), Hand(pair)
    long = early.began("insert into t values (1001, 'before the fork')")
    for n in range(3):
        hand("select pg_switch_wal()", f"insert into t values ({2000 + n}, 'replicated')")
    ask(pair, "db1", "select pg_promote()")
    early("insert into t values (1002, 'after it')", "commit")
    made = hand.committed("create table only_here (n int)", "insert into only_here values (1), (2)")
    found, by_xid = listed(pair)
    assert by_xid[long].complete and found.what(by_xid[long]) == "public.t +2"
    assert found.what(by_xid[made]).startswith("public.only_here +2")
    assert not found.unread and found.count == len(by_xid)
    forked = reading.segment_name(found.fork, SEGMENT)
    pair.kill("db0")
    for path in [p for p in wal_of(pair).glob("00000001*") if p.name < forked]:
        path.rename(path.with_name(path.name + ".away"))
    (lost,) = [lost for lost in listed(pair)[0].transactions if lost.xid == long]
    assert "it may have begun before" in lost.why_not


def test_wal_that_is_gone_or_spoilt_is_said(pair: Lab) -> None:
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    nothing, _ = listed(pair)
    assert nothing.count == 0 and not nothing.unread, (
        "a primary that was killed, and has replicated all"
    )
    open_by_hand(pair, "db0")
    hand = Hand(pair)
    for n in range(400):
        hand(f"insert into t values ({10000 + n}, '{'x' * 100}')")
    pair.kill("db0")
    whole, _ = listed(pair)
    spoilt = wal_of(pair) / reading.segment_name(whole.fork, SEGMENT)
    at = int(whole.transactions[200].commit) % SEGMENT
    with spoilt.open("r+b") as file:
        file.seek(at + 4)
        right = file.read(8)
        file.seek(at + 4)
        file.write(b"rubbish!")
    found, _ = listed(pair)
    assert (
        found.count == 200
        and f"cannot be read at {whole.transactions[200].commit}" in found.unread[0]
    )
    with spoilt.open("r+b") as file:
        file.seek(at + 4)
        file.write(right)
    spoilt.rename(wal_of(pair) / "away")
    found, _ = listed(pair)
    assert f"has no {spoilt.name} any more" in found.unread[0]
    with running(pair, "rebuild") as run, pytest.raises(NotSafe, match="lacks 1 file of its WAL"):
        keep_wal(run, whole)


def test_a_loser_that_was_promoted_itself_is_read_over_both_timelines(pair: Lab) -> None:
    """To the same number as the other node: only the histories differ."""
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    open_by_hand(pair, "db0")
    first = Hand(pair).committed("insert into t values (1001, 'on timeline 1')")
    pair.kill("db0")
    (pair.node("db0").data_directory / "standby.signal").touch()
    (pair.node("db0").data_directory / "postmaster.pid").unlink(missing_ok=True)
    options = "-c primary_conninfo='' -c allow_in_place_tablespaces=on"
    start(pair, "db0", "-o", options)
    ask(pair, "db0", "select pg_promote()")
    second = Hand(pair).committed("insert into t values (1002, 'on timeline 2')")
    pair.kill("db0")
    found, by_xid = listed(pair)
    assert {first, second} <= by_xid.keys() and not found.unread and found.end.timeline == 2
    with running(pair, "rebuild") as run:
        names = keep_wal(run, found)
    assert {name[4:12] for name in names} == {
        "00000001",
        "00000002",
    } and "wal-00000002.history" in names


def test_what_is_brought_beside_is_given_up_with_what_needed_it(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt does not wait for gigabytes of WAL, and nothing comes into a record that has
    ended.
    """
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    open_by_hand(pair, "db0")
    Hand(pair)("insert into t values (10000, 'x')")
    pair.kill("db0")

    def slowly(*_: object) -> Iterator[tuple[bytes, bytes]]:
        for _ in range(6000):
            time.sleep(0.01)
            yield b"", b""

    monkeypatch.setattr(keeping, "_pieces", slowly)
    with running(pair, "rebuild") as run:
        run.seen.losses = losses(run, "db0", fork_of(pair), SEGMENT)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt), keeping_beside(run, "db0", overwritten=True):
            while not list(run.folder.glob(".wal-*")):
                assert time.monotonic() < began + 30, "nothing has come"
                time.sleep(0.01)
            raise KeyboardInterrupt
        assert time.monotonic() < began + 40
        run.end("abandoned")
    events = read(run.folder).events
    kept = [event["file"] for event in events if event["event"] == DIVERGED_KEPT]
    assert kept == ["diverged.csv"]
    assert events[-1]["event"] == "run ended"


def test_the_wal_and_the_list_are_kept_in_a_record_that_verifies(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    open_by_hand(pair, "db0")
    hand = Hand(pair)
    for n in range(20):
        hand(f"insert into t values ({10000 + n}, 'x')")
    hand("select pg_switch_wal()", "insert into t values (20000, 'x')")
    pair.kill("db0")
    monkeypatch.setattr(reading, "LISTED", 5)
    with running(pair, "rebuild") as run:
        found = losses(run, "db0", fork_of(pair), SEGMENT)
        assert (found.count, len(found.transactions)) == (21, 5) and "16 more" in str(found)
        names = keep_wal(run, found)
        assert keep_wal(run, found) == names
        keep_list(run, found)
        run.end("done")
    assert len(names) == 2
    for name in names:
        assert _digest(run.folder / name) == _digest(wal_of(pair) / name.removeprefix("wal-"))
        assert (run.folder / name).stat().st_mode & 0o777 == 0o600
    assert complete_all(run.pair) == []
    verified = verify(run.pair)
    assert verified.findings == [], str(verified)
    rows = list(csv.DictReader((run.folder / "diverged.csv").read_text().splitlines()))
    assert [row["table"] for row in rows if row["kind"] == "table"] == ["public.t"] * 21
    with contextlib.suppress(FileNotFoundError):
        assert not list(run.folder.with_name(f"{run.folder.name}.others").iterdir())
    with (run.folder / names[0]).open("r+b") as file:
        file.write(b"!")
    assert any(f"{names[0]} was changed" in finding.what for finding in verify(run.pair).findings)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
