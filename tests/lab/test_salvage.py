"""A crashed primary's last commits: on its disk, and beyond all that the standby has received."""

from __future__ import annotations

import time

import pytest

from pgha_helpers.changes import salvage
from pgha_helpers.changes.deeds import wal_copy
from pgha_helpers.facts.wal import end as wal_end
from pgha_helpers.facts.wal import lost_wal
from pgha_helpers.judgement.plans import failover
from pgha_helpers.model import Lsn
from pgha_helpers.model.errors import CommandFailed, HaError, NotAchieved, NotSafe
from pgha_helpers.model.lost_wal import Piece
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.run.journal import read
from pgha_helpers.wire.doors import Door

from ..embedded import Lab
from .losers import start
from .nights import once_before
from .runs import carry_out, did, running
from .servers import Watch, ask, records, stop_cleanly, writable, write_kilobytes
from .stopped import deaf


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


def fail_over(pair: Lab, **parameters: object) -> str:
    return did(carry_out(pair, "promote", "promote db1", occasion="failover", **parameters))


def test_what_the_standby_never_received_is_brought_over(pair: Lab) -> None:
    ask(pair, "db0", "create table t as select 0 as n")
    time.sleep(0.3)
    with deaf(pair):
        for n in range(1, 21):
            ask(pair, "db0", "insert into t values (%s)", n)
        pair.kill("db0")
        with Watch(pair) as watch:
            deeds = fail_over(pair)
    assert watch.overlaps == 0 and writable(pair) == ["db1"]
    assert "brought over" in deeds
    assert ask(pair, "db1", "select count(*), max(n) from t") == [(21, 20)]
    story = read(list(records(pair))[-1])
    shown = " ".join(story.last("gate shown")["plan"]["told"])
    assert "with 20 commits, made from" in shown and "nothing is lost" in shown
    told = summarise(story)
    assert "with 20 commits" in " ".join(told["account"]), "an auditor reads it in the report"
    assert 0 < told["failover_seconds"] < told["seconds"]
    outage = told["outage"]
    assert outage["at_least"] and outage["over"] and outage["seconds"] > 0, (
        "it was lost at some time before it was seen"
    )
    assert outage["runs"] == [told["run"]]
    proved = [
        e["did"]
        for e in story.events
        if e["event"] == "deed ended" and "nothing that db0 had" in e["did"]
    ]
    assert len(proved) == 1


def test_a_walreceiver_that_is_stuck_is_ended(pair: Lab) -> None:
    """It is stopped itself, and the startup process would wait for it for ever."""
    ask(pair, "db0", "create table t as select 0 as n")
    time.sleep(0.3)
    with deaf(pair, "db1", "walreceiver"):
        ask(pair, "db0", "insert into t values (1)")
        pair.kill("db0")
        deeds = fail_over(pair)
    assert "ended its walreceiver, which hung" in deeds and "brought over" in deeds
    assert ask(pair, "db1", "select count(*) from t") == [(2,)]


def test_a_standby_that_is_64_mb_behind(pair: Lab) -> None:
    """Several segments, of which the standby has none, and what a salvage left that died."""
    ask(pair, "db0", "create table t (n text)")
    time.sleep(0.3)
    left = pair.node("db1").data_directory / "pg_wal" / "pgha-salvage.0"
    left.touch()
    with deaf(pair):
        write_kilobytes(pair, "db0", "t", 60000)
        ask(pair, "db0", "insert into t values ('the last one')")
        pair.kill("db0")
        deeds = fail_over(pair)
    assert "MB of WAL from db0" in deeds
    assert ask(pair, "db1", "select count(*) from t") == [(60001,)]
    assert ask(pair, "db1", "select n from t order by ctid desc limit 1") == [("the last one",)]
    wal = [
        path for path in (pair.node("db1").data_directory / "pg_wal").iterdir() if path.is_file()
    ]
    assert {(path.stat().st_mode & 0o777, path.owner()) for path in wal} == {
        (0o600, wal[0].owner())
    }
    assert not [path for path in wal if "salvage" in path.name]


