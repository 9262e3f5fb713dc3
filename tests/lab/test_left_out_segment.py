"""WAL of servers before 9.3 goes over the segment that each 4 GB leaves out: after 0/FEFFFFFF comes
1/00000000.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import look
from pgha_helpers.changes import plan_rebuild, plan_setup
from pgha_helpers.model import Lsn

from .. import embedded as lab
from ..majors import old_programs
from .cycles import against, switched
from .losers import open_by_hand, start
from .runs import carry_out, did, running
from .servers import ask, stop_cleanly, wait_for, walsender

pytestmark = pytest.mark.usefixtures("has_rsync")
LAST = Lsn.parse("0/FF000000")  # where the last segment that there is of the first 4 GB ends
NEAR, ROW = 400_000, 600  # bytes
COMMITS = 20


@contextlib.contextmanager
def near_its_end(version: str, folder: Path) -> Iterator[lab.Lab]:
    """A pair, set up, whose WAL ends a little before the segment that is left out."""
    try:
        pair = lab.up(folder, start="empty", programs=old_programs(version))
        node = pair.node("db0")
        stop_cleanly(pair, "db0")
        owner = node.home.stat()
        reset = [node.bin_directory / "pg_resetxlog", "-l", "1,0,0xFC", node.data_directory]
        who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        subprocess.run(reset, check=True, cwd=node.home, **(who if not os.geteuid() else {}))  # type: ignore[call-overload]
        start(pair, "db0")
        with running(pair, "setup", method="rsync") as rehearsed:
            consent = plan_setup(rehearsed, look(rehearsed)).consent
        carry_out(pair, "setup", consent, method="rsync")
        ask(pair, "db0", "create table t (word text)")
        while (left := LAST - written(pair)) > NEAR:
            fill(pair, "db0", min(left, 4_000_000) - NEAR // 2)
        assert caught_up(pair)
        yield pair
    finally:
        lab.down(folder, remove=True)


def written(pair: lab.Lab) -> Lsn:
    return Lsn.parse(ask(pair, "db0", "select pg_current_xlog_location()")[0][0])


def fill(pair: lab.Lab, node: str, size: int) -> None:
    rows = f"generate_series(1, {size // ROW})"
    ask(pair, node, f"create temporary table f as select 1 from {rows}")
    ask(pair, node, f"insert into t select repeat('x', {ROW - 100}) from {rows}")


def caught_up(pair: lab.Lab) -> bool:
    at = str(written(pair))
    there = "select pg_last_xlog_replay_location()"
    return wait_for(lambda: Lsn.parse(ask(pair, "db1", there)[0][0]) >= Lsn.parse(at))


def commit(pair: lab.Lab) -> None:
    for number in range(COMMITS):
        ask(pair, "db0", "insert into t values (%s)", f"the last, {number}")


def kept(pair: lab.Lab) -> int:
    count: int = ask(pair, "db1", "select count(*) from t where word like 'the last, %%'")[0][0]
    return count


@pytest.mark.parametrize("version", ["9.0.0", "9.2.24"])
@pytest.mark.parametrize("stands", ["in the segment before", "at the end of that"])
def test_what_only_a_lost_disk_has_behind_it_is_salvaged(
    version: str, stands: str, tmp_path: Path
) -> None:
    """Where the standby stood at the very end, 20 of 20 commits were lost; before it, there was no
    failover.
    """
    with near_its_end(version, tmp_path / "lab") as pair:
        if stands == "at the end of that":
            ask(pair, "db0", "select pg_switch_xlog()")
            assert caught_up(pair) and against(pair) == []
        os.kill(walsender(pair, "db0"), signal.SIGSTOP)
        if stands == "in the segment before":
            fill(pair, "db0", 2 * NEAR)
        commit(pair)
        assert written(pair) > LAST
        pair.kill("db0")
        carry_out(pair, "promote", "promote db1", occasion="failover")
        assert kept(pair) == COMMITS
        assert "copied" not in did(carry_out(pair, "rebuild", "rebuild db0"))
        assert against(pair) == []


def test_switchovers_on_both_sides_of_it_need_no_copy(tmp_path: Path) -> None:
    with near_its_end("9.1.0", tmp_path / "lab") as pair:
        for size in (2 * NEAR, 0):
            fill(pair, "db0", size)
            for _ in ("there", "back"):
                moved = switched(pair)
                assert (moved.lost, moved.overlaps) == (0, 0)
        assert against(pair) == []


def test_what_only_a_loser_has_on_both_sides_of_it_is_kept(tmp_path: Path) -> None:
    """Its WAL was said to lack a file."""
    with near_its_end("9.1.24", tmp_path / "lab") as pair:
        pair.kill("db0")
        carry_out(pair, "promote", "promote db1", occasion="failover")
        open_by_hand(pair, "db0")
        fill(pair, "db0", 2 * NEAR)
        commit(pair)
        pair.kill("db0")
        with running(pair, "rebuild", method="rsync") as run:
            consent = plan_rebuild(run, look(run)).consent
        assert (found := re.fullmatch(r"rebuild db0, leave (\d+) transactions", consent))
        assert int(found[1]) >= COMMITS  # and what the server itself may do
        carry_out(pair, "rebuild", consent, method="rsync")
        names = {path.name for path in (pair.folder / "records").rglob("wal-*")}
        assert {"wal-0000000100000000000000FE", "wal-000000010000000100000000"} <= names
        assert against(pair) == []
