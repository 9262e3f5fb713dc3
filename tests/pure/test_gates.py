"""What a close look adds to the judgement: each gate's yes, its no, and its silence."""

from __future__ import annotations

import pytest

from pgha_helpers.judgement.checks import (
    AFTER,
    BEFORE,
    HEALTHY,
    before,
    judge,
    parity,
    read_traffic,
)
from pgha_helpers.judgement.checks.activity import (
    no_transaction_is_long,
)
from pgha_helpers.judgement.checks.recovery import no_file_waits_to_promote_the_standby
from pgha_helpers.judgement.checks.serving import both_nodes_sort_alike
from pgha_helpers.judgement.plans import Evidence, promotion_plan, rebuild_plan
from pgha_helpers.judgement.plans.sorting import asking_sorted
from pgha_helpers.model import Limits, Sender, Slot, Snapshot
from pgha_helpers.model.conninfo import PROOF
from pgha_helpers.model.host import Restore
from pgha_helpers.model.pair import Bytes, Commands
from pgha_helpers.model.survey import (
    Database,
    LogicalSlot,
    Transaction,
)

from .pictures import (
    EARLIER,
    HERE,
    SETTINGS,
    disk,
    healthy,
    primary,
    seen,
    standby,
    stopped,
    survey,
)
from .pictures import host as shell
from .refused import (
    APP,
    ARCHIVES,
    HISTORY,
    MB,
    NO,
    archiver,
    close,
    lags,
    on_timeline_two,
    served,
    starts,
)


@pytest.mark.parametrize(("now", "words", "level"), NO)
def test_a_gate_says_no_in_words(now: Snapshot, words: str, level: str) -> None:
    for checks in (HEALTHY, BEFORE["switchover"]):
        assert level in {v.level for v in judge(checks, now).against if words in v.reason}


