"""A node that left the primary's history: rewound where that is safe, and never started where it
went wrong.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from pgha_helpers import gate, look, plan_rebuild, rebuild
from pgha_helpers.changes.deeds import rewind
from pgha_helpers.facts.node_config import read_node_config
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model import Lsn, Position
from pgha_helpers.model.errors import NotAchieved, NotConfirmed, NotSafe
from pgha_helpers.model.grants import REWIND_FUNCTIONS
from pgha_helpers.model.major import Major

from ..embedded import Lab
from .dying import Words, at_boundary
from .losers import left_behind, open_by_hand, start
from .runs import carry_out, changed_pair, did, planned, running
from .servers import Watch, ask, stop_cleanly, wait_for_answer, writable

LEAVE_3 = "rebuild db0, leave 3 transactions"


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    ask(own_pair, "db0", "create table t (word text)")
    return own_pair


def listed(record: Path) -> list[str]:
    """What the record lists of the transactions that were left behind."""
    return (record / "diverged.csv").read_text().splitlines()[1:]


def see_rewound(pair: Lab, deeds: object) -> None:
    assert "rewound it from db1" in did(deeds)  # type: ignore[arg-type]
    assert writable(pair) == ["db1"]
    ask(pair, "db1", "insert into t values ('after')")
    rows = "select string_agg(word, ', ' order by word) from t"
    wait_for_answer(pair, "db0", rows, "after, the primary's", within=10)
    assert planned(pair).already


def test_a_loser_that_was_stopped_cleanly_is_rewound(pair: Lab) -> None:
    left_behind(pair, crash=False)
    see_rewound(pair, carry_out(pair, "rebuild", LEAVE_3, method="rewind"))


def test_a_crashed_loser_is_recovered_and_rewound_and_what_it_had_is_kept(pair: Lab) -> None:
    left_behind(pair)
    deeds = carry_out(pair, "rebuild", LEAVE_3, method="rewind")
    assert "recover it from its crash" in did(deeds)
    see_rewound(pair, deeds)
    (saved,) = pair.node("db0").data_directory.parent.glob("data.before-rewind.aside-*")
    assert (saved / "pg_control").stat().st_size > 0 and list((saved / "pg_wal").glob("00000001*"))
    (record,) = [path.parent for path in pair.folder.rglob("diverged.csv")]
    assert (
        sum("only on db0" in line or ",t," in line or "public.t" in line for line in listed(record))
        == 3
    )
    assert list(record.glob("wal-00000001*"))


def test_the_recovery_before_a_rewind_marks_nothing_for_an_archive(pair: Lab) -> None:
    """It keeps the WAL by an archiver that fails; a plan that is made after a death there knows of
    no such archive.
    """
    left_behind(pair)
    marks = pair.node("db0").data_directory / "pg_wal" / "archive_status"
    with running(pair, "rebuild") as run:
        run.gate.permit = Plan("rebuild", "db0", "db1", "rewind")
        run.lock.take()
        rewind.save(
            run,
            "db0",
            Position(1, Lsn(0)),
            16 * 1024 * 1024,
            Major(18),
            read_node_config(run.doors["db0"]),
        )
        with rewind.recovered(run, "db0", False, Major(18)):
            assert list(marks.parents[1].glob("*")) == []
    assert not list(marks.glob("*.ready")) and "never archived" not in str(planned(pair))


def test_what_keeps_a_rewind_from_being_tried_is_found_before(pair: Lab) -> None:
    """WAL before the fork is missing; a file cannot be overwritten, or read: all are named, and a
    clone is chosen.
    """
    ask(pair, "db0", "checkpoint")
    ((common,),) = ask(
        pair, "db0", "select pg_walfile_name(checkpoint_lsn) from pg_control_checkpoint()"
    )
    # the fork lies in a later segment than the last checkpoint before it
    ask(pair, "db0", "select pg_switch_wal()")
    ask(pair, "db0", "insert into t values ('before the fork')")
    left_behind(pair)
    data = pair.node("db0").data_directory
    strange = data / "base" / "server.key"
    strange.write_text("not PostgreSQL's")
    strange.chmod(0o400)
    (data / "pg_wal" / common).rename(data.parent / "removed")
    unreadable = pair.node("db1").data_directory / "global" / "notes"
    unreadable.write_text("not PostgreSQL's")
    unreadable.chmod(0)
    plan = planned(pair)
    unreadable.unlink()
    assert (plan.kind, plan.consent) == ("clone", LEAVE_3)
    (rewind,) = [option for option in plan.options if option.method == "rewind"]
    assert "db1 has what PostgreSQL's user cannot read: global/notes" in rewind.why_not
    assert (
        "base/server.key" in rewind.why_not and f"fork is missing: {common[8:]}" in rewind.why_not
    )
    with pytest.raises(NotSafe, match="db0 cannot be rewound"):
        carry_out(pair, "rebuild", LEAVE_3, method="rewind")
    deeds = carry_out(pair, "rebuild", LEAVE_3)
    assert "the old directory is kept as" in did(deeds) and writable(pair) == ["db1"]


def test_wal_that_goes_with_the_primarys_checkpoint_ends_a_rewind_before_it_overwrites(
    pair: Lab,
) -> None:
    """It was there when the plan was made; the checkpoint that pg_rewind asks for removes it."""
    ask(pair, "db0", "checkpoint")
    # the common checkpoint lies in an earlier segment than the fork
    ask(pair, "db0", "select pg_switch_wal()")
    ask(pair, "db0", "insert into t values ('before the fork')")
    left_behind(pair)
    with running(pair, "rebuild", confirm=LEAVE_3, method="rewind") as run:
        plan = gate(run, plan_rebuild(run, look(run)))
        ask(pair, "db1", "alter system set wal_keep_size = 0")
        ask(pair, "db1", "select pg_reload_conf()")
        with pytest.raises(
            NotAchieved,
            match=r"db1 has removed WAL that it would need, from segment .* on; nothing",
        ):
            rebuild(run, plan)
    data = pair.node("db0").data_directory
    assert data.exists() and not list(data.parent.glob("data.*"))
    assert planned(pair).kind == "clone"


DIES = """
case "$*" in *--dry-run*) exec $real/pg_rewind "$@";; esac
$real/pg_rewind "$@" & pid=$!
sleep 0.05; kill -9 $pid; exit 137
"""
SAYS_NO = """
case "$*" in *--dry-run*) echo "pg_rewind: fatal: not today"; exit 1;; esac
exec $real/pg_rewind "$@"
"""


def with_a_rewind(pair: Lab, folder: Path, script: str) -> Path:
    """The pair file, with programs on db0 among which pg_rewind is this script; $real has the
    others.
    """
    real, broken = pair.node("db0").bin_directory, pair.node("db0").home / "broken"
    broken.mkdir()
    for program in real.iterdir():
        (broken / program.name).symlink_to(program)
    (broken / "pg_rewind").unlink()
    (broken / "pg_rewind").write_text(f"#!/bin/sh\nreal={real}\n{script}")
    (broken / "pg_rewind").chmod(0o755)
    return changed_pair(pair, folder, db0={"bin_directory": str(broken)})


def test_a_rewind_that_was_killed_is_never_started_and_then_cloned(
    pair: Lab, tmp_path: Path
) -> None:
    left_behind(pair)
    path = with_a_rewind(pair, tmp_path, DIES)
    with pytest.raises(
        NotAchieved, match=r"unusable, kept as .*rewinding.* and must never be started"
    ):
        carry_out(path, "rebuild", LEAVE_3, method="rewind")
    data = pair.node("db0").data_directory
    (aside,) = data.parent.glob("data.rewinding-*")
    assert (
        not data.exists()
        and not (aside / "global" / "pg_control").exists()
        and (aside / "UNUSABLE").exists()
    )
    with running(pair, "verify") as run:
        assert "a rewind of it did not end, and it must never be started" in str(look(run))
    plan = planned(pair)
    assert plan.kind == "clone" and "IS NOT KNOWN" in str(plan)
    carry_out(pair, "rebuild", LEAVE_3)  # the words of the run that failed
    assert planned(pair).already and writable(pair) == ["db1"]
    assert not aside.exists() and list(data.parent.glob("data.half-rewound.aside-*")), (
        "kept, under a name that is listed"
    )


def test_a_node_that_opened_on_the_same_timeline_is_never_already_so(pair: Lab) -> None:
    """Its signal file was lost. No history file tells, pg_rewind would say that nothing is to be
    done.
    """
    wait_for_answer(pair, "db1", "select to_regclass('t') is not null", True)
    stop_cleanly(pair, "db1")
    open_by_hand(pair, "db1")
    for number in range(2):
        ask(pair, "db1", "insert into t values (%s)", f"only on db1: {number}")
    ask(pair, "db0", "insert into t values ('the primary''s')")
    assert writable(pair) == ["db0", "db1"]
    with pytest.raises(NotSafe, match="both db0 and db1 are writable"):
        planned(pair)
    both = planned(pair, node="db1")
    assert both.consent == "rebuild db1, stop db1, leave at least 2 transactions"
    stop_cleanly(pair, "db1")
    (pair.node("db1").data_directory / "standby.signal").touch()
    if os.geteuid() == 0:
        shutil.chown(pair.node("db1").data_directory / "standby.signal", "nobody")
    start(pair, "db1")
    for number in range(20):  # for as long as it pretends
        ask(pair, "db0", "insert into t values (%s)", f"more of the primary's: {number}")
        plan = planned(pair)
        assert not plan.already and plan.kind == "clone", plan
    with pytest.raises(NotSafe, match="pg_rewind compares timeline numbers only"):
        planned(pair, method="rewind")
    with contextlib.suppress(NotConfirmed):
        # its restartpoint may come at the gate, and takes away the WAL that told what would be lost
        carry_out(pair, "rebuild", planned(pair).consent)
    if not (told := planned(pair)).already:
        carry_out(pair, "rebuild", told.consent)
    assert planned(pair).already
    assert ask(pair, "db1", "select * from t where word like 'only%%'") == []


def test_of_two_writable_nodes_one_is_given_up_and_what_it_had_is_named(pair: Lab) -> None:
    """The network has healed, and the old primary was alive all the time: nobody had fenced it."""
    left_behind(pair)
    data = pair.node("db0").data_directory
    open_by_hand(pair, "db0")
    assert writable(pair) == ["db0", "db1"]
    with Watch(pair) as watch:
        plan = planned(pair, node="db0", method="rewind")
        assert plan.consent == "rebuild db0, stop db0, leave at least 3 transactions"
        with pytest.raises(NotConfirmed, match=f"needs '{plan.consent}'"):
            carry_out(pair, "rebuild", "rebuild db0", node="db0")
        assert writable(pair) == ["db0", "db1"], "nothing was touched"
        deeds = carry_out(pair, "rebuild", plan.consent, node="db0", method="rewind")
    assert watch.overlaps > 0, "it was a split brain"
    see_rewound(pair, deeds)
    assert list(data.parent.glob("data.before-rewind.aside-*"))


def test_a_split_brain_can_be_ended_before_anything_is_counted(pair: Lab) -> None:
    left_behind(pair)
    open_by_hand(pair, "db0")
    carry_out(pair, "rebuild", "rebuild db0, stop db0", node="db0", method="stop")
    assert (
        writable(pair) == ["db1"] and (pair.node("db0").data_directory / "standby.signal").exists()
    )
    assert planned(pair).consent == LEAVE_3


def test_a_rewind_that_dies_before_its_node_is_started_is_not_done_again(pair: Lab) -> None:
    """Every other boundary is in test_rebuild_killed.py and in `make trials`."""
    left_behind(pair)
    words = Words("rebuild", LEAVE_3, {"method": "rewind"})
    assert "its configuration is its own" in at_boundary("its configuration is its own")(
        pair, words
    )
    deeds = did(carry_out(pair, words.notebook, words.consent, **words.parameters))
    assert "pg_rewind" not in deeds and "rewound" not in deeds
    assert planned(pair).already and ask(pair, "db0", "select word from t") == [("the primary's",)]


def test_a_run_that_dies_between_recovery_and_rewind_goes_on_by_the_same_words(pair: Lab) -> None:
    """What was recovered need not be on the disk: the control file of the crash comes back, and it
    recovers again.
    """
    left_behind(pair)
    data, words = pair.node("db0").data_directory, Words("rebuild", LEAVE_3, {"method": "rewind"})
    assert at_boundary("rehearse pg_rewind")(pair, words) == "before db0: rehearse pg_rewind"
    (aside,) = data.parent.glob("data.recovering-*")
    assert not data.exists(), "nothing can start it"
    with running(pair, "verify") as run:
        assert f"set aside as {aside}" in str(look(run))
    deeds = carry_out(pair, words.notebook, words.consent, **words.parameters)
    assert f"move {aside} back" in did(deeds) and "recover it from its crash" in did(deeds)
    see_rewound(pair, deeds)


def test_a_rehearsal_that_says_no_leaves_the_node_as_it_was(pair: Lab, tmp_path: Path) -> None:
    left_behind(pair)
    data = pair.node("db0").data_directory
    control = (data / "global" / "pg_control").read_bytes()
    with pytest.raises(
        NotAchieved, match=r"says no: pg_rewind: fatal: not today.*\n.*was not overwritten"
    ):
        carry_out(with_a_rewind(pair, tmp_path, SAYS_NO), "rebuild", LEAVE_3, method="rewind")
    assert (data / "global" / "pg_control").read_bytes() == control and (
        data / "standby.signal"
    ).exists()
    assert not list(data.parent.glob("data.re*"))
    see_rewound(pair, carry_out(pair, "rebuild", LEAVE_3, method="rewind"))


def test_a_connection_that_a_rewind_could_not_use_is_found_before(
    pair: Lab, tmp_path: Path
) -> None:
    """Its passfile names the pseudo-database `replication` alone: enough for a standby."""
    left_behind(pair)
    own = pair.node("db0").home / "pgpass"
    only = own.with_name("only-replication")
    only.write_text(own.read_text().replace(":*:replicator:", ":replication:replicator:"))
    shutil.copystat(own, only)
    os.chown(only, own.stat().st_uid, own.stat().st_gid)
    path = changed_pair(pair, tmp_path, db0={"passfile": str(only)})
    ask(pair, "db1", f"grant execute on function {', '.join(REWIND_FUNCTIONS)} to replicator")
    with running(path, "rebuild") as run:
        (option,) = [
            each for each in plan_rebuild(run, look(run)).options if each.method == "rewind"
        ]
    assert (
        "it cannot read the files of db1 over SQL: " in option.why_not
        and "no password" in option.why_not
    )
