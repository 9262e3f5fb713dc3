"""What a failover changes for a while is consented to by name, told while it lasts, and set back by
a rebuild.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.judgement.checks import judge
from pgha_helpers.judgement.checks.readiness import readiness
from pgha_helpers.judgement.checks.surroundings import no_setting_is_changed_for_now
from pgha_helpers.judgement.plans import Plan, promotion_plan, rebuild_plan
from pgha_helpers.judgement.plans.leftovers import Leftovers, with_leftovers
from pgha_helpers.model import ForNow, Running, Sender, Snapshot, Verdicts
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.host import Host

from .pictures import HERE, SETTINGS, healthy, primary, seen, standby, stopped, survey

WORDS = "promote db1, asynchronous for now"
NAMES = ForNow(
    "db1",
    "synchronous_standby_names",
    "FIRST 1 (db0)",
    "",
    True,
    "e203b494",
    "2026-11-23T09:12:15Z",
)
DELAY = replace(NAMES, setting="recovery_min_apply_delay", was="1h", value="0")


def cascades(name: str = "db2") -> Sender:
    return Sender(
        201, name, "replicator", "10.0.0.12", "streaming", HERE, HERE, HERE, HERE, 0.0, "async"
    )


def target(names: str = "*", **changes: Any) -> Running:
    return standby(
        **{
            "settings": {**SETTINGS, "synchronous_standby_names": names},
            "receiver": None,
            **changes,
        }
    )


def failover(now: Snapshot, **given: Any) -> Plan:
    return promotion_plan(now, "failover", **given)


LOST = stopped(state="in production", armed=False)


def test_a_synchronous_standby_is_promoted_only_by_a_consent_that_says_so() -> None:
    plan = failover(seen(LOST, target()))
    assert plan.consent == WORDS and not plan.covered_by("promote db1")
    steps = [
        number
        for number, step in enumerate(plan.steps)
        if "for now" in step or "promote it" in step
    ]
    assert len(steps) == 2 and "rebuild sets it back" in plan.steps[steps[0]], (
        "before the promotion, not after it"
    )
    assert "no commit would return there without its standby" in plan.told[0]


@pytest.mark.parametrize(
    ("names", "streaming"),
    [("", ()), ("*", (cascades(),)), ("ANY 1 (db0, db2)", (cascades(),))],
    ids=["asynchronous", "any other", "a third one is enough"],
)
def test_who_waits_for_nobody_that_is_missing_needs_no_word(
    names: str, streaming: tuple[Sender, ...]
) -> None:
    plan = failover(seen(LOST, target(names, senders=streaming)))
    assert plan.extras == () and plan.covered_by(WORDS), "a run that died may have set it already"


@pytest.mark.parametrize("names", ["FIRST 2 (db0, db2)", "db0"])
def test_who_waits_for_one_more_than_streams_needs_it(names: str) -> None:
    assert failover(seen(LOST, target(names, senders=(cascades(),)))).consent == WORDS


def test_where_nothing_can_be_set_the_gate_says_so_and_not_the_outage() -> None:
    fixed = target(
        settings={**SETTINGS, "synchronous_standby_names": "*", "allow_alter_system": "off"}
    )
    with pytest.raises(
        NotSafe, match="allow_alter_system is off, so that it cannot be set from here"
    ):
        failover(seen(LOST, fixed))
    late = target("", settings={**SETTINGS, "allow_alter_system": "off"}, replay_delay=3600.0)
    with pytest.raises(
        NotSafe, match="set it to 0 in a file of db1 and reload: allow_alter_system is off there"
    ):
        failover(seen(LOST, late), skip_delay=True)


def test_what_restores_from_an_archive_is_set_aside_where_it_may_be() -> None:
    """From 14 on, by reload; a switchover does it on both, a failover on the node that is
    promoted.
    """
    restores = {**SETTINGS, "restore_command": "cp /archive/%f %p"}
    plan = promotion_plan(seen(primary(settings=restores), standby(settings=restores)))
    assert any(
        step.startswith("Set restore_command to '' on db1 and db0 for now") for step in plan.steps
    )
    lost = failover(seen(LOST, target("", settings=restores)))
    assert "Set restore_command to '' on db1 for now, if all is salvaged" in lost.steps
    assert "a promotion asks it about five times" in str(lost.told)
    for unable in ({"version": 130023}, {"settings": {**restores, "allow_alter_system": "off"}}):
        late = failover(seen(LOST, target("", **{"settings": restores, **unable})))
        assert not any(
            "restore_command" in step for step in late.steps
        ) and "about five times" in str(late.told)
    left = replace(NAMES, setting="restore_command", was="cp", value="")
    kept = {"db1": survey("db1", host=Host(for_now=(left,)))}
    assert "db1 back" in str(
        promotion_plan(seen(primary(slots=()), standby(), kept), confirm="promote db0").steps
    )


def test_one_that_was_promoted_by_hand_and_waits_is_let_go_on() -> None:
    alone = primary(
        "db1", senders=(), settings={**SETTINGS, "synchronous_standby_names": "*"}, timeline=2
    )
    plan = failover(seen(LOST, alone), confirm=WORDS)
    assert (plan.kind, plan.consent) == ("promoted", WORDS)


def test_by_day_it_is_said_that_a_failover_would_need_it() -> None:
    now = seen(primary(), target("db0"))
    assert "its consent says 'asynchronous for now', too" in str(readiness(now, Verdicts()))
    assert "asynchronous" not in str(readiness(healthy(), Verdicts()))


def rebuild(now: Snapshot, *changed: ForNow) -> Plan:
    return with_leftovers(rebuild_plan(now), now, Leftovers(for_now=changed))


def test_a_rebuild_sets_back_what_its_node_makes_possible() -> None:
    now = seen(stopped(armed=True), primary("db1", senders=()))
    step = (
        "Set synchronous_standby_names on db1 back to 'FIRST 1 (db0)', as it was before run "
        "e203b494"
    )
    assert rebuild(now, NAMES).steps[-1] == step


def test_what_would_still_wait_stays_and_is_told() -> None:
    now = seen(stopped(armed=True), primary("db1", senders=()))
    plan = rebuild(now, replace(NAMES, was="FIRST 2 (db0, db2)"))
    assert not any("synchronous" in step for step in plan.steps)
    assert any(
        "It stays so: commits would wait, because nobody streams from db1" in line
        for line in plan.told
    )


def test_a_whole_pair_on_which_something_was_left_so_has_that_to_do_and_no_more() -> None:
    """The rebuild died right before it; or nothing was promoted, and the old primary came back by
    itself.
    """
    died = rebuild(seen(standby("db0"), primary("db1")), NAMES)
    came_back = rebuild(healthy(), NAMES, DELAY)
    assert (died.kind, died.consent, len(died.steps)) == ("tidy", "rebuild db0", 1)
    assert (came_back.kind, came_back.consent, len(came_back.steps)) == ("tidy", "rebuild db1", 2)


def test_verify_warns_while_it_lasts_even_where_the_other_node_is_lost() -> None:
    changed = {"db1": survey("db1", host=Host(for_now=(NAMES,)))}
    for now in (seen(standby("db0"), primary("db1"), changed), seen(LOST, primary("db1"), changed)):
        (verdict,) = judge([no_setting_is_changed_for_now], now)
        assert (
            verdict.level == "warning"
            and "it was 'FIRST 1 (db0)'" in verdict.reason
            and "rebuild" in verdict.remedy
        )


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "null", "7", '{"setting": "x"}', NAMES.line[:40], "ü\x00"]
)
def test_a_note_that_is_torn_or_somebody_elses_is_none(line: str) -> None:
    assert ForNow.parse("db1", line) is None


def test_a_note_is_read_as_it_was_written() -> None:
    odd = replace(NAMES, was='FIRST 1 ("db \'0", "ü\n")')
    assert ForNow.parse("db1", odd.line) == odd and odd.line.count("\n") == 1
