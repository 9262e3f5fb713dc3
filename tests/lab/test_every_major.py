"""Every major version: from two servers to a pair, its primary moved there and back, killed under
load, and rebuilt.

Packages of 10 to 14 have initdb, pg_ctl and postgres only; those of later ones have every program.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pgha_helpers import facts, look
from pgha_helpers.facts.control_bytes import control_of
from pgha_helpers.facts.wal.losses.records import Reader
from pgha_helpers.facts.wal.rewinding import _ask_node
from pgha_helpers.model import Lsn

from ..bench.pairs import pair_of
from ..embedded import Lab
from ..majors import MAJORS, old_programs, programs_of
from .converging import PROCEDURES, Told
from .cycles import against, alive, switched, unanswered
from .looks import said, session
from .runs import carry_out, running
from .servers import ask, stop_cleanly, wait_for

_CHECKPOINT = re.compile(r"CHECKPOINT_\w+ redo (\S+); tli (\d+);.* xid (\d+:\d+);")


@pytest.mark.usefixtures("has_rsync")
@pytest.mark.parametrize("version", [*(each.major for each in MAJORS), "19beta3"])
def test_its_whole_life_loses_nothing(
    version: int | str, tmp_path: Path, need: Callable[..., None]
) -> None:
    """The newest is in the folder that PGHA_OLD_POSTGRES names: no package has it yet."""
    known = isinstance(version, int)
    programs = programs_of(version, need) if known else old_programs(str(version))
    with pair_of(tmp_path / "lab", programs) as pair:
        whole = (pair.node("db0").bin_directory / "pg_rewind").exists()
        assert against(pair) == [] and unanswered(pair) == []
        the_control_file_is_read_as_the_server_reads_it(pair)
        for _ in ("there", "back"):
            moved = switched(pair)
            assert (moved.lost, moved.overlaps) == (0, 0) and moved.acknowledged > 100
        for procedure in ("failover", f"rebuild by {'rewind' if whole else 'rsync'}"):
            assert _well(PROCEDURES[procedure](pair, alive)) == []
        if whole:
            wal_is_read_as_pg_waldump_reads_it(pair)


@pytest.mark.usefixtures("has_rsync")
@pytest.mark.parametrize("version", ["9.3.25", "9.4.26", "9.5.25", "9.6.24"])
def test_so_does_that_of_one_that_no_package_has(version: str, tmp_path: Path) -> None:
    """Its programs are in the folder that PGHA_OLD_POSTGRES names."""
    with pair_of(tmp_path / "lab", old_programs(version)) as pair:
        assert against(pair) == []
        for _ in ("there", "back"):
            moved = switched(pair)
            assert (moved.lost, moved.overlaps) == (0, 0) and moved.acknowledged > 100
        for procedure in ("failover", "rebuild by rsync"):
            assert _well(PROCEDURES[procedure](pair, alive)) == []


def test_checksums_that_are_being_enabled_are_no_checksums_yet(tmp_path: Path) -> None:
    """19 enables them while clients work, here for ever: a temporary table is in its way."""
    with (
        pair_of(tmp_path / "lab", old_programs("19beta3")) as pair,
        session(pair, "db0", "app") as app,
    ):
        ask(pair, "db0", "select pg_disable_data_checksums()")
        assert wait_for(lambda: ask(pair, "db1", "show data_checksums") == [("off",)])
        app.cursor().execute("create temporary table own (a int)")
        app.commit()
        ask(pair, "db0", "select pg_enable_data_checksums()")
        assert wait_for(lambda: ask(pair, "db1", "show data_checksums") == [("inprogress-on",)])
        told = "data checksums are being enabled on db0: that begins anew"
        assert said(pair, told) == said(pair, "checksums are both off on db0") == "warning"
        with running(pair, "verify") as run:
            assert not _ask_node(run.doors["db0"]).all("hints")
        carry_out(pair, "promote", "promote db1")
        assert ask(pair, "db1", "show data_checksums") == [("off",)]


def _well(told: Told) -> list[str]:
    return told.faults if told.faults or told.converged else ["it did not converge"]


def the_control_file_is_read_as_the_server_reads_it(pair: Lab) -> None:
    """By its bytes where no program reads it."""
    with running(pair, "verify") as run:
        now = look(run)
    # 19 writes all eight digits of a position's second half
    asked = (
        "checkpoint_lsn - '0/0', redo_lsn - '0/0', timeline_id, system_identifier::text, "
        "bytes_per_wal_segment, min_recovery_end_lsn - '0/0'"
    )
    tables = (
        "pg_control_checkpoint(), pg_control_system(), pg_control_init(), pg_control_recovery()"
    )
    for seen in (now.primary, now.standby):
        assert seen.disk and seen.disk.control
        its = seen.disk.control
        checkpoint = (its.checkpoint.lsn, its.redo, its.checkpoint.timeline)
        rest = (its.system_id, its.segment, its.minimum_recovery)
        assert ask(pair, seen.node, f"select {asked} from {tables}") == [(*checkpoint, *rest)]
        assert its.state in ("in production", "in archive recovery")
        file = pair.node(seen.node).data_directory / "global/pg_control"
        assert control_of(file.read_bytes()) == its


def wal_is_read_as_pg_waldump_reads_it(pair: Lab) -> None:
    """Every transaction, relation and end that the runbook takes from it."""
    for statement in (
        "create table told (a int primary key, b text)",
        "insert into told select g, repeat('x', g) from generate_series(1, 500) g",
        "begin; savepoint a; update told set b = '' where a < 9; release a; commit",
        "begin; delete from told where a = 7; rollback",
        "insert into told values (1) on conflict (a) do update set b = 'z'",
        "create database more",
        "select pg_switch_wal()",
        "drop table told",
    ):
        ask(pair, "db0", statement)
    for name in pair.nodes:
        stop_cleanly(pair, name)
    node = pair.node("db0")
    wal = node.data_directory / "pg_wal"
    newest = max(path.name for path in wal.glob("0*") if len(path.name) == 24)[:8]
    files = sorted(path.name for path in wal.glob(f"{newest}*") if len(path.name) == 24)
    asked = ["-p", str(wal), "-t", str(int(newest, 16)), files[0], files[-1]]
    theirs = _read([str(node.bin_directory / "pg_waldump"), *asked])
    program = Path(facts.__file__).with_name("wal") / "waldump.pl"
    ours = _read(["perl", str(program), *asked])
    assert theirs == ours and len(theirs[0]) > 5


def _read(command: list[str]) -> tuple[object, ...]:
    environment = {**os.environ, "TZ": "UTC"}
    told = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    reader = Reader(Lsn(0), 2**24)
    found = [reader.read(line) for line in told.splitlines()]
    lost = [one for one in found if one]
    checkpoints = [(Lsn.parse(redo), *rest) for redo, *rest in _CHECKPOINT.findall(told)]
    return lost, checkpoints, reader.end, reader.created, reader.databases, reader.bound, len(found)
