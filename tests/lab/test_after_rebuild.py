"""What comes after a rebuild: the log is read, leftovers are shown, and nothing goes without
consent.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers import AFTER, left_over, look, plan_rebuild
from pgha_helpers.facts import unarchived, until
from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.model.errors import NotAchieved, NotConfirmed, NotSafe

from .. import embedded as labs
from ..embedded import Lab
from ..embedded.errors import LabError
from .runs import carry_out, did, running
from .servers import ask, wait_for, wait_for_answer


def started_by_hand(pair: Lab, node: str, peer: str) -> str:
    """Start what is stopped, wait for the pair to be whole, and give what the failure says. It
    fails early.
    """
    with running(pair, "rebuild") as run:
        log = ServerLog(run.doors[node], peer)
        with contextlib.suppress(LabError):  # one that ends at once is what some tests want
            labs.up(pair.folder)
        began = time.monotonic()
        with pytest.raises(NotAchieved) as failure:
            until(run, *AFTER, within=30, log=log)
        assert time.monotonic() - began < 10, "it did not wait for what waiting does not heal"
    return str(failure.value)


def test_a_missing_slot_is_told_from_the_log(pair: Lab) -> None:
    pair.kill("db1")
    _drop(pair, "db0", "pgha_db1")
    told = started_by_hand(pair, "db1", "db0")
    assert 'replication slot "pgha_db1" does not exist' in told and "it makes the slot" in told
    carry_out(pair, "rebuild", "rebuild db1")  # the remedy


def test_a_forked_node_started_as_a_standby_is_told_early(own_pair: Lab) -> None:
    pair = own_pair
    ask(pair, "db1", "select pg_promote()")
    ask(pair, "db0", "create table only_on_db0 (n int)")
    pair.kill("db0")
    ask(pair, "db1", "select pg_create_physical_replication_slot('pgha_db0', true)")
    _make_a_standby(pair, "db0", "db1")
    told = started_by_hand(pair, "db0", "db1")
    assert "forked off current database system timeline 1 before current recovery point" in told
    assert "method=clone" in told


@pytest.mark.parametrize("collector", [False, True], ids=["by pg_ctl", "by the collector"])
def test_a_setting_that_is_too_low_is_named_with_its_values(pair: Lab, collector: bool) -> None:
    pair.kill("db1")
    settings = pair.node("db1").data_directory / "postgresql.auto.conf"
    before = settings.read_text()
    if collector:
        elsewhere = f"logging_collector = on\nlog_directory = '{pair.node('db1').home}/its logs'\n"
    else:
        elsewhere = ""
    settings.write_text(f"{before}max_connections = '20'\n{elsewhere}")
    told = started_by_hand(pair, "db1", "db0")
    assert "insufficient parameter settings; max_connections = 20 is a lower" in told
    assert "raise what the detail names in db1's" in told
    deeds = carry_out(pair, "rebuild", "rebuild db1")  # the remedy, and it raises that itself
    assert "with what db0 has: max_connections = 100" in did(deeds)
    settings.write_text(before)


def _make_a_standby(pair: Lab, node: str, primary: str) -> None:
    data, other = pair.node(node).data_directory, pair.node(primary)
    passfile = pair.node(node).home / "pgpass"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(
            f"primary_conninfo = 'host={other.host} port={other.port} user=replicator "
            f"passfile={passfile}"
        )
        file.write(f" application_name={node}'\nprimary_slot_name = 'pgha_{node}'\n")
    (data / "standby.signal").touch()


def _drop(pair: Lab, node: str, slot: str) -> None:
    asked = "select active from pg_replication_slots where slot_name = %s"
    assert wait_for(lambda: ask(pair, node, asked, slot) == [(False,)], 15)
    ask(pair, node, "select pg_drop_replication_slot(%s)", slot)


def test_a_slot_left_over_is_dropped_only_with_consent(pair: Lab) -> None:
    ask(pair, "db0", "select pg_create_physical_replication_slot('barman', true)")
    asked = {"drop_slots": "barman"}
    with pytest.raises(NotConfirmed, match="drop slot barman"):
        carry_out(pair, "rebuild", "rebuild db1", **asked)
    assert "barman" in slots(pair, "db0")
    deeds = carry_out(pair, "rebuild", "rebuild db1, drop slot barman", **asked)
    assert did(deeds) == "db0: drop slot barman: the consent names it"
    assert slots(pair, "db0") == ["pgha_db1"]
    with pytest.raises(SystemExit):  # already so: the same words again do nothing
        carry_out(pair, "rebuild", "rebuild db1, drop slot barman", **asked)


def told_of(pair: Lab, kept: Path) -> str:
    """What the last cell of verify says of it, in its own row."""
    with running(pair, "verify") as run:
        told = left_over(run, look(run))
    (row,) = (row for row in told.rows if row[1] == str(kept))
    return row[-1]


def test_of_a_kept_directory_the_line_that_removes_it_is_shown_when_the_pair_is_whole(
    pair: Lab,
) -> None:
    ask(pair, "db0", "create table t as select 1 as n")
    carry_out(pair, "rebuild", "rebuild db1", method="clone")
    beside = pair.node("db1").data_directory.parent
    another, kept = sorted(beside.glob("data.aside-*"))
    # what db1 was before the setup
    assert "it may hold the only copy of a commit: it is another cluster" in told_of(pair, another)
    pair.kill("db1")
    assert told_of(pair, kept) == "whether it may be removed is told once the pair is whole"
    carry_out(pair, "rebuild", "rebuild db1")
    with open_in(kept):
        assert "it stays: it is open by a process" in told_of(pair, kept)
    line = f"rm -rf --one-file-system -- {kept}"
    assert told_of(pair, kept) == f"to remove it, on db1 as {kept.owner()}: {line}"
    with running(pair, "rebuild") as run:
        plan = str(plan_rebuild(run, look(run)))
    assert f"to remove it, on db1 as {kept.owner()}: {line}" in plan
    # a removal that died half-way in 0.1 left it under another name, and in part
    doomed = kept.rename(beside / kept.name.replace(".aside-", ".removing-"))
    (doomed / "global" / "pg_control").unlink()
    typed = told_of(pair, doomed).partition(": ")[2]
    subprocess.run(["sh", "-c", typed], check=True)
    assert list(beside.glob("data.*")) == [another] and ask(pair, "db1", "select n from t") == [
        (1,)
    ]


def test_of_what_only_a_kept_directory_holds_no_line_is_shown_but_why(own_pair: Lab) -> None:
    pair = own_pair
    ask(pair, "db1", "select pg_promote()")
    ask(pair, "db1", "create table only_on_db1 (n int)")
    pair.kill("db1")
    carry_out(pair, "rebuild", "rebuild db1, leave 1 transaction", method="clone")
    (kept,) = pair.node("db1").data_directory.parent.glob("data.aside-*")
    told = told_of(pair, kept)
    assert told.startswith("it stays: it may hold the only copy of a commit: ")
    with running(pair, "rebuild") as run:
        plan = str(plan_rebuild(run, look(run)))
    assert told in plan and "rm -rf" not in told + plan
    assert (kept / "PG_VERSION").is_file()


def test_what_was_never_archived_is_told_and_kept_before_its_node_becomes_a_standby(
    own_pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, wal = own_pair, own_pair.node("db0").data_directory / "pg_wal"
    for name, value in {"archive_mode": "on", "archive_command": "false"}.items():
        ask(pair, "db0", f"alter system set {name} = %s", value)
    pair.kill("db0")
    labs.up(pair.folder)
    ((closed,),) = ask(pair, "db0", "select pg_walfile_name(pg_switch_wal())")
    ask(pair, "db0", "create table t as select 1 as n")
    wait_for_answer(pair, "db1", "select to_regclass('t') is not null", True, 15)
    assert wait_for((wal / "archive_status" / f"{closed}.ready").exists, 15)
    content = (wal / closed).read_bytes()
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    with running(pair, "rebuild") as run:
        plan = plan_rebuild(run, look(run))
    assert plan.kind == "follow" and f"never archived on db0: {closed}" in str(plan)
    monkeypatch.setattr(unarchived, "_LACKING", "echo $lacking\n")  # as on a full disk
    with pytest.raises(
        NotSafe, match=r"no room on db0 for a copy of what was never archived \(\d+ MB\)"
    ):
        carry_out(pair, "rebuild", "rebuild db0")
    monkeypatch.undo()
    deeds = carry_out(pair, "rebuild", "rebuild db0")
    assert "db0: kept what was never archived" in did(deeds)
    (kept,) = wal.parent.parent.glob("data.unarchived.aside-*")
    assert (kept / closed).read_bytes() == content
    with running(pair, "verify") as run:
        assert kept.name in str(left_over(run, look(run)))


def slots(pair: Lab, node: str) -> list[str]:
    return [
        name for (name,) in ask(pair, node, "select slot_name from pg_replication_slots order by 1")
    ]


@contextlib.contextmanager
def open_in(directory: Path) -> Iterator[None]:
    """A process of the server's user that works in this directory."""
    owner = directory.stat()
    user = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    process = subprocess.Popen(["sleep", "60"], cwd=directory, **user)
    try:
        yield
    finally:
        process.kill()
        process.wait()
