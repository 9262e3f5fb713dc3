"""Which node is rebuilt: whether there is anything to do, and of two writable ones which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.facts.wal.rebuilding import misdefined
from pgha_helpers.judgement.plans import Evidence, Wishes, rebuild_plan, setup_plan
from pgha_helpers.model import Receiver, Running, Slot
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.host import Start

from .losers import (
    DIVERGED,
    HISTORY,
    SAME,
    lost,
    planned,
)
from .pictures import (
    EARLIER,
    SETTINGS,
    disk,
    healthy,
    primary,
    seen,
    standby,
)


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
    with pytest.raises(NotSafe, match="somebody has paused its replay at 0/05000000"):
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


@pytest.mark.parametrize(
    ("few", "wishes"),
    [
        ({"max_wal_senders": "0"}, Wishes()),
        ({}, Wishes(role="create")),
        ({}, Wishes(hba={"db0": True})),
    ],
)
def test_setup_is_not_refused_for_want_of_what_it_brings(
    few: dict[str, str], wishes: Wishes
) -> None:
    """ "check pg_hba.conf", it said of a primary with max_wal_senders = 0, which it would set."""
    now = seen(primary(senders=(), settings={**SETTINGS, **few}), standby(receiver=None))
    unproved = replace(SAME, connection="FATAL: not yet")
    assert setup_plan(now, wishes=wishes, evidence=unproved).kind == "setup"
    with pytest.raises(NotSafe, match="cannot replicate from db0: FATAL: not yet"):
        setup_plan(seen(primary(senders=()), standby(receiver=None)), evidence=unproved)


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
        "Stop db0, with a standby"
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
