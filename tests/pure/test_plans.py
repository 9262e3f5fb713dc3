"""Which procedure, for which node, with which consent; and when none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pgha_helpers.changes.hand_over import ROADS
from pgha_helpers.changes.still_agreed import MAY_BECOME
from pgha_helpers.judgement.plans import Wishes, promotion_plan, rebuild_plan, setup_plan
from pgha_helpers.model import (
    Blank,
    Hung,
    Lsn,
    Running,
    Silent,
    Slot,
    Snapshot,
    Stopped,
    is_or_was_standby,
)
from pgha_helpers.model.errors import BadParameters, NotSafe, NotSeen
from pgha_helpers.model.host import Start
from pgha_helpers.model.sightings import Sighting

from .pictures import (
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

SILENT = Silent("db0", "no route to host")


# Promote, occasion switchover


def test_a_healthy_pair_is_switched_over_to_its_standby() -> None:
    plan = promotion_plan(healthy())
    assert (plan.kind, plan.consent) == ("switchover", "promote db1")


def test_a_plan_says_what_was_chosen_for_the_stop_and_for_long_transactions() -> None:
    told = "\n".join(promotion_plan(healthy(), on_deadline="cancel", drain="10s").steps)
    assert "after 60 s walsenders of third parties that hold it are ended" in told
    assert "Wait up to 10s for long and idle transactions on db0" in told
    assert "Wait up to" not in "\n".join(promotion_plan(healthy()).steps)
    with pytest.raises(BadParameters, match="on_deadline is 'kill'"):
        promotion_plan(healthy(), on_deadline="kill")


def promoted(node: str, fork: int) -> Stopped:
    """A node that was promoted to timeline 2 where the history says, and has crashed."""
    there = stopped(node, "in production", armed=False)
    return replace(
        there,
        disk=replace(there.disk, histories={2: f"1\t{Lsn(fork)}\tno recovery target specified\n"}),
    )


def test_a_node_that_died_after_its_promotion_is_opened_if_it_has_everything() -> None:
    end = stopped("db0").control.checkpoint.lsn
    plan = promotion_plan(seen(stopped("db0"), promoted("db1", end + 1)))
    assert (plan.kind, plan.node, plan.peer, plan.consent) == (
        "reopen",
        "db1",
        "db0",
        "promote db1",
    )
    with pytest.raises(NotSafe):
        promotion_plan(seen(stopped("db0"), promoted("db1", end)))


def test_the_node_that_is_already_primary_needs_nothing() -> None:
    plan = promotion_plan(healthy(), confirm="promote db0")
    assert plan.already.startswith("already so: db0 is primary, and db1 follows it")


def test_a_killed_run_is_resumed_by_the_same_consent() -> None:
    plan = promotion_plan(seen(stopped("db0"), standby()), confirm="promote db1")
    assert (plan.kind, plan.node, plan.peer) == ("resume", "db1", "db0")


@pytest.mark.parametrize(
    "old",
    [
        Hung(
            "db0",
            "no answer",
            disk(control=control("in production"), standby_files=("standby.signal",)),
        ),
        Hung("db0", "no answer", disk(control=control("shutting down"))),
        Hung("db0", "SQL: FATAL", disk(), "the database system is shutting down"),
    ],
)
def test_one_that_a_killed_run_has_begun_to_stop_is_waited_for(old: Hung) -> None:
    assert promotion_plan(seen(old, standby())).kind == "resume"


def test_after_the_promotion_only_the_way_back_is_missing() -> None:
    now = seen(stopped("db0"), primary("db1", timeline=2))
    for confirm in ("", "promote db1"):
        plan = promotion_plan(now, confirm=confirm)
        assert (plan.kind, plan.node, plan.consent) == ("return", "db1", "promote db1")


def test_with_nobody_writable_the_node_that_has_more_is_promoted() -> None:
    now = seen(standby("db0", received=EARLIER, replayed=EARLIER), standby("db1"))
    assert promotion_plan(now).node == "db1"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (seen(primary(), Silent("db1", "no route")), "db1 cannot be promoted: did not answer"),
        (seen(primary(), Blank("db1", "it is empty")), "run rebuild for db1 first"),
        (seen(SILENT, standby()), "this is a failover"),
        (seen(stopped("db0", "in production"), standby()), "was not stopped cleanly"),
        (
            seen(Hung("db0", "x", disk(), "the database system is starting up"), standby()),
            "db0 is starting",
        ),
        (
            seen(Hung("db0", "no answer", disk()), standby()),
            "db0 is not down, it does not answer us, and may be serving",
        ),
        (seen(stopped("db0"), stopped("db1")), "there is no standby to promote"),
    ],
)
def test_a_switchover_is_refused_with_the_way_out(now: Snapshot, words: str) -> None:
    with pytest.raises(NotSafe, match=words.replace("(", r"\(")) as refused:
        promotion_plan(now)
    assert words in str(refused.value)


def test_two_primaries_are_nobodys_to_promote() -> None:
    with pytest.raises(NotSeen, match="two primaries"):
        promotion_plan(seen(primary(), primary("db1")))


# Promote, occasion failover


def test_a_failover_is_refused_while_the_primary_answers() -> None:
    with pytest.raises(NotSafe, match="occasion=switchover"):
        promotion_plan(healthy(), "failover")


def test_whoever_is_to_be_primary_needs_room_for_that_by_whichever_road() -> None:
    """It would crash in its first checkpoint, and a rerun would say no more than that a disk is
    full.
    """
    full = disk(wal_free=31 * 1024**2, standby_files=("standby.signal",))
    dead = promoted("db1", HERE)
    for now, occasion in (
        (seen(stopped("db0"), standby(receiver=None, disk=full)), "failover"),
        (seen(stopped("db0"), standby(disk=full)), "switchover"),
        (seen(stopped("db0"), replace(dead, disk=replace(dead.disk, wal_free=0))), "switchover"),
    ):
        with pytest.raises(
            NotSafe, match=r"db1 has .* free for its WAL, and needs 32 MB to be primary"
        ) as refused:
            promotion_plan(now, occasion)
        assert "make room where /var/lib/postgresql/18/main/pg_wal lies" in str(refused.value)


def test_a_standby_that_has_died_beside_its_crashed_primary_is_to_be_started() -> None:
    """Each occasion once sent to the other one."""
    now = seen(stopped("db0", "in production"), stopped("db1", "in archive recovery"))
    with pytest.raises(NotSafe, match="db1 was the standby, and does not run") as refused:
        promotion_plan(now, "failover")
    assert "start its server, which stays a standby" in str(refused.value)


def test_silence_does_not_prove_that_a_primary_is_off() -> None:
    with pytest.raises(NotSafe, match='fenced_by="who and how"'):
        promotion_plan(seen(SILENT, standby(receiver=None)), "failover")
    plan = promotion_plan(
        seen(SILENT, standby(receiver=None)), "failover", fenced_by="Ann pulled its power"
    )
    assert "on the word of: Ann pulled its power" in str(plan) and "MAY BE LOST" in str(plan)


def test_a_primary_that_still_streams_is_not_dead_whatever_is_typed() -> None:
    with pytest.raises(NotSafe, match="still streams to db1"):
        promotion_plan(seen(SILENT, standby()), "failover", fenced_by="Ann thinks so")


def test_a_primary_that_refuses_us_is_alive() -> None:
    """One spike of connections must not fail over: it serves everybody but us."""
    full = Hung("db0", "SQL: FATAL: sorry", disk(), "sorry, too many clients already")
    with pytest.raises(NotSafe, match="alive and refuses us"):
        promotion_plan(seen(full, standby()), "failover")


def test_a_node_that_was_stopped_in_recovery_is_judged_by_all_that_it_has() -> None:
    """Its last checkpoint is only a restartpoint: being past that proves nothing."""
    ended = stopped("db0", "shut down in recovery", minimum_recovery=HERE)
    behind = standby(received=EARLIER + 100, replayed=EARLIER + 100, receiver=None)
    assert "THOSE COMMITS WILL BE MISSING" in str(promotion_plan(seen(ended, behind), "failover"))


@pytest.mark.parametrize(
    ("state", "was"),
    [("shut down in recovery", True), ("in archive recovery", True), ("shut down", False)],
)
def test_a_node_that_is_still_ending_is_known_by_its_control_file(state: str, was: bool) -> None:
    """An armed primary crashed, came back as a standby, and its last process had not gone: it was
    opened again.
    """
    assert (
        is_or_was_standby(Hung("db0", "the server does not accept", disk(control=control(state))))
        is was
    )
    assert is_or_was_standby(stopped("db0", state)) is was


def test_a_primary_without_a_standby_is_not_called_well() -> None:
    with pytest.raises(NotSafe, match="it has no standby: db1"):
        promotion_plan(seen(primary(), Blank("db1", "it is empty")), confirm="promote db0")


def test_a_slot_left_on_the_old_primary_is_still_to_be_dropped() -> None:
    left = standby("db1", slots=(Slot("pgha_db0", "physical", False, HERE, "reserved"),))
    plan = promotion_plan(seen(primary(), left), confirm="promote db0")
    assert plan.kind == "return" and not plan.already


def test_a_standby_that_is_starting_is_not_cloned_over() -> None:
    starting = Hung("db1", "SQL: FATAL", disk(), "the database system is starting up")
    with pytest.raises(NotSafe, match="db1 is starting"):
        rebuild_plan(seen(primary(senders=()), starting))
    with pytest.raises(NotSafe, match="db1 is starting"):
        setup_plan(seen(primary(senders=()), starting), "db0")
    refused = Hung("db1", "SQL: no", disk(), 'database "app" does not exist')
    with pytest.raises(NotSafe, match="stop its server, if it is to be replaced"):
        setup_plan(seen(primary(senders=()), refused), "db0")


def test_a_setup_that_died_in_the_primarys_restart_starts_it_again() -> None:
    plan = setup_plan(seen(stopped("db0", armed=False), fresh("db1", "2")), "db0")
    assert "Start db0" in str(plan) and plan.consent == "setup db1, restart db0"
    assert "another cluster (shop)" in str(plan), "what is moved aside is named here too"


@pytest.mark.parametrize("old", [stopped("db0", "in production"), Hung("db0", "no answer", disk())])
def test_a_machine_that_answers_ssh_is_fenced_over_ssh(old: object) -> None:
    plan = promotion_plan(seen(old, standby()), "failover")
    assert plan.kind == "failover" and "every process of its data directory ended" in str(plan)


def test_what_a_cleanly_stopped_primary_had_is_known() -> None:
    assert "nothing is lost" in str(
        promotion_plan(seen(stopped("db0", at=EARLIER), standby()), "failover")
    )
    behind = standby(received=EARLIER, replayed=EARLIER)
    told = str(promotion_plan(seen(stopped("db0", at=HERE), behind), "failover"))
    assert "wrote at least 64 kB more: THOSE COMMITS WILL BE MISSING on db1" in told


def test_another_occasion_is_a_bad_parameter() -> None:
    with pytest.raises(BadParameters, match="'party'"):
        promotion_plan(healthy(), "party")


def test_whatever_a_consented_promotion_has_become_there_is_a_road() -> None:
    """A promotion that was pending came between two looks of the rerun: what was to be resumed was
    done.
    """
    first = {"switchover", "resume", "reopen", "failover"}
    become = set().union(*(MAY_BECOME.get(kind, set()) for kind in first))
    assert first | become == ROADS.keys()


# Setup


def fresh(name: str, system: str = "1", settings: Mapping[str, str] = SETTINGS) -> Running:
    return primary(
        name, senders=(), slots=(), system_id=system, settings=settings, databases=("shop",)
    )


def test_two_clusters_need_to_be_told_which_one_is_kept() -> None:
    with pytest.raises(BadParameters, match="primary=db0 or db1"):
        setup_plan(seen(fresh("db0"), fresh("db1", "2")))


def test_the_other_clusters_databases_are_named() -> None:
    plan = setup_plan(seen(fresh("db0"), fresh("db1", "2")), "db0")
    assert plan.consent == "setup db1"
    assert "another cluster (shop)" in str(plan) and "nothing is deleted" in str(plan)


def test_a_restart_is_an_outage_and_has_to_be_consented_to() -> None:
    old = {**SETTINGS, "data_checksums": "off"}
    plan = setup_plan(seen(fresh("db0", settings=old), Blank("db1", "it is empty")))
    assert plan.consent == "setup db1, restart db0" and "wal_log_hints = on" in str(plan)


def test_a_pair_that_is_set_up_needs_nothing() -> None:
    assert setup_plan(healthy()).already
    missing = setup_plan(healthy(), wishes=Wishes(role="create", hba={"db0": True}))
    assert not missing.already and "Create role replicator" in str(missing)
    squatted = setup_plan(healthy(), wishes=Wishes(role="give"))
    assert "Give role replicator REPLICATION on db0, where somebody has made it without" in str(
        squatted
    )


def test_a_split_brain_is_not_set_up() -> None:
    with pytest.raises(NotSafe, match="split brain"):
        setup_plan(seen(fresh("db0"), fresh("db1")), "db0")


def test_a_standby_cannot_be_the_one_to_keep() -> None:
    with pytest.raises(NotSafe, match="promote notebook"):
        setup_plan(healthy(), "db1")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (stopped("db0", "in production"), "start the cluster that is to be kept"),
        (Blank("db0", "it is empty"), "there is nothing to keep: name the other node"),
        (
            Hung("db0", "SQL: fe_sendauth: no password supplied", disk()),
            "mend what keeps this runbook out of db0",
        ),
        (Silent("db0", "no route"), "mend the way to db0, by SQL or by ssh"),
    ],
)
def test_what_keeps_a_cluster_from_being_kept_has_a_remedy_of_its_own(
    other: Sighting, words: str
) -> None:
    with pytest.raises(NotSafe) as refused:
        setup_plan(seen(other, primary("db1")), "db0")
    assert words in refused.value.remedy


def test_a_setup_that_may_not_change_what_it_must_is_refused_before_its_gate() -> None:
    """It ended with exit code 5: ALTER SYSTEM was forbidden, or the server did not come back from
    its restart.
    """
    few = {**SETTINGS, "max_replication_slots": "3"}
    fixed = primary(settings={**few, "allow_alter_system": "off"})
    with pytest.raises(
        NotSafe,
        match="allow_alter_system is off on db0, and max_replication_slots must change there",
    ):
        setup_plan(seen(fixed, Blank("db1", "it is empty")))
    typo = Wishes(start=Start(("syntax error",)))
    with pytest.raises(
        NotSafe, match="db0 has to be restarted, and would not start again: syntax error"
    ):
        setup_plan(seen(primary(settings=few), Blank("db1", "it is empty")), wishes=typo)
    assert setup_plan(seen(primary(), Blank("db1", "it is empty")), wishes=typo).steps, (
        "nothing is restarted"
    )
