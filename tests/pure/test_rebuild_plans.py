"""Which method a rebuild takes, for which node, with which consent; and when none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.facts.wal.rebuilding import misdefined
from pgha_helpers.judgement.plans import Evidence, Plan, rebuild_plan, setup_plan
from pgha_helpers.judgement.plans.copying import Copying, Part
from pgha_helpers.judgement.plans.rebuild import Measured, Rates, Rewinding, Weights
from pgha_helpers.model import Blank, Lsn, Position, Receiver, Running, Silent, Slot, Snapshot
from pgha_helpers.model.errors import BadParameters, HaError, NotSafe
from pgha_helpers.model.host import Start
from pgha_helpers.model.losses import Losses

from .pictures import (
    DATA,
    EARLIER,
    HERE,
    SETTINGS,
    control,
    disk,
    healthy,
    primary,
    seen,
    standby,
    stopped,
)

GB = 1024**3
SAME = Evidence("the record", "the record", EARLIER, same=True)
HISTORY = {2: "1\t0/4FFFFFF\tno recovery target specified\n"}
AFTER_FORK = primary("db1", timeline=2, senders=(), disk=disk(histories=HISTORY))
CRASHED = seen(stopped("db0", "in production"), AFTER_FORK)


def lost(count: int, *unread: str) -> Losses:
    """Transactions that only the loser has."""
    at = Position(1, EARLIER)
    return Losses("db0", at, EARLIER, at, 16 * 1024 * 1024, count, unread=unread)


REWINDING = Rewinding(checkpoint=EARLIER, redo=EARLIER)
#: A big database, and a loser that has twelve commits beyond the fork: made for a rewind.
DIVERGED = Evidence(
    "the record",
    "the record",
    Lsn.parse("0/5000100"),
    same=True,
    left=lost(12),
    rewinding=REWINDING,
    weights=Weights(database=100 * GB, source_wal=GB, diverged=GB // 10),
)


def planned(now: Snapshot = CRASHED, method: str = "", **changes: Any) -> Plan:
    """The plan for a loser that has diverged, but for these changes of the evidence."""
    return rebuild_plan(now, "", method, replace(DIVERGED, **changes))


def on_disk(free: int = 900 * GB, **changes: Any) -> Copying:
    """Where the copy of a big database would go; `changes` are those of its data directory."""
    part = Part("the data directory", "/data", 100 * GB, "/data", "1", free, there=99 * GB)
    return Copying("db0", 100 * GB, replace(part, **changes))


def rewinding(**changes: Any) -> dict[str, Rewinding]:
    return {"rewinding": replace(REWINDING, **changes)}


# Who


def test_the_writable_node_is_never_rebuilt() -> None:
    with pytest.raises(NotSafe, match="db0 is the writable node"):
        rebuild_plan(healthy(), "db0")


def test_a_standby_that_streams_needs_no_rebuild() -> None:
    assert rebuild_plan(healthy(), "", "", SAME).already == "already so: db1 streams from db0"


def test_a_node_that_would_not_start_whatever_is_done_is_refused_before_its_gate() -> None:
    with pytest.raises(NotSafe, match="db0 would not start, whatever is done: syntax error"):
        planned(start=Start(("syntax error",)))
    plan = planned(start=Start(("no such library",), SETTINGS))
    assert plan.kind == "rewind" and "db0 WOULD NOT START as it is now: no such library" in str(
        plan
    )


def test_a_standby_whose_replay_has_stopped_is_not_already_so() -> None:
    """What its settings have stopped goes on after a restart with the primary's; what a hand has
    paused stays.
    """
    lower = seen(
        primary(), standby(replay_paused=True, settings={**SETTINGS, "max_connections": "50"})
    )
    plan = rebuild_plan(lower, "", "", SAME)
    assert (plan.kind, plan.already) == ("follow", "")
    assert "replay has stopped for ever: max_connections is 50 there and 100 here" in plan.told[0]
    fixed = {**SETTINGS, "max_connections": "50", "allow_alter_system": "off"}
    with pytest.raises(NotSafe, match="allow_alter_system is off on db1, which runs"):
        rebuild_plan(seen(primary(), standby(replay_paused=True, settings=fixed)), "", "", SAME)
    with pytest.raises(NotSafe, match="somebody has paused its replay at 0/5000000"):
        rebuild_plan(seen(primary(), standby(replay_paused=True)), "", "", SAME)


MISDEFINED = {
    "another address": standby(settings={**SETTINGS, "primary_conninfo": "host=10.0.0.99"}),
    "fed from elsewhere": standby(receiver=Receiver("streaming", "10.0.0.99", 5432, "pgha_db1")),
    "a recovery target": standby(settings={**SETTINGS, "recovery_target_time": "2026-12-01"}),
}


@pytest.mark.parametrize("seen_as", MISDEFINED.values(), ids=MISDEFINED.keys())
def test_a_standby_that_streams_and_is_not_as_written_down_is_not_already_so(
    seen_as: Running,
) -> None:
    """verify was critical and said "run rebuild: it writes ours"; rebuild said "already so"."""
    now = seen(primary(), seen_as)
    why = misdefined(now, "db1")
    plan = rebuild_plan(now, "", "", replace(SAME, misdefined=why))
    assert why and not plan.already and plan.kind == "follow" and f"why follow: {why}" in plan.told
    assert "Write the standby definition of db1" in plan.steps
    assert not setup_plan(now, evidence=replace(SAME, misdefined=why)).already
    assert misdefined(healthy(), "db1") == ""


def test_a_slot_that_is_not_used_is_not_already_so() -> None:
    lazy = primary(slots=(Slot("pgha_db1", "physical", False, EARLIER, "reserved"),))
    assert misdefined(seen(lazy, standby()), "db1") == "slot pgha_db1 on db0 is not active"


@pytest.mark.parametrize(
    "evidence",
    [
        replace(SAME, same=False),
        replace(SAME, same=None),
        replace(SAME, ours="another record"),
        replace(SAME, ours="", gone=False),
        replace(SAME, its=""),
    ],
)
def test_a_standby_that_only_pretends_is_never_already_so(evidence: Evidence) -> None:
    """It was opened for writes on the same timeline and made a standby again: it streams until
    replay finds out.
    """
    plan = rebuild_plan(healthy(), "", "", evidence)
    assert not plan.already and plan.kind == "clone"
    (rewind,) = [option for option in plan.options if option.method == "rewind"]
    assert "pg_rewind compares timeline numbers only" in rewind.why_not


TWO = seen(primary(), primary("db1", timeline=2, disk=disk(histories=HISTORY)))


def test_of_two_writable_nodes_somebody_has_to_name_the_one_to_give_up() -> None:
    with pytest.raises(NotSafe, match="both db0 and db1 are writable: two primaries") as refused:
        rebuild_plan(TWO)
    assert "node=db0 or node=db1" in str(refused.value)


def test_the_writable_node_that_is_given_up_is_stopped_first_and_its_commits_are_named() -> None:
    plan = rebuild_plan(TWO, "db0", "", DIVERGED)
    assert (plan.kind, plan.node, plan.peer) == ("give up", "db0", "db1")
    assert plan.consent == "rebuild db0, stop db0, leave at least 12 transactions"
    assert plan.steps[0].startswith(
        "Stop db0, armed"
    ) and "12 transactions, 0 rows in 0 tables" in str(plan)
    assert "The consent covers that" in str(
        plan
    ) and "-p method=stop -p confirm='rebuild db0, stop db0'" in str(plan)
    only = rebuild_plan(TWO, "db0", "stop", DIVERGED)
    assert only.consent == "rebuild db0, stop db0" and len(only.steps) == 1
    with pytest.raises(NotSafe, match="db1 takes no writes"):
        rebuild_plan(healthy(), "", "stop", SAME)


def test_a_node_that_goes_on_writing_is_given_up_by_the_words_of_an_earlier_rehearsal() -> None:
    """It had 26,105 transactions then, and 37,595 by now: "at least" was taken for exactly, four
    times of four.
    """
    shown = rebuild_plan(TWO, "db0", "", replace(DIVERGED, left=lost(26105)))
    now = rebuild_plan(
        TWO, "db0", "", replace(DIVERGED, left=lost(37595, "db0 goes on writing WAL"))
    )
    assert now.covered_by(shown.consent) and now.stands(shown) and not now.beyond(shown)
    assert not shown.covered_by(now.consent), "somebody knows better how much there must be"
    stopped_now = planned(left=lost(37595))
    assert stopped_now.extras == ("leave 37595 transactions",) and stopped_now.covered_by(
        shown.consent
    )
    assert not stopped_now.covered_by("rebuild db0, stop db0, leave 26105 transactions")


def test_what_a_node_begins_to_write_while_the_gate_waits_is_judged_once_it_has_stopped() -> None:
    shown = rebuild_plan(TWO, "db0", "", replace(DIVERGED, left=lost(0)))
    now = rebuild_plan(TWO, "db0", "", replace(DIVERGED, left=lost(3)))
    assert (
        shown.consent == "rebuild db0, stop db0"
        and "the run ends there, with db0 stopped" in str(shown)
    )
    assert now.stands(shown) and not rebuild_plan(TWO, "db1", "", DIVERGED).stands(shown)
    assert not planned(left=lost(3)).covered_by(shown.consent)


# Follow, or not


def test_a_node_that_has_nothing_more_follows() -> None:
    now = seen(primary(senders=()), stopped("db1", "shut down in recovery"))
    plan = rebuild_plan(now, "", "", SAME)
    assert (plan.kind, plan.consent) == ("follow", "rebuild db1")


@pytest.mark.parametrize("method", ["rsync", "clone"])
def test_a_node_that_could_follow_leaves_nothing_behind_whatever_is_asked_for(method: str) -> None:
    now = seen(stopped("db0", at=EARLIER), AFTER_FORK)
    assert rebuild_plan(now, "", "", SAME).kind == "follow"
    plan = rebuild_plan(now, "", method, replace(SAME, rsync=""))
    assert (plan.kind, plan.consent) == (method, "rebuild db0")
    assert any(
        "db0 has nothing that db1 lacks" in line for line in plan.told
    ) and "NOT KNOWN" not in str(plan)


def test_a_node_that_was_rewound_by_a_run_that_died_follows_by_the_same_words() -> None:
    plan = rebuild_plan(seen(stopped("db0"), AFTER_FORK), "", "rewind", SAME)
    assert plan.kind == "follow" and plan.covered_by("rebuild db0, leave 12 transactions")


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (Evidence(), "the end of its WAL cannot be read"),
        (Evidence("a", "a", Lsn.parse("0/5000100")), "beyond the fork at 0/4FFFFFF"),
        (Evidence("a", "", EARLIER), "unknown counts as another history"),
        (Evidence("a", "b", EARLIER, same=True), "its last checkpoint is another record"),
        (Evidence("a", "a", EARLIER, same=False), "not that of db1, byte for byte"),
        (
            Evidence("a", "a", EARLIER, same=True, timeline=7),
            "timeline 7, which is not in the history of db1",
        ),
    ],
)
def test_unknown_or_diverged_means_a_copy(evidence: Evidence, why: str) -> None:
    plan = rebuild_plan(CRASHED, "", "", evidence)
    assert plan.kind == "clone" and why in str(plan)


def test_the_old_primary_follows_across_the_fork() -> None:
    assert rebuild_plan(seen(stopped("db0"), AFTER_FORK), "", "", SAME).kind == "follow"


@pytest.mark.parametrize("fork", ["0/4FFFFFF", "0/4FF8000"])
def test_two_promotions_that_made_the_same_timeline_are_two_histories(fork: str) -> None:
    """Both nodes were promoted to timeline 2: at different positions, or at the very same one."""
    its = {2: f"1\t{fork}\tno recovery target specified\n"}
    loser = replace(
        stopped("db0"),
        disk=disk(processes=(), histories=its, control=control("shut down", timeline=2)),
    )
    evidence = replace(DIVERGED, timeline=2, last=Lsn(HERE - 1), same=False)
    plan = rebuild_plan(seen(loser, AFTER_FORK), "", "", evidence)
    assert plan.kind == "clone" and plan.consent == "rebuild db0, leave 12 transactions"
    assert "both are on timeline 2, with different histories" in str(plan)


def test_a_node_that_died_after_a_promotion_of_its_own_does_not_follow() -> None:
    """Its control file still tells timeline 1, and its end there lies before the fork."""
    its = {2: "1\t0/4FF8000\tno recovery target specified\n"}
    loser = replace(stopped("db0", "in production"), disk=disk(processes=(), histories=its))
    plan = rebuild_plan(seen(loser, AFTER_FORK), "", "", replace(SAME, timeline=2))
    assert (
        plan.kind == "clone"
        and "its timeline 2 is its own: it left the history of db1 at 0/4FF8000" in str(plan)
    )


def test_a_newer_history_than_the_control_file_tells_is_its_own_unless_it_was_a_standby() -> None:
    """A standby that streamed across the fork has the file, too, and no WAL of its own."""
    its = {2: "1\t0/4FF8000\tno recovery target specified\n"}
    for state, kind in (("in production", "clone"), ("in archive recovery", "follow")):
        loser = replace(
            stopped("db0", state), disk=replace(stopped("db0", state).disk, histories=its)
        )
        assert rebuild_plan(seen(loser, AFTER_FORK), "", "", SAME).kind == kind, state


def test_insisting_on_what_cannot_be_is_refused() -> None:
    with pytest.raises(NotSafe, match="db0 cannot follow") as refused:
        rebuild_plan(CRASHED, "", "follow", Evidence())
    assert "possible: clone" in str(refused.value)


# Which of those that are possible


def test_a_big_database_is_rewound_and_the_consent_names_what_is_left() -> None:
    plan = planned()
    assert (plan.kind, plan.consent) == ("rewind", "rebuild db0, leave 12 transactions")
    assert [option.method for option in plan.options] == ["follow", "rewind", "rsync", "clone"]
    told = str(plan)
    assert (
        "WAL from the common checkpoint at 0/4FF0000: present" in told
        and "moves 100 GB, about 12.2 min" in told
    )
    assert "rates assumed: clone 140 MB/s" in told


def test_what_cannot_be_read_of_it_is_in_the_words_of_consent() -> None:
    gap = "db0 has no 000000010000000000000003 any more"
    plan = planned(left=lost(12, gap))
    assert plan.extras == ("leave at least 12 transactions",) and gap in str(plan)


@pytest.mark.parametrize("left", [None, lost(12, "db0 has no 000000010000000000000003 any more")])
def test_what_is_not_known_is_never_overwritten(left: Losses | None) -> None:
    """Nor by a method that was typed: a rewind is refused, and rsync goes beside."""
    for method, kind in (("", "clone"), ("clone", "clone"), ("rsync", "rsync beside")):
        plan = planned(method=method, left=left, rsync="")
        assert plan.kind == kind and "is renamed and kept whole" in str(plan)
        assert not any("unknown" in words for words in plan.extras)
    with pytest.raises(
        NotSafe, match="cannot be rewound: it would overwrite what may be the only copy: "
    ):
        planned(method="rewind", left=left, rsync="")
    small = Copying("db0", GB, Part("the data directory", "/data", GB, "/data", "1", GB))
    with pytest.raises(
        NotSafe,
        match=r"db0 cannot be rebuilt: .* only copy: .* rsync: .* are missing; clone: .* are",
    ):
        planned(left=left, rsync="", copying=small)
    spaces = replace(
        small,
        data=replace(small.data, free=9 * GB),
        tablespaces=(replace(small.data, free=9 * GB),),
    )
    with pytest.raises(NotSafe, match="by rsync: tablespaces are not copied beside by rsync"):
        planned(method="rsync", left=left, rsync="", copying=spaces)


def test_wal_that_is_not_there_is_named_with_what_to_mount() -> None:
    away = "/data/pg_wal leads to /mnt/wal, which holds no WAL: is its disk mounted?"
    lost = stopped("db0", "in production")
    now = seen(replace(lost, disk=replace(lost.disk, no_wal=away)), AFTER_FORK)
    plan = planned(now, left=None, last=None, rsync="")
    assert plan.kind == "clone" and f"IS NOT KNOWN: {away} Mount that first, and all of it" in str(
        plan
    )
    with pytest.raises(NotSafe, match="which holds no WAL") as refused:
        planned(now, "rewind", left=None, last=None)
    assert f"{away} Mount that first. possible: clone" in str(refused.value)


def test_what_is_overwritten_is_said_whoever_chose_the_method() -> None:
    assert f"{DATA} of db0 IS OVERWRITTEN" in str(planned()) and planned().kind == "rewind"
    weights = Weights(database=10 * GB, source_wal=40 * GB, diverged=GB // 10)
    for method in ("", "rsync"):
        assert f"{DATA} of db0 IS OVERWRITTEN" in str(
            planned(method=method, weights=weights, rsync="")
        )


def test_much_kept_wal_makes_a_rewind_slower_than_a_clone() -> None:
    """It copies the whole pg_wal of its source: 7.9 s against 4.7 for a clone, when that was 2.5
    GB.
    """
    assert (
        planned(weights=Weights(database=GB, source_wal=int(2.5 * GB), diverged=GB // 10)).kind
        == "clone"
    )
    assert (
        planned(weights=Weights(database=4 * GB, source_wal=int(2.5 * GB), diverged=GB // 10)).kind
        == "rewind"
    )


def test_of_two_that_cost_about_the_same_the_one_that_destroys_less_is_chosen() -> None:
    weights = Weights(database=10 * GB, source_wal=11 * GB)
    costs = {option.method: option.seconds or 0 for option in planned(weights=weights).options}
    assert costs["rewind"] < costs["clone"] < 1.2 * costs["rewind"]
    assert planned(weights=weights).kind == "clone"


def test_rates_that_were_measured_decide_and_are_told() -> None:
    weights = Weights(database=10 * GB, source_wal=11 * GB)
    slow = Rates.measured(
        {"clone": [Measured("c0ffee00", GB, 100)], "rewind": [Measured("0ddba11", GB, 5)]}
    )
    plan = planned(weights=weights, rates=slow)
    assert plan.kind == "rewind"
    assert (
        "rates of runs c0ffee00, 0ddba11: clone 10 MB/s, rewind 205 MB/s; assumed in "
        "proportion: rsync"
    ) in str(plan)


def test_rsync_is_chosen_where_there_is_a_road_and_it_is_the_cheapest() -> None:
    weights = Weights(database=10 * GB, source_wal=40 * GB, diverged=GB // 10)
    assert planned(weights=weights).kind == "clone"
    assert planned(weights=weights, rsync="").kind == "rsync"


def test_a_copy_for_which_there_is_no_room_is_not_chosen() -> None:
    """Nothing old is deleted to make room: what overwrites less than it seems to is taken, or
    nothing.
    """
    weights = Weights(database=GB, source_wal=4 * GB)
    small = Copying("db0", GB, Part("the data directory", "/data", GB, "/data", "1", GB, there=GB))
    assert planned(weights=weights).kind == "clone"
    plan = planned(weights=weights, copying=small)
    assert plan.kind == "rewind" and "1.1 GB are needed, 1 GB are free" in str(plan)
    with pytest.raises(NotSafe, match=r"clone: .* are missing"):
        planned(weights=weights, copying=small, rewinding=None)
    told = str(
        planned(weights=weights, copying=replace(small, data=replace(small.data, free=2 * GB)))
    )
    assert (
        "room for a copy beside: it is there" in told
        and "the data directory beside /data (2 GB free)" in told
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (rewinding(program=False), "pg_rewind is not installed"),
        (rewinding(hints=False), "neither checksums nor wal_log_hints"),
        (
            rewinding(strangers=("base/5/1259", "server.key")),
            "cannot overwrite: base/5/1259, server.key",
        ),
        (rewinding(unreadable=("notes",)), "db1 has what PostgreSQL's user cannot read: notes"),
        (
            rewinding(source="no password supplied"),
            "cannot read the files of db1 over SQL: no password supplied",
        ),
        (
            rewinding(missing=("0000000000000003",)),
            "from before the fork is missing: 0000000000000003",
        ),
        (rewinding(checkpoint=None), "no checkpoint is left"),
        (rewinding(source_missing=("0000000000000003",)), "db1 has removed WAL that is needed"),
        (rewinding(tablespaces=("fast",)), "no place for tablespaces of db1: fast"),
        (
            {"copying": on_disk(obstacle_here="/data is mounted read-only")},
            "directory: /data is mounted read-only",
        ),
        ({"same": None}, "unknown counts as another history"),
        ({"same": False}, "byte for byte"),
        ({"rewinding": None}, "could not be looked into"),
    ],
)
def test_what_keeps_a_rewind_from_being_possible_is_said_and_a_clone_chosen(
    changes: Any, why: str
) -> None:
    plan = planned(**changes)
    assert plan.kind == "clone" and why in str(plan) and plan.extras == ("leave 12 transactions",)
    with pytest.raises(NotSafe, match="db0 cannot be rewound"):
        planned(method="rewind", **changes)


def impossible(plan: Plan) -> dict[str, str]:
    """Why not, by method."""
    return {option.method: option.why_not for option in plan.options if option.why_not}


def test_every_place_that_a_method_would_write_or_rename_is_looked_at_before_the_gate() -> None:
    mounted = planned(copying=on_disk(obstacle="/data is a mount point"), rsync="")
    assert mounted.kind == "rsync" and impossible(mounted).keys() == {"follow", "rewind", "clone"}
    foreign = planned(
        method="clone",
        copying=replace(on_disk(), foreign=("base", "base/5/1", "a/b", "c/d")),
        rsync="",
    )
    assert "user cannot overwrite: base, base/5/1, a/b and 1 more" in impossible(foreign)["rsync"]
    with pytest.raises(
        NotSafe,
        match=r"rewind: its state directory: postgres may not .* clone: its state directory",
    ):
        planned(copying=replace(on_disk(), state="postgres may not write in /home"), rsync="")
    closed = seen(stopped("db0"), AFTER_FORK)
    with pytest.raises(
        NotSafe, match="db0 cannot follow: the data directory: /data is mounted read-only"
    ):
        rebuild_plan(
            closed,
            "",
            "follow",
            replace(SAME, copying=on_disk(obstacle_here="/data is mounted read-only")),
        )
    plan = rebuild_plan(
        closed,
        "",
        "",
        replace(SAME, copying=on_disk(obstacle_here="postgres may not write in /data")),
    )
    assert (
        plan.kind == "clone"
        and "why clone: the data directory: postgres may not write in /data" in str(plan)
    )


def test_room_is_asked_of_every_method() -> None:
    """A clone needs all of it, rsync what the primary has more, a rewind also its WAL and what is
    saved.
    """
    weights = Weights(database=100 * GB, source_wal=GB, new_wal=GB, diverged=GB // 10)
    for free, possible in (
        (120, {"rsync", "rewind", "clone"}),
        (3, {"rsync", "rewind"}),
        (2, {"rsync"}),
        (1, set()),
    ):
        copying = on_disk(free * GB)
        if not possible:
            with pytest.raises(
                NotSafe,
                match=r"rewind: .* are missing; rsync: .* are missing; clone: .* are missing",
            ):
                planned(copying=copying, weights=weights, rsync="")
            continue
        plan = planned(copying=copying, weights=weights, rsync="")
        assert {"rewind", "rsync", "clone"} - impossible(plan).keys() == possible, free
    wal = Part("pg_wal", "/wal", 64 * 2**20, "/wal", "2", 80 * 2**20)
    apart = planned(copying=replace(on_disk(3 * GB), wal=wal), weights=weights, rsync="")
    assert (
        "pg_wal in /wal: 1.1 GB are needed" in impossible(apart)["rewind"] and apart.kind == "rsync"
    )


@pytest.mark.parametrize("method", ["", "clone", "rewind"])
def test_a_node_that_cannot_replicate_is_refused_before_its_gate(method: str) -> None:
    with pytest.raises(NotSafe, match="db0 cannot replicate from db1: no password"):
        planned(method=method, connection="no password")


def test_missing_wal_may_come_from_an_archive_from_13_on() -> None:
    gaps = rewinding(missing=("0000000000000003",), restore_command="cp /archive/%f %p")
    assert planned(**gaps).kind == "rewind" and "restore_command must give 0000000000000003" in str(
        planned(**gaps)
    )
    crashed = stopped("db0", "in production")
    assert planned(seen(crashed, replace(AFTER_FORK, version=120020)), **gaps).kind == "clone"
    outside = {"rewinding": replace(gaps["rewinding"], config_outside=True)}
    assert planned(**outside).kind == "rewind"
    assert planned(seen(crashed, replace(AFTER_FORK, version=140010)), **outside).kind == "clone"


def test_insisting_says_what_it_means() -> None:
    told = str(planned(method="clone"))
    assert "the runbook would rewind" in told and "renamed and kept whole" in told


def test_what_a_node_without_a_readable_directory_had_is_said_to_be_unknown() -> None:
    plan = rebuild_plan(
        seen(primary(senders=()), Blank("db1", "control file is damaged")), "", "", Evidence()
    )
    assert plan.consent == "rebuild db1" and "IS NOT KNOWN" in str(plan)


def test_a_directory_that_a_crash_recovery_had_set_aside_comes_back_first() -> None:
    lost = Blank(
        "db0", "set aside", disk(control=None, processes=(), unfinished="/data.recovering-1")
    )
    plan = rebuild_plan(seen(lost, AFTER_FORK), "", "", Evidence())
    assert plan.kind == "put back" and "/data.recovering-1 back, armed" in plan.steps[0]
    assert plan.covered_by("rebuild db0, leave 12 transactions"), (
        "the words of the run that was killed"
    )


@pytest.mark.parametrize(
    ("now", "node", "method", "error"),
    [
        (seen(primary(), Silent("db1", "x")), "", "", NotSafe),
        (seen(primary(), standby(system_id="7")), "", "", NotSafe),
        (healthy(), "db7", "", BadParameters),
        (healthy(), "", "magic", BadParameters),
        (seen(primary(), primary("db1")), "", "", NotSafe),
    ],
)
def test_what_cannot_be_rebuilt_is_refused(
    now: Snapshot, node: str, method: str, error: type[HaError]
) -> None:
    with pytest.raises(error):
        rebuild_plan(now, node, method)


def test_a_slot_on_the_loser_is_nothing_that_it_has_more() -> None:
    slots = (Slot("pgha_db1", "physical", False, HERE, "reserved"),)
    assert (
        rebuild_plan(
            seen(primary(senders=()), standby(slots=slots, receiver=None)), "", "", SAME
        ).kind
        == "follow"
    )


@pytest.mark.parametrize("method", ["", "rsync"])
def test_a_copy_in_place_that_died_needs_no_other_consent_than_it_had(method: str) -> None:
    """Nothing in it is the node's own any more, and what was there before lies aside."""
    half = seen(
        Blank("db0", "no control file", disk=disk(half="half a copy, over what is kept in /d")),
        AFTER_FORK,
    )
    plan = planned(half, method, left=None, last=None, rsync="")
    assert plan.covered_by("rebuild db0, leave 3 transactions") and plan.consent == "rebuild db0"
    assert "half a copy, over what is kept in /d" in str(plan)
    another = planned(
        seen(Blank("db0", "no control file"), AFTER_FORK), "rsync", left=None, last=None, rsync=""
    )
    assert another.kind == "rsync beside", (
        "somebody has lost the control file: what else is there may be the only copy"
    )
    now = seen(
        Blank("db0", "/data is empty", disk(control=None, blank="/data is empty")), AFTER_FORK
    )
    empty = planned(now, "rsync", left=None, last=None, rsync="", nothing=True)
    assert (empty.kind, empty.consent) == ("rsync", "rebuild db0")
    assert "NOT KNOWN: /data is empty. If a disk belongs there, mount that first" in str(empty)
