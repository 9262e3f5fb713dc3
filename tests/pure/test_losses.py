"""What pg_waldump said of real transactions, on 15 and on 18, and what is made of it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.facts.wal.losses.records import Reader
from pgha_helpers.facts.wal.losses.stretches import earliest, stretches
from pgha_helpers.model import Lsn, Position
from pgha_helpers.model.losses import (
    CSV_HEAD,
    Losses,
    LostTransaction,
    Relation,
    RelationName,
    Rows,
)

SEGMENT = 16 * 1024 * 1024
T = Relation(1663, 5, 16384)
WAL = Path(__file__).with_name("wal")
#: The transactions were the same ones; 18 gave them ids that are 28 higher.
HIGHER = {"15": 0, "18": 28}


def read(version: str, fork: str = "0/0", *more: str) -> tuple[Reader, dict[int, LostTransaction]]:
    """What was committed after the fork, by the id that it has on 15."""
    reader, found = Reader(Lsn.parse(fork), SEGMENT), {}
    for line in [*(WAL / f"{version}.txt").read_text().splitlines(), *more]:
        if lost := reader.read(line):
            found[lost.xid - HIGHER[version]] = lost
    return reader, found


@pytest.mark.parametrize("version", HIGHER)
def test_each_kind_of_change_is_counted(version: str) -> None:
    _, found = read(version)
    assert {xid: lost.rows for xid, lost in found.items()} == {
        728: ((T, Rows(4, 0, 0)),),
        729: ((T, Rows(3, 0, 0)),),  # COPY: one record, three rows
        730: ((T, Rows(0, 1, 0)),),  # in place
        731: ((T, Rows(0, 1, 0)),),  # of its key
        732: ((T, Rows(0, 0, 1)),),
        734: ((T, Rows(2, 0, 0)),),  # of three, one was rolled back to a savepoint
        739: ((T, Rows(2, 0, 0)),),  # prepared, with a subtransaction
        744: (),
        817: ((Relation(1663, 5, 1259), Rows(0, 4, 0)),),  # TRUNCATE
    }


@pytest.mark.parametrize("version", HIGHER)
def test_a_prepared_transaction_is_known_by_its_gid_whatever_that_looks_like(version: str) -> None:
    _, found = read(version)
    assert found[739].gid == "one: two; subxacts: 9"
    assert found[739].subtransactions == (740 + HIGHER[version],)
    assert found[728].gid is None


@pytest.mark.parametrize("version", HIGHER)
def test_what_is_prepared_and_not_decided_is_told_apart(version: str) -> None:
    lines = (WAL / f"{version}.txt").read_text().splitlines()
    reader = Reader(Lsn(0), SEGMENT)
    for line in lines[: next(n for n, line in enumerate(lines) if "RUNNING_XACTS" in line) + 1]:
        reader.read(line)
    (left,) = reader.undecided
    assert (left.gid, left.rows) == ("left", ((T, Rows(1, 0, 0)),))
    assert read(version)[0].undecided == ()


@pytest.mark.parametrize("version", HIGHER)
def test_only_a_commit_after_the_fork_counts_but_all_of_its_rows(version: str) -> None:
    _, all_ = read(version)
    _, found = read(version, str(all_[728].commit))
    assert 728 in found and found[728].rows == all_[728].rows, (
        "its rows lie before the fork, its commit does not"
    )
    _, found = read(version, str(_behind(version, all_[728])))
    assert 728 not in found and len(found) == len(all_) - 1


@pytest.mark.parametrize("version", HIGHER)
def test_a_commit_that_goes_over_the_fork_is_the_losers_own(version: str) -> None:
    """Of a primary that died with half of it sent: 10.19 to 14.1 begin a timeline there."""
    _, all_ = read(version)
    for fork in (all_[728].commit + 1, _behind(version, all_[728]) - 1):
        _, found = read(version, str(Lsn(fork)))
        assert found.keys() == all_.keys()


def _behind(version: str, lost: LostTransaction) -> Lsn:
    """Where its COMMIT ends."""
    reader = Reader(Lsn(0), SEGMENT)
    for line in (WAL / f"{version}.txt").read_text().splitlines():
        reader.read(line)
        if f"lsn: {lost.commit >> 32:X}/{lost.commit & 0xFFFFFFFF:08X}" in line:
            return reader.end
    raise AssertionError(f"no record at {lost.commit}")


@pytest.mark.parametrize("version", HIGHER)
def test_whoever_may_have_begun_before_the_reading_is_not_complete(version: str) -> None:
    """What has an id that was taken by the first RUNNING_XACTS may have written before the first
    line.
    """
    _, found = read(version)
    assert {xid for xid, lost in found.items() if lost.complete} == {744, 817}
    assert "it may have begun before 0/0" in found[728].why_not


@pytest.mark.parametrize("version", HIGHER)
def test_a_truncated_table_is_known_by_the_file_that_its_commit_removes(version: str) -> None:
    reader, found = read(version)
    assert T in found[817].dropped and len(found[817].dropped) == 4
    assert len(reader.created) == 4 and T not in reader.created


@pytest.mark.parametrize("version", HIGHER)
def test_bytes_and_times_are_those_of_the_wal(version: str) -> None:
    _, found = read(version)
    assert found[744].wal == 34 and found[732].wal == 54 + 34
    assert found[728].at.startswith("2026-11-23T09:09:2") and found[728].at.endswith("Z")


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        # the insertion is taken back
        ("DELETE xmax: 900, off: 3, infobits: [], flags: 0x08, ", ()),
        ("DELETE off 3 flags 0x08 KEYS_UPDATED , ", ()),
        ("LOCK xmax: 900, off: 3, infobits: [LOCK_ONLY], flags: 0x00, ", ((T, Rows(1, 0, 0)),)),
        ("INPLACE off: 3, ", ((T, Rows(1, 0, 0)),)),
    ],
)
def test_an_insertion_that_met_a_conflict_is_no_row(line: str, rows: tuple[object, ...]) -> None:
    head = (
        "rmgr: Heap        len (rec/tot):     54/    54, tx:        900, lsn: 0/02000100, "
        "prev 0/020000C0, desc: "
    )
    block = "blkref #0: rel 1663/5/16384 blk 0"
    commit = head.replace("Heap       ", "Transaction") + "COMMIT 2026-11-23 09:09:24.1 UTC"
    _, found = read(
        "15",
        "0/2000000",
        f"{head}INSERT off: 3, flags: 0x04, {block}",
        f"{head}{line}{block}",
        commit,
    )
    assert found[900].rows == rows


def test_where_wal_ends_is_where_pg_waldump_says_that_nothing_follows() -> None:
    """As it did: error in WAL record at 0/19789E0: invalid record length at 0/1978B78."""
    commit = (
        "rmgr: Transaction len (rec/tot):    405/   405, tx:        818, lsn: 0/019789E0, "
        "prev 0/019789A0, desc: "
    )
    switch = (
        "rmgr: XLOG        len (rec/tot):     24/    24, tx:          0, lsn: 0/01978B78, "
        "prev 0/019789E0, desc: "
    )
    reader, _ = read("15", "0/0", f"{commit}COMMIT 2026-11-23 09:09:28.547424 UTC")
    assert reader.end == Lsn.parse("0/1978B78")
    reader.read(f"{switch}SWITCH")
    assert reader.end == Lsn.parse("0/2000000")


def test_older_versions_say_nothing_of_what_is_prepared() -> None:
    head = (
        "rmgr: Transaction len (rec/tot):     54/    54, tx:        900, lsn: 0/02000100, "
        "prev 0/020000C0, desc: "
    )
    reader, _ = read("15", "0/2000000", f"{head}PREPARE")
    assert [(one.xid, one.gid) for one in reader.undecided] == [(900, "")]


def names(*numbers: int, timeline: int = 1) -> list[str]:
    return [f"{timeline:08X}00000000{number:08X}" for number in numbers]


def test_reading_begins_no_earlier_than_the_files_go_back() -> None:
    fork = Position(1, Lsn.parse("0/5000148"))
    assert earliest(fork, names(2, 4, 5, 6), SEGMENT, 10 * SEGMENT) == Lsn.parse("0/4000000")
    assert earliest(fork, names(3, 4, 5, 6), SEGMENT, SEGMENT // 2) == Lsn.parse("0/4000000")
    assert earliest(fork, names(3, 4, 6), SEGMENT, 10 * SEGMENT) == Lsn.parse("0/5000000")


def test_whoever_reads_after_the_fork_can_see_it() -> None:
    fork = Position(1, Lsn.parse("0/5000148"))
    (one,) = stretches(fork, names(4, 5, 6), {}, SEGMENT, Lsn.parse("0/4000028"))
    assert (str(one.start), one.first[-1], one.last[-1]) == ("0/04000028 on timeline 1", "4", "6")
    (one,) = stretches(fork, names(3, 4, 6), {}, SEGMENT, Lsn.parse("0/5000000"))
    assert one.start.lsn > fork.lsn
    assert stretches(fork, names(3, 4), {}, SEGMENT, Lsn.parse("0/5000000")) == ()


def test_a_loser_that_went_on_to_another_timeline_is_read_there_too() -> None:
    fork, left = Position(1, Lsn.parse("0/5000148")), "1\t0/6000200\tno recovery target specified\n"
    have = [*names(4, 5, 6), *names(6, 7, timeline=2)]
    one, two = stretches(fork, have, {2: left}, SEGMENT, Lsn.parse("0/5000000"))
    assert (one.until, one.last) == (Lsn.parse("0/6000200"), names(6)[0])
    assert (two.start, two.first, two.until) == (
        Position(2, Lsn.parse("0/6000200")),
        names(6, timeline=2)[0],
        None,
    )


LOST = LostTransaction(
    755, Lsn.parse("0/5000200"), "2026-11-23T09:09:24.1Z", 2048, ((T, Rows(340, 2, 1)),), (756,)
)
FOUND = Losses(
    "db0",
    Position(1, Lsn.parse("0/5000148")),
    Lsn.parse("0/4000000"),
    Position(1, Lsn.parse("0/5000800")),
    SEGMENT,
    count=1,
    wal=2048,
    first=LOST.at,
    last=LOST.at,
    totals={T: Rows(340, 2, 1)},
    transactions=(LOST,),
    databases={5: "app"},
)


def test_it_is_told_in_one_sentence() -> None:
    assert (
        FOUND.sentence
        == "1 transaction, 343 rows in 1 table, 2 kB of WAL, committed at 2026-11-23T09:09:24.1Z"
    )
    nothing = replace(FOUND, count=0, totals={}, transactions=())
    assert nothing.sentence == "no transaction was committed on db0 after 0/05000148 on timeline 1"
    assert replace(FOUND, unread=("db0: …",)).sentence.startswith("at least 1 transaction")
    assert "not every row" in replace(FOUND, incomplete=1).sentence


def test_what_nobody_can_name_keeps_its_number() -> None:
    assert FOUND.what(LOST) == "1663/5/16384 +340 ~2 -1" and FOUND.database(LOST) == "app"
    assert replace(FOUND, names={T: RelationName("public.t")}).what(LOST) == "public.t +340 ~2 -1"


def test_catalogs_and_toast_are_no_rows_of_tables() -> None:
    lost = replace(
        LOST,
        rows=((Relation(1663, 5, 1259), Rows(1)), (Relation(1663, 5, 16388), Rows(4)), *LOST.rows),
    )
    toast = replace(
        FOUND, names={Relation(1663, 5, 16388): RelationName("pg_toast.pg_toast_16384", "toast")}
    )
    assert toast.what(lost) == "1663/5/16384 +340 ~2 -1; catalogs 1663/5/1259"


def test_the_csv_has_a_line_for_each_table_and_the_bytes_once() -> None:
    lost = replace(LOST, rows=(*LOST.rows, (Relation(1663, 5, 1259), Rows(1))), gid='odd "gid",\n')
    text = (
        ",".join(CSV_HEAD)
        + "\n"
        + FOUND.csv((lost, replace(LOST, xid=757, rows=(), why_not="it may have begun")))
    )
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["gid"], first["table"], first["inserted"], first["wal_bytes"]) == (
        lost.gid,
        str(T),
        "340",
        "2048",
    )
    assert (second["kind"], second["wal_bytes"]) == ("catalog", "")
    assert (third["xid"], third["table"], third["complete"]) == ("757", "", "no")


def test_the_table_shows_the_first_and_says_how_many_more() -> None:
    many = replace(FOUND, count=50, transactions=(LOST,) * 30)
    assert len(many.table().rows) == 21 and "30 more" in str(many)