def test_a_group_that_may_read_the_standby_may_read_what_is_brought_over(pair: Lab) -> None:
    """As initdb --allow-group-access, and a backup program that runs as another user, want it."""
    data = pair.node("db1").data_directory
    stop_cleanly(pair, "db1")
    for path in (data, *data.rglob("*")):
        path.chmod(path.stat().st_mode | (0o050 if path.is_dir() else 0o040))
    start(pair, "db1")
    ask(pair, "db0", "create table t (n text)")
    time.sleep(0.3)
    with deaf(pair):
        write_kilobytes(pair, "db0", "t", 20000)
        pair.kill("db0")
        assert "MB of WAL from db0" in fail_over(pair)
    assert {
        path.stat().st_mode & 0o777 for path in (data / "pg_wal").iterdir() if path.is_file()
    } == {0o640}


def test_bytes_that_did_not_all_arrive_are_noticed(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(pair, "db0", "create table t as select 0 as n")
    time.sleep(0.3)
    with deaf(pair):
        ask(pair, "db0", "insert into t values (1)")
        pair.kill("db0")
        monkeypatch.setattr(wal_copy, "_WRITE", f"head -c 5 | {wal_copy._WRITE.strip()}\n")
        with pytest.raises(NotAchieved, match="was not written whole on db1"):
            fail_over(pair)
        assert writable(pair) == []
        monkeypatch.undo()
        fail_over(pair)
    assert ask(pair, "db1", "select count(*) from t") == [(2,)]


def test_an_account_is_exact_where_what_the_standby_lacks_cannot_be_read(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a delayed standby stands before all WAL that its primary still has: to read it early
    only saves time.
    """

    def gone(*_: object) -> bytes:
        raise NotAchieved("the segment ends after 0 bytes")

    ask(pair, "db0", "create table t as select 0 as n")
    time.sleep(0.3)
    with deaf(pair):
        ask(pair, "db0", "insert into t values (1)")
        pair.kill("db0")
        monkeypatch.setattr(lost_wal, "read_piece", gone)
        fail_over(pair)
    told = " ".join(read(list(records(pair))[-1]).last("gate shown")["plan"]["told"])
    assert "with 1 commit, made" in told and "UNKNOWN" not in told
    assert ask(pair, "db1", "select count(*) from t") == [(2,)]


def test_a_segment_that_turns_up_meanwhile_is_replaced_and_not_filled_by_half(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restartpoint recycles an old file to that very name, while the new one is written piece by
    piece.
    """
    wal, once = pair.node("db1").data_directory / "pg_wal", []
    write = wal_copy._write

    def then(new: Door, piece: Piece, data: bytes, segment: int) -> None:
        write(new, piece, data, segment)
        if (wal / f"pgha-salvage.{piece.part.name}").exists() and not once:
            once.append(piece.part.name)
            new.script('head -c "$2" /dev/zero > "$1"', str(wal / piece.part.name), str(segment))

    monkeypatch.setattr(wal_copy, "_write", then)
    ask(pair, "db0", "create table t (n text)")
    time.sleep(0.3)
    with deaf(pair):
        write_kilobytes(pair, "db0", "t", 60000)
        pair.kill("db0")
        deeds = fail_over(pair)
    assert once and deeds.count("brought over") == 1 and not list(wal.glob("pgha-salvage.*"))
    assert ask(pair, "db1", "select count(*) from t") == [(60000,)]


def test_a_record_that_is_damaged_in_the_middle_is_said(pair: Lab) -> None:
    """A server would take it for the end, and open with less."""
    ask(pair, "db0", "create table t (n int)")
    time.sleep(0.3)
    with deaf(pair):
        ask(pair, "db0", "insert into t values (1)")
        (row,) = ask(
            pair,
            "db0",
            "select pg_walfile_name(pg_current_wal_lsn()), (pg_current_wal_lsn() - '0/0') % (16 * "
            "1024 * 1024)",
        )
        for n in range(2, 200):
            ask(pair, "db0", "insert into t values (%s)", n)
        pair.kill("db0")
        wal = pair.node("db0").data_directory / "pg_wal" / row[0]
        with wal.open("r+b") as file:
            file.seek(int(row[1]) + 40)
            file.write(b"\xff" * 16)
        with pytest.raises(
            NotSafe, match=r"would promote nothing: .* is DAMAGED at .*, and goes on at"
        ) as refused:
            fail_over(pair)
        assert "-p salvage=some" in str(refused.value) and "-p salvage=none" in str(refused.value)
        assert not (pair.node("db0").data_directory / "standby.signal").exists(), (
            "nothing was done yet"
        )
        fail_over(pair, salvage="some")
    assert ask(pair, "db1", "select count(*) from t") == [(1,)]
    assert read(list(records(pair))[-1]).last("damaged WAL")["node"] == "db0"


def test_damage_that_is_found_only_past_the_gate_is_said(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that still had processes when it was shown nobody knew its end."""
    ask(pair, "db0", "create table t (n int)")
    pair.kill("db0")
    monkeypatch.setattr(lost_wal, "whole_records_behind", lambda *_: Lsn(2**40))
    monkeypatch.setattr(failover, "why_not_salvaged", lambda *_: ("", ""))
    with pytest.raises(NotAchieved, match=r"is damaged at .* it goes on at") as failed:
        fail_over(pair)
    assert "-p salvage=some" in str(failed.value) and "-p salvage=none" in str(failed.value)
    assert writable(pair) == []


def test_wal_that_cannot_be_read_is_refused_with_what_to_mount_or_found_out_with_the_way_left(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the gate the consent that was offered could only fail, three times of three."""
    data = pair.node("db0").data_directory
    disk, mnt, wal = data.with_name("the disk"), data.with_name("mnt"), data / "pg_wal"
    ask(pair, "db0", "create table t (n text)")
    time.sleep(0.3)
    with deaf(pair):  # more than the gate reads ahead
        write_kilobytes(pair, "db0", "t", 5000)
        pair.kill("db0")
    mnt.mkdir()

    def unmount() -> None:
        wal.rename(disk)
        wal.symlink_to(mnt)

    def mount() -> None:
        wal.unlink()
        disk.rename(wal)

    unmount()
    with pytest.raises(
        NotSafe, match=rf"would promote nothing: .* leads to {mnt}, which holds no WAL"
    ) as refused:
        fail_over(pair)
    assert "mount that disk" in str(refused.value) and "-p salvage=none" in str(refused.value)
    assert not (data / "standby.signal").exists(), "nothing was done yet"
    mount()
    once_before(monkeypatch, salvage, "_look_for_end", unmount)
    with pytest.raises(HaError) as failed:
        fail_over(pair)
    assert "-p salvage=none" in str(failed.value) and writable(pair) == []
    assert "UNKNOWN" in fail_over_told(pair) and writable(pair) == ["db1"]


def fail_over_told(pair: Lab) -> str:
    """Without a salvage; gives what its gate told."""
    fail_over(pair, salvage="none")
    return " ".join(read(list(records(pair))[-1]).last("gate shown")["plan"]["told"])


def test_nothing_is_salvaged_where_that_was_asked_for(pair: Lab) -> None:
    ask(pair, "db0", "create table t as select 0 as n")
    time.sleep(0.3)
    with deaf(pair):
        ask(pair, "db0", "insert into t values (1)")
        pair.kill("db0")
        deeds = fail_over(pair, salvage="none")
    assert "brought over" not in deeds
    assert ask(pair, "db1", "select count(*) from t") == [(1,)]
    told = " ".join(read(list(records(pair))[-1]).last("gate shown")["plan"]["told"])
    assert "with 1 commit, made" in told and "WILL BE MISSING on db1, because salvage=none" in told


def test_pages_tell_their_addresses_with_and_without_perl(pair: Lab) -> None:
    """A node may have no perl: od says the same, only later."""
    ask(pair, "db0", "create table t as select generate_series(1, 1000) as n")
    with running(pair, "verify") as run:
        door = run.doors["db0"]
        wal = f"{door.node.data_directory}/pg_wal"
        names = [name for name in door.run("ls", "--", wal).text.split() if len(name) == 24]
        words = (wal, min(names), str(3 * 8192), "00000001")
        with_perl = door.script(wal_end._ADDRESSES, *words).text
        without = door.script(wal_end._ADDRESSES.replace("command -v perl", "false"), *words).text
    told, same = (
        [(file, int(at, 16)) for file, at in map(str.split, t.splitlines())]
        for t in (with_perl, without)
    )
    assert told == same and len(told) == 2045 + len(names) - 1


def test_pages_that_cannot_be_read_are_no_sign_of_an_end(pair: Lab) -> None:
    with running(pair, "verify") as run:
        door = run.doors["db0"]
        for script in (wal_end._ADDRESSES, wal_end._ADDRESSES.replace("command -v perl", "false")):
            with pytest.raises(CommandFailed):
                door.script(
                    script, f"{door.node.data_directory}/nowhere", "0" * 24, "0", "00000001"
                )
