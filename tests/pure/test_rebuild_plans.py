"""Whether a node follows, and which method a rebuild takes otherwise, with which consent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.judgement.plans import Evidence, rebuild_plan
from pgha_helpers.judgement.plans.copying import Copying, Part
from pgha_helpers.judgement.plans.rebuild import Weights, own_timeline
from pgha_helpers.model import Blank, Lsn, Silent, Slot, Snapshot
from pgha_helpers.model.errors import BadParameters, HaError, NotSafe
from pgha_helpers.model.losses import Losses

from .losers import (
    AFTER_FORK,
    CRASHED,
    DIVERGED,
    GB,
    SAME,
    lost,
    planned,
)
from .pictures import (
    DATA,
    EARLIER,
    HERE,
    control,
    disk,
    healthy,
    primary,
    seen,
    standby,
    stopped,
)

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
        (Evidence("a", "a", Lsn.parse("0/5000100")), "beyond the fork at 0/04FFFFFF"),
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
        and "its timeline 2 is its own: it left the history of db1 at 0/04FF8000" in str(plan)
    )


def test_a_newer_history_than_the_control_file_tells_is_its_own_unless_it_was_a_standby() -> None:
    """A standby that streamed across the fork has the file, too, and no WAL of its own."""
    its = {2: "1\t0/4FF8000\tno recovery target specified\n"}
    for state, kind in (("in production", "clone"), ("in archive recovery", "follow")):
        loser = replace(
            stopped("db0", state), disk=replace(stopped("db0", state).disk, histories=its)
        )
        assert rebuild_plan(seen(loser, AFTER_FORK), "", "", SAME).kind == kind, state


def test_what_a_standby_had_streamed_of_a_timeline_is_not_its_own_once_it_was_opened_by_hand() -> (
    None
):
    """It opened on the timeline before, and its checkpoint there lies beyond the fork."""
    fork = Lsn.parse("0/5000000")
    histories = {2: f"1\t{fork}\tno recovery target specified\n"}
    for at, timeline in ((fork, 1), (Lsn(fork - 1), 2)):
        its = disk(control=control(at=at), histories=histories)
        assert own_timeline(its) == own_timeline(its, {1, 2}) == timeline
    assert own_timeline(disk(control=control(timeline=2), histories=histories)) == 2
    assert own_timeline(disk(control=control(at=fork)), {3}) == 3, "nothing tells that it is not"


# Which of those that are possible


def test_a_big_database_is_rewound_and_the_consent_names_what_is_left() -> None:
    plan = planned()
    assert (plan.kind, plan.consent) == ("rewind", "rebuild db0, leave 12 transactions")
    assert [option.method for option in plan.options] == ["follow", "rewind", "rsync", "clone"]
    told = str(plan)
    assert (
        "WAL from the common checkpoint at 0/04FF0000: present" in told
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
    assert plan.kind == "put back" and "/data.recovering-1 back, with a standby" in plan.steps[0]
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
