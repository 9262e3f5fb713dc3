"""What is left over is told: a slot goes by name and consent, a directory by a line to type."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge
from pgha_helpers.judgement.plans import Evidence, Plan, rebuild_plan
from pgha_helpers.judgement.plans.leftovers import Leftovers, told_of_slots, with_leftovers
from pgha_helpers.model import Lsn, SetAside, Slot, Snapshot
from pgha_helpers.model.errors import BadParameters, NotSafe
from pgha_helpers.run.parameters.notebooks import read_parameters

from .pictures import EARLIER, HERE, host, primary, seen, standby, stopped, survey

NAME = "data.aside-20261123T091215Z-e203b494"
KEPT = SetAside("db1", "/d/data", "20261123T091215Z", "e203b494", size=5 * 1024 * 1024)
BARMAN = Slot("barman", "physical", False, Lsn(HERE - 1024 * 1024), "extended")


def whole(*on_primary: Slot, on_standby: tuple[Slot, ...] = ()) -> Snapshot:
    plain = primary()
    return seen(replace(plain, slots=(*plain.slots, *on_primary)), standby(slots=on_standby))


def plan(now: Snapshot, **left: Any) -> Plan:
    return with_leftovers(rebuild_plan(now), now, Leftovers(**left))


def test_a_slot_that_nobody_uses_is_told_with_the_wal_it_holds_back() -> None:
    now = whole(BARMAN)
    told = (
        "left over on db0: slot barman, not in use, holds back 1 MB of WAL; to drop it: "
        "drop_slots=barman"
    )
    assert plan(now).told == (told,)
    assert plan(now).already, "telling is not asking"


def test_what_is_in_use_or_no_leftover_is_not_told() -> None:
    temporary = replace(BARMAN, temporary=True)
    synced = Slot("cdc", "logical", False, EARLIER, "reserved", database="app", synced=True)
    assert told_of_slots(whole(replace(BARMAN, active=True), temporary, on_standby=(synced,))) == ()
    fallen_off = Slot("pgha_db1", "physical", False, EARLIER, "reserved")
    assert told_of_slots(seen(primary(slots=(fallen_off,)), stopped("db1"))) == (), (
        "the standby will need it"
    )


def test_a_named_slot_joins_the_consent_and_its_words_stay_the_same() -> None:
    asked = plan(whole(BARMAN), drop_slots=("barman", "gone_already"))
    assert (asked.kind, asked.consent) == (
        "tidy",
        "rebuild db1, drop slot barman, drop slot gone_already",
    )
    assert asked.steps == ("Drop slot barman on db0",)
    assert plan(whole(), drop_slots=("barman",)).already, "it was dropped by the run that died"


def test_a_logical_slot_goes_only_by_name_and_says_what_that_means() -> None:
    cdc = Slot("cdc", "logical", False, EARLIER, "reserved", database="app")
    assert "logical slot cdc of database app" in plan(whole(cdc)).told[0]
    assert plan(whole(cdc), drop_slots=("cdc",)).steps[0].endswith("its consumer must begin anew")


def test_of_a_logical_slot_that_both_have_only_the_one_that_is_named_goes() -> None:
    """An old primary's own slot blocks the copy of the new one's, whose consumer may be away for a
    moment.
    """
    theirs = Slot(
        "app", "logical", False, EARLIER, "reserved", database="shop", synced=True, failover=True
    )
    own = replace(theirs, synced=False)
    now = whole(theirs, on_standby=(own,))
    assert "to drop it: drop_slots=db1.app" in "".join(told_of_slots(now))
    with pytest.raises(BadParameters, match="both nodes have") as refused:
        plan(now, drop_slots=("app",))
    assert "drop_slots=db0.app or drop_slots=db1.app" in str(refused.value)
    with pytest.raises(BadParameters, match="db0 or db1 may stand"):
        plan(now, drop_slots=("db7.app",))
    asked = plan(now, drop_slots=("db1.app",))
    assert asked.consent == "rebuild db1, drop slot db1.app"
    assert asked.steps == (
        "Drop logical slot app of database shop on db1: its consumer uses that of db0",
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (whole(replace(BARMAN, active=True)), "in use"),
        (whole(on_standby=(replace(BARMAN, synced=True),)), "a copy of the primary's"),
    ],
)
def test_a_slot_that_is_not_left_over_is_never_dropped(now: Snapshot, words: str) -> None:
    with pytest.raises(NotSafe, match=words):
        plan(now, drop_slots=("barman",))


def test_the_standbys_own_slot_is_never_dropped() -> None:
    fallen_off = seen(
        primary(slots=(Slot("pgha_db1", "physical", False, EARLIER, "reserved"),)), stopped("db1")
    )
    evidence = Evidence("the record", "the record", EARLIER, same=True)
    with pytest.raises(NotSafe, match="what its standby needs"):
        with_leftovers(
            rebuild_plan(fallen_off, evidence=evidence),
            fallen_off,
            Leftovers(drop_slots=("pgha_db1",)),
        )


def test_a_rebuild_drops_what_is_named_after_its_own_steps() -> None:
    now = seen(primary(slots=(BARMAN,)), stopped("db1", "shut down in recovery"))
    rebuilt = rebuild_plan(now, evidence=Evidence("the record", "the record", EARLIER, same=True))
    asked = with_leftovers(rebuilt, now, Leftovers(drop_slots=("barman",)))
    assert (asked.kind, asked.consent) == ("follow", "rebuild db1, drop slot barman")
    assert asked.steps == (*rebuilt.steps, "Drop slot barman on db0")


def test_of_a_kept_directory_the_line_that_removes_it_is_told() -> None:
    asked = plan(whole(), kept=(replace(KEPT, owner="postgres", stays=""),))
    (told,) = asked.told
    assert told.startswith(f"kept on db1: /d/{NAME} (what was there before, 5 MB, for ")
    line = f"rm -rf --one-file-system -- /d/{NAME}"
    assert told.endswith(f"; to remove it, on db1 as postgres: {line}")
    assert asked.already and not asked.extras, "telling is not asking"


def test_the_line_is_quoted_for_a_shell() -> None:
    odd = replace(KEPT, of="/d/it's $HOME; rm")
    assert shlex.split(odd.removal) == ["rm", "-rf", "--one-file-system", "--", odd.path]


def test_where_it_may_hold_the_only_copy_no_line_is_told_but_why() -> None:
    why = "it may hold the only copy of a commit: its WAL goes beyond the fork at 0/5000000"
    (told,) = plan(whole(), kept=(replace(KEPT, owner="postgres", stays=why),)).told
    assert told.endswith(f"; it stays: {why}") and "rm " not in told


def test_no_line_is_told_while_the_pair_is_not_whole() -> None:
    now = seen(primary(), stopped("db1"))
    told = with_leftovers(rebuild_plan(now), now, Leftovers((KEPT,))).told
    (told_of_it,) = (line for line in told if NAME in line)
    assert told_of_it.endswith("; whether it may be removed is told once the pair is whole")


def test_a_removal_that_an_earlier_version_left_half_done_is_told() -> None:
    half = replace(KEPT, state="removing", owner="postgres", stays="")
    assert half.path == "/d/data.removing-20261123T091215Z-e203b494"
    (told,) = plan(whole(), kept=(half,)).told
    assert told.startswith("half removed on db1: ") and half.path in told.rpartition("rm ")[2]


@pytest.mark.parametrize(
    ("base", "holds"),
    [
        ("/d/data.unarchived", "WAL that was never archived"),
        ("/d/data.before-rewind", "what a rewind overwrote"),
        ("/d/data.half-rewound", "a directory whose rewind did not end"),
    ],
)
def test_it_says_what_a_directory_holds(base: str, holds: str) -> None:
    assert replace(KEPT, of=base).holds == holds


@pytest.mark.parametrize(
    "given",
    [
        {"remove_kept": NAME},
        {"remove_kept": ""},
        {"confirm": f"rebuild db1, remove {NAME}"},
        {"confirm": f"rebuild db1, remove {NAME} with what only it may hold"},
    ],
)
def test_who_still_asks_the_runbook_to_remove_is_told_what_to_do(given: dict[str, str]) -> None:
    with pytest.raises(BadParameters, match="removes no directory any more: run verify, which"):
        read_parameters("rebuild", given)


def test_verify_stays_quiet_about_what_is_kept_and_warns_of_half_a_removal() -> None:
    kept = seen(primary(), standby(), {"db1": survey("db1", host=host(kept=(KEPT,)))})
    (told,) = [v for v in judge(HEALTHY, kept) if "renamed aside" in v.title]
    assert (told.level, told.value) == ("ok", f"db1 {NAME} since 2026-11-23")
    half = seen(
        primary(),
        standby(),
        {"db1": survey("db1", host=host(kept=(replace(KEPT, state="removing"),)))},
    )
    assert [v.level for v in judge(HEALTHY, half).against] == ["warning"]