@pytest.mark.parametrize(
    "now",
    [
        on_timeline_two(HISTORY, HISTORY.replace("\t", "  ") + "\n"),
        lags(6 * MB, 5 * MB),
        lags(0, 3 * MB),
        archiver(mode="off", failing=True, waiting=9),
        archiver(failing=True, last_failed="0B"),
        archiver(waiting=2, oldest=0.1, segment=0.05),
        close({"transactions": (Transaction(7, "app", "", "shop", "active", 0.5, 1),)}),
        close(db1={"transactions": (APP,)}),
        close(
            {"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True, failover=True),)},
            {
                "logical_slots": (
                    LogicalSlot("sub", "pgoutput", "shop", False, failover=True, synced=True),
                )
            },
        ),
        close(
            {"logical_slots": (LogicalSlot("old", "pgoutput", "shop", False, lost="rows_removed"),)}
        ),
        close({"databases": (Database("shop", {"public.cache": 0}),)}),
        seen(
            primary(), standby(settings={**SETTINGS, "synchronous_standby_names": "FIRST 1 (db0)"})
        ),
        close(db1={"host": shell(restore=Restore(0.01))}),
        close({"collations": {"shop": "2.36"}}, {"collations": {"shop": "2.36", "gone": "1"}}),
        close(db1={"let_in": ("host all all 10.0.0.0/8 md5",)}),
        close({"settings": ARCHIVES}, {"settings": ARCHIVES}),
        starts(given={"port": "5432"}),
        starts(max_connections="500", wal_level="logical"),
        served("pg_ctlcluster 15 main", "'-o \"-p 5544\"'"),
        served(Commands(("sudo", "systemctl", "start", "pg"), ("true",)), unit="pg.service"),
        served(Commands(("docker", "start", "pg"), ("docker", "stop", "pg"))),
    ],
)
def test_what_is_harmless_is_let_through(now: Snapshot) -> None:
    assert judge(HEALTHY, now).worst == "ok"


def test_a_slot_that_is_there_already_needs_no_free_one() -> None:
    full = {**SETTINGS, "max_replication_slots": "1"}
    slot = Slot("pgha_db0", "physical", False, None, "")
    assert judge(HEALTHY, seen(primary(), standby(settings=full, slots=(slot,)))).worst == "ok"


def test_the_proof_of_a_connection_is_not_taken_for_a_walsender_in_use() -> None:
    one = {**SETTINGS, "max_wal_senders": "10"}
    proof = Sender(9, PROOF, "replicator", "", "startup", HERE, HERE, HERE, HERE, 0.0, "async")
    taken = seen(primary(), standby(settings=one, senders=(proof,) * 10))
    assert not [v for v in judge(HEALTHY, taken).against if "walsenders" in v.reason]


@pytest.mark.parametrize(
    ("version", "names"),
    [
        (110022, "max_connections"),
        (110022, ""),
        (120022, "max_wal_senders"),
        (180006, "max_wal_senders"),
    ],
)
def test_settings_that_stop_replay_are_those_of_the_version(version: int, names: str) -> None:
    """max_wal_senders joined them with 12."""
    lower = {**SETTINGS, names or "max_wal_senders": "5"}
    now = seen(primary(version=version), standby(version=version, settings=lower))
    reasons = str([v.reason for v in judge(HEALTHY, now).against])
    assert ("is 5 on db1" in reasons) is bool(names)


def test_slots_that_cannot_move_before_17_are_said_so() -> None:
    slot = (LogicalSlot("sub", "pgoutput", "shop", True),)
    surveys = {"db0": survey("db0", logical_slots=slot)}
    old = judge(HEALTHY, seen(primary(version=160009), standby(version=160009), surveys))
    new = judge(HEALTHY, seen(primary(), standby(), surveys))
    assert "slots do not move before 17" in str(old)
    assert "slots do not move before 17" not in str(new)


@pytest.mark.parametrize("missing", ["db0", "db1"])
def test_without_a_close_look_no_gate_that_needs_one_says_yes(missing: str) -> None:
    """The same snapshot, but for one node that was not looked at closely, or whose shell did not
    answer.
    """
    whole = healthy()
    for found in (
        {missing: "SQL: no answer within 5 s"},
        {missing: survey(missing, host=None, host_unseen="no ssh")},
    ):
        now = Snapshot(whole.pair, whole.sightings, survey={**whole.survey, **found})
        verdicts = judge(BEFORE["switchover"], now)
        assert verdicts.worst == "unknown"
        assert all(missing in v.reason for v in verdicts.against)
    never = Snapshot(whole.pair, whole.sightings)
    told = [
        v
        for v in judge(BEFORE["switchover"], never).against
        if "was not looked at closely" in v.reason
    ]
    assert len(told) >= 14


def test_with_a_drain_long_transactions_are_told_and_do_not_refuse() -> None:
    now = close({"transactions": (APP,)})
    assert judge(before("switchover"), now).worst == "critical"
    drained = judge(before("switchover", drain=True), now)
    assert drained.worst == "warning" and "pid 77" in str(drained)
    assert len(before("switchover", drain=True)) == len(before("switchover"))
    assert no_transaction_is_long in before("switchover")


def test_a_node_that_sorts_otherwise_is_moved_to_by_words_that_say_so() -> None:
    now = close({"collations": {"shop": "2.36"}}, {"collations": {"shop": "2.41"}})
    assert judge(before("switchover"), now).worst == "critical"
    plan = asking_sorted(promotion_plan(now), both_nodes_sort_alike(now))
    assert plan.consent == "promote db1, sorted otherwise"
    assert "SORTS TEXT OTHERWISE (shop: 2.36 on db0, 2.41 on db1)" in str(plan)
    named = judge(before("switchover", sorted_otherwise=True), now)
    assert named.worst == "warning" and "shop: 2.36 on db0" in str(named)
    alike = close({"collations": {"shop": "2.36"}}, {"collations": {"shop": "2.36"}})
    plan = promotion_plan(alike)
    assert asking_sorted(plan, both_nodes_sort_alike(alike)) == plan


def test_settings_that_differ_are_a_table_and_a_warning() -> None:
    mine = {"work_mem": "4MB", "port": "5432", "archive_command": "cp %p /a/%f"}
    now = close({"settings": mine}, {"settings": {"work_mem": "64MB", "port": "5433"}})
    table = str(parity(now))
    assert (
        "work_mem" in table
        and "64MB" in table
        and "archive_command" in table
        and "not there" in table
    )
    assert "port" not in table, "each node has its own"
    (verdict,) = judge(HEALTHY, now).against
    assert (
        verdict.level == "warning" and "work_mem is '4MB' on db0, '64MB' on db1" in verdict.reason
    )
    assert "none" in str(parity(healthy()))
    now = close(
        {"settings": {"archive_command": "push -t hush %p", "app.pass": "hush"}}, {"settings": {}}
    )
    assert "a text that is not shown" in str(parity(now)) and "hush" not in str(parity(now)) + str(
        judge(HEALTHY, now)
    )


def test_what_the_standby_can_serve_is_told() -> None:
    settings = {"max_standby_streaming_delay": "30s", "hot_standby_feedback": "on"}
    told = str(
        read_traffic(close({"standby_xmin_age": 42}, {"settings": settings, "conflicts": 3}))
    )
    assert "host=10.0.0.10,10.0.0.11 port=5432,5432 target_session_attrs=prefer-standby" in told
    assert "libpq 14 or newer" in told and "dead rows of 42 transactions" in told and "30s" in told
    without = str(
        read_traffic(close(db1={"settings": {**settings, "hot_standby_feedback": "off"}}))
    )
    assert "is cancelled after that delay" in without
    whole = healthy()
    assert "was not looked at closely" in str(read_traffic(Snapshot(whole.pair, whole.sightings)))


def test_the_worst_comes_first_and_a_terminal_gets_sentences() -> None:
    now = close({"transactions": (APP,), "databases": (Database("shop", {"public.cache": 8192}),)})
    verdicts = judge(HEALTHY, now)
    rows = [row[0] for row in verdicts.table().rows]
    assert rows[:2] == ["✗ critical", "! warning"] and set(rows[2:]) == {"✓ ok"}
    lines = str(verdicts).splitlines()
    assert lines[0].startswith("✗ critical: No client") and lines[1].startswith(
        "    open on db0: pid 77"
    )
    assert f"{len(verdicts) - 2} of {len(verdicts)} checks say yes" in str(verdicts)
    assert max(map(len, lines[4:])) <= 160
    page = verdicts._repr_html_()
    assert (
        page.index("pid 77")
        < page.index("public.cache")
        < page.index("checks say yes")
        < page.index("✓ ok")
    )


def test_every_gate_of_a_switchover_shows_a_value() -> None:
    """A yes without what was read is only a claim; what is absent may have nothing to show."""
    bare = [v.title for v in judge(BEFORE["switchover"], healthy()) if not v.value]
    assert bare == []


def test_a_quarter_of_the_limit_is_of_the_pair_file() -> None:
    surveys = lags(5 * MB, 6 * MB).survey
    wide = Limits(lag=Bytes(100 * MB))
    assert judge(HEALTHY, seen(primary(), standby(), surveys, limits=wide)).worst == "ok"


def test_a_file_that_would_promote_the_standby_is_refused_and_a_rebuild_removes_it() -> None:
    now = seen(
        primary(), standby(disk=disk(standby_files=("standby.signal",), triggers=("promote",)))
    )
    (verdict,) = judge([no_file_waits_to_promote_the_standby], now)
    assert verdict.level == "critical" and "rebuild" in verdict.remedy
    assert no_file_waits_to_promote_the_standby in {*BEFORE["switchover"], *AFTER, *HEALTHY}
    plan = rebuild_plan(now, evidence=Evidence("the record", "the record", EARLIER, same=True))
    assert (
        plan.kind == "follow"
        and plan.steps[1] == "Remove promote, by which db1 may promote itself at any moment"
    )


def test_a_failover_removes_it_before_anything_else() -> None:
    """It might open with less than its old primary's disk holds."""
    lost, alone = (
        stopped(state="in production", armed=False),
        disk(triggers=("promote", "fallback_promote")),
    )
    steps = promotion_plan(seen(lost, standby(receiver=None, disk=alone)), "failover").steps
    assert (
        steps[0] == "Remove promote and fallback_promote, by which db1 may promote itself too early"
    )
