"""What a close look adds to the judgement: each gate's yes, its no, and its silence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    nobody_else_who_reads_wal_would_be_left_behind,
)
from pgha_helpers.judgement.checks.recovery import no_file_waits_to_promote_the_standby
from pgha_helpers.judgement.plans import Evidence, promotion_plan, rebuild_plan
from pgha_helpers.model import Limits, Lsn, Sender, Slot, Snapshot
from pgha_helpers.model.conninfo import PROOF
from pgha_helpers.model.host import Manager, Restore, Start
from pgha_helpers.model.pair import Bytes, Commands
from pgha_helpers.model.survey import (
    Archiver,
    BaseBackup,
    Database,
    LogicalSlot,
    PreparedTransaction,
    Transaction,
    WalReading,
)

from .pictures import (
    EARLIER,
    HERE,
    SETTINGS,
    disk,
    healthy,
    pair,
    primary,
    seen,
    standby,
    stopped,
    survey,
)
from .pictures import host as shell

MB = 1024**2
APP = Transaction(77, "app", "billing", "shop", "idle in transaction", 3600.0, 12)
HISTORY = "1\t0/4000000\tno recovery target specified"


def close(
    db0: dict[str, Any] | None = None, db1: dict[str, Any] | None = None, **changes: Any
) -> Snapshot:
    """A healthy pair, but for these fields of the surveys."""
    surveys = {"db0": survey("db0", **(db0 or {})), "db1": survey("db1", **(db1 or {}))}
    return seen(primary(), standby(), surveys, **changes)


def on_timeline_two(ours: str, theirs: str) -> Snapshot:
    """A pair whose history files of timeline 2 say this."""
    first = primary(timeline=2, disk=disk(histories={2: ours}))
    return seen(first, standby(timeline=2, disk=disk(histories={2: theirs} if theirs else {})))


def lags(first: int, last: int) -> Snapshot:
    """A pair whose standby was so many bytes behind at the two readings, with 16 MB allowed."""
    ours = (WalReading(1.0, HERE), WalReading(1.25, Lsn(HERE + last)))
    theirs = (WalReading(1.0, Lsn(HERE - first)), WalReading(1.25, HERE))
    return close({"readings": ours}, {"readings": theirs})


def archiver(**changes: Any) -> Snapshot:
    told = {"mode": "on", "last_archived": "0A", "last_failed": "", "failing": False, **changes}
    return close({"archiver": Archiver(**told)})


def starts(
    refused: tuple[str, ...] = (), given: dict[str, str] | None = None, **settings: str
) -> Snapshot:
    """A pair whose primary would start with these settings, and was given these at its last
    start.
    """
    return close(
        {"host": shell(start=Start(refused, {**SETTINGS, **settings})), "given": given or {}}
    )


def served(service: str | Commands, options: str = "", unit: str = "") -> Snapshot:
    """A pair whose primary was given a port at its start, and is started by this service."""
    node = replace(pair().nodes[0], service=service)
    told = {"host": shell(options=options, unit=unit), "given": {"port": "5544"}}
    return close(told, nodes=(node, pair().nodes[1]))


def host(**changes: Any) -> Snapshot:
    return close({"host": shell(**changes)})


FIXED = {**SETTINGS, "allow_alter_system": "off"}
ARCHIVES = {"archive_mode": "on", "archive_command": "cp %p /archive/%f"}
NO = [
    (
        on_timeline_two(HISTORY, HISTORY.replace("4000000", "4000100")),
        "00000002.history ends with",
        "critical",
    ),
    (on_timeline_two(HISTORY, ""), "db1 has no 00000002.history", "unknown"),
    (lags(5 * MB, 6 * MB), "db1 falls behind: 6 MB, growing by 4 MB a second", "critical"),
    (
        seen(primary(), standby(replay_paused=True)),
        "somebody called pg_wal_replay_pause()",
        "critical",
    ),
    (close(db1={"pause": "pause requested"}), "replay is asked to pause on db1", "critical"),
    (
        seen(primary(), standby(replay_paused=True, settings={**SETTINGS, "max_wal_senders": "5"})),
        "replay is paused on db1 at 0/5000000: max_wal_senders is 5 on db1, 10 on db0",
        "critical",
    ),
    (
        seen(primary(), standby(settings={**SETTINGS, "max_wal_senders": "0"})),
        "all 0 walsenders of db1",
        "critical",
    ),
    (
        seen(primary(), standby(settings={**SETTINGS, "max_replication_slots": "0"})),
        "all 0 replication slots of db1",
        "critical",
    ),
    (
        host(connection="FATAL: no pg_hba.conf entry"),
        "db0 cannot replicate from db1: FATAL: no pg_hba",
        "critical",
    ),
    (
        host(refused=("sudo -n -u postgres /x/pg_ctl is not allowed",)),
        "db0: sudo -n -u postgres /x/pg_ctl",
        "critical",
    ),
    (
        close({"prepared": (PreparedTransaction("tx 1", "app", "shop", 90000.0),)}),
        "prepared on db0: 'tx 1' of app in shop, 25 h old",
        "critical",
    ),
    (
        close({"transactions": (APP,)}),
        "pid 77 (app, billing, idle in transaction) for 60 min, holds xmin back by 12",
        "critical",
    ),
    (close({"transactions": (APP,) * 5}), "and 2 more", "critical"),
    (
        close({"backups": (BaseBackup(5, "pg_basebackup", "streaming"),)}),
        "pid 5 (pg_basebackup, str",
        "critical",
    ),
    (close(db1={"backups": (BaseBackup(5, "", "streaming"),)}), "streaming) on db1", "critical"),
    (
        archiver(failing=True, last_failed="0B", waiting=2),
        "archiving fails on db0, last of 0B; 2 segments",
        "critical",
    ),
    (archiver(waiting=1, oldest=60.0, segment=0.1), "a segment has waited 60 s", "critical"),
    (
        archiver(waiting=30, oldest=5.0, segment=0.5),
        "the archiver of db0 needs about 15.5 s, 10 s allowed",
        "critical",
    ),
    (archiver(waiting=3), "3 segments wait, and nothing tells how long one takes", "unknown"),
    (
        host(managers=(Manager("repmgrd", "repmgrd (pid 9)", True),)),
        "repmgrd (pid 9) on db0",
        "critical",
    ),
    (
        host(managers=(Manager("repmgrd", "repmgrd (pid 9)", False),)),
        "repmgrd (pid 9) on db0",
        "warning",
    ),
    (
        host(managers=(Manager("cron", "cron: @daily pg_ctl stop", False),)),
        "cron: @daily pg_ctl stop",
        "warning",
    ),
    (
        close({"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True),)}),
        "sub (pgoutput in shop",
        "warning",
    ),
    (
        starts(('invalid value for parameter "x": "1"',)),
        'db0: invalid value for parameter "x": "1"',
        "critical",
    ),
    (
        close(
            {
                "host": shell(start=Start(('bad "shared_buffers"',), {})),
                "misset": {
                    "shared_buffers": "/etc/a.conf line 7",
                    "work_mem": "/etc/a.conf line 9",
                },
            }
        ),
        'db0: bad "shared_buffers" (/etc/a.conf line 7)',
        "critical",
    ),
    (
        close(db1={"host": shell(start=Start(("no",), {}))}),
        "what db1 would start with is not known: no",
        "unknown",
    ),
    (
        starts(given={"port": "5544"}),
        "with what its service does not give: port is 5544, and would be 5432",
        "critical",
    ),
    (
        served("pg_ctlcluster 15 main", "'-o \"-c work_mem=7MB\"'"),
        "port is 5544, and would be 5432",
        "critical",
    ),
    (
        served(Commands(("sudo", "systemctl", "start", "pg"), ("true",))),
        "port is 5544, and would be 5432",
        "critical",
    ),
    (
        starts(given={"max_connections": "50"}, max_connections="50"),
        "the command line of db0 cannot be overruled: max_connections is lower than on db1 (100)",
        "critical",
    ),
    (starts(port="5433"), "after a restart of db0 port is 5432, and would be 5433", "critical"),
    (
        starts(listen_addresses="10.0.0.10"),
        "listen_addresses is '*', and would be '10.0.0.10'",
        "critical",
    ),
    (
        starts(max_connections="50"),
        "db0 would start with max_connections = 50, db1 has 100",
        "warning",
    ),
    (starts(hot_standby="off"), "db0 would start with hot_standby = off, db1 has on", "warning"),
    (starts(recovery_min_apply_delay="3600000"), "db0 would replay 60 min late", "warning"),
    (
        close(db1={"host": shell(start=Start((), {**SETTINGS, "max_wal_senders": "5"}))}),
        "db1 would start with max_wal_senders = 5, db0 has 10",
        "warning",
    ),
    (close(db1={"waiting": ("shared_buffers",)}), "shared_buffers on db1", "warning"),
    (
        close({"host": shell(restore=Restore(0.0, 127))}),
        "cannot be run: on db0 it ends with status 127",
        "critical",
    ),
    (
        close({"collations": {"shop": "2.36"}}, {"collations": {"shop": "2.41"}}),
        "shop: 2.36 on db0, 2.41 on db1",
        "warning",
    ),
    (
        close(db1={"host": shell(start=Start((), SETTINGS, "18.7"))}),
        "db1 runs 18.6 and would start as 18.7",
        "warning",
    ),
    (
        close(db1={"settings": {"default_transaction_read_only": "on"}}),
        "read_only is on on db1",
        "critical",
    ),
    (
        close(
            {"let_in": ("host all app samenet md5", "local all all peer")},
            {"let_in": ("local all all peer",)},
        ),
        "pg_hba.conf of db1 lacks host all app samenet md5",
        "warning",
    ),
    (close({"let_in": tuple("abcde")}), "lacks a; b; c and 2 more", "warning"),
    (
        close({"settings": {"ssl": "on"}}, {"settings": {"ssl": "off"}}),
        "ssl is off on db1",
        "warning",
    ),
    (
        close(db1={"host": shell(expired="Nov  1 00:00:00 2026 GMT")}),
        "certificate of db1 ends Nov  1",
        "warning",
    ),
    (
        close({"settings": ARCHIVES}, {"settings": {**ARCHIVES, "archive_mode": "off"}}),
        "db0 archives its WAL, and db1 would not",
        "warning",
    ),
    (
        close(db1={"host": shell(restore=Restore(1.0))}),
        "restore_command on db1 takes 1 s to say that it has not a file, and a promotion asks "
        "about 5 times: 5 s",
        "warning",
    ),
    (
        close(db1={"host": shell(restore=Restore(5.1, 137))}),
        "about 5 times: at least 25.5 s",
        "warning",
    ),
    (
        close(db1={"settings": {"recovery_end_command": "slow"}}),
        "db1 waits for its recovery_end_command",
        "warning",
    ),
    (seen(primary(settings=FIXED), standby()), "allow_alter_system is off on db0", "critical"),
    (seen(primary(), standby(settings=FIXED)), "allow_alter_system is off on db1", "warning"),
    (
        seen(primary(disk=disk(standby_files=("recovery.signal",))), standby()),
        "db0: recovery.signal would",
        "critical",
    ),
    (
        host(fixed="it is mounted there"),
        "postgresql.auto.conf of db0: it is mounted there",
        "critical",
    ),
    (
        close({"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True, failover=True),)}),
        "not yet on db1: sub",
        "critical",
    ),
    (
        close(
            {"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", True, failover=True),)},
            {"logical_slots": (LogicalSlot("sub", "pgoutput", "shop", False, failover=True),)},
        ),
        "sub (db1 has a slot of its own of that name, from when it was primary: db1.sub)",
        "critical",
    ),
    (
        close({"databases": (Database("shop", {"public.cache": 8192}),)}),
        "public.cache in shop (8 kB)",
        "warning",
    ),
    (
        close({"databases": (Database("shop", unseen="no pg_hba.conf entry"),)}),
        "shop on db0: no pg_hba",
        "warning",
    ),
    (
        close(db1={"databases": (Database("shop", extensions_missing=("postgis 3.4",)),)}),
        "db1 lacks the files of postgis 3.4 in shop",
        "warning",
    ),
]


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


def further(name: str, **changes: Any) -> Sender:
    """Somebody else whom the primary feeds."""
    plain = Sender(
        201, name, "replicator", "10.0.0.12", "streaming", HERE, HERE, HERE, HERE, 0.0, "async"
    )
    return replace(plain, **changes)


def read_by(*others: Sender, slots: tuple[Slot, ...] = ()) -> Snapshot:
    plain = primary()
    return seen(
        replace(plain, senders=(*plain.senders, *others), slots=(*plain.slots, *slots)), standby()
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            read_by(further("db2", slot="db2", kind="physical")),
            "the standby db2 at 10.0.0.12, by slot db2",
        ),
        (read_by(further("db2")), "the standby db2 at 10.0.0.12, without a slot"),
        (
            read_by(further("pg_receivewal", replayed=Lsn(0), slot="barman")),
            "pg_receivewal at 10.0.0.12, by slot barman",
        ),
        (
            read_by(slots=(Slot("db2", "physical", False, HERE, "reserved"),)),
            "whoever owns slot db2, which is idle",
        ),
    ],
)
def test_whoever_else_reads_wal_is_named_by_day_and_at_the_gate(now: Snapshot, words: str) -> None:
    (verdict,) = judge([nobody_else_who_reads_wal_would_be_left_behind], now)
    assert verdict.level == "warning" and verdict.reason == f"would stay behind on db0: {words}"
    assert f"behind on db0 stay, until you point them at db1: {words}" in promotion_plan(now).told


def test_who_needs_nothing_or_is_told_elsewhere_is_no_reader() -> None:
    own_proof = (
        further(PROOF),
        further("pg_basebackup", state="backup"),
        further("cdc", kind="logical", slot="cdc"),
    )
    now = read_by(*own_proof, slots=(Slot("tmp", "physical", False, None, "", temporary=True),))
    assert judge([nobody_else_who_reads_wal_would_be_left_behind], now).worst == "ok"
