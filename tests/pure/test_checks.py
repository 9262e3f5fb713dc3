"""Judgement in milliseconds: a healthy pair, but for one thing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.judgement.checks import AFTER, BEFORE, HEALTHY, judge
from pgha_helpers.judgement.checks.check import Check
from pgha_helpers.judgement.checks.settings import a_rewind_would_be_possible
from pgha_helpers.model import Blank, Hung, Limits, Lsn, Receiver, Silent, Slot, Snapshot
from pgha_helpers.model.units import Bytes

from .pictures import HERE, SETTINGS, disk, healthy, primary, seen, standby, stopped, survey

SILENT = Silent("db1", "connection timed out; ssh: no route to host")
_STARTS = replace(primary().senders[0], state="startup")


def test_a_healthy_pair_has_nothing_against_it() -> None:
    assert judge(HEALTHY, healthy()).worst == "ok"


@pytest.mark.parametrize(
    ("now", "words", "level"),
    [
        (
            seen(primary(), standby(replayed=HERE - 20 * 1024**2)),
            "20 MB behind, 16 MB allowed",
            "critical",
        ),
        (
            seen(primary(senders=()), standby()),
            "no walsender whose application_name is db1",
            "critical",
        ),
        (
            seen(primary(), standby(receiver=None)),
            "db1 has no walreceiver that streams",
            "critical",
        ),
        (
            seen(primary(), standby(receiver=Receiver("streaming", "10.9.9.9", 5432, "x"))),
            "db1 is fed by 10.9.9.9:5432, not 10.0.0.10:5432",
            "critical",
        ),
        (seen(primary(timeline=2), standby()), "db0 is on 2 and db1 is on 1", "critical"),
        (seen(primary(), standby(replay_paused=True)), "replay is paused on db1", "critical"),
        (
            seen(primary(), standby(disk=disk(held=True))),
            "a query or a lock on db1 holds up its replay",
            "critical",
        ),
        (
            seen(primary(), standby(replay_delay=3600.0)),
            "recovery_min_apply_delay is 60 min",
            "critical",
        ),
        (seen(primary(slots=()), standby()), "db0 has no slot pgha_db1", "critical"),
        (
            seen(primary(slots=(), senders=(_STARTS,)), standby()),
            "the walsender for db1 is in state startup: db0 has no slot pgha_db1",
            "critical",
        ),
        (
            seen(primary(slots=(Slot("pgha_db1", "physical", True, HERE, "lost"),)), standby()),
            "has lost WAL",
            "critical",
        ),
        (
            seen(primary(), standby(settings={**SETTINGS, "max_connections": "50"})),
            "max_connections is 50 on db1, 100 on db0",
            "critical",
        ),
        (
            seen(primary(), standby(system_id="7")),
            "db0 is 7000000000000000001 and db1 is 7",
            "critical",
        ),
        (seen(primary(), standby(version=170002)), "db0 has 18 and db1 has 17", "critical"),
        (seen(primary(), primary("db1")), "two primaries", "critical"),
        (seen(standby("db0"), standby()), "db0 and db1: both are standbys", "critical"),
        (
            seen(primary(disk=disk(standby_files=("standby.signal",))), standby()),
            "but has standby.signal",
            "critical",
        ),
        (seen(primary(shell_silent="no route", disk=None), standby()), "db0: no route", "critical"),
        (
            seen(primary(data_directory="/elsewhere", disk=disk(processes=())), standby()),
            "db0: SQL is answered from /elsewhere, and not from /var/lib/postgresql/18/main",
            "critical",
        ),
        (seen(primary(disk=disk(clock_skew=7.0)), standby()), "db0 is +7.0 s off", "warning"),
        (
            seen(primary(disk=disk(free_bytes=5 * 1024**2)), standby()),
            "db0 has 5 MB free",
            "warning",
        ),
        (seen(primary(disk=disk(wal_free=5 * 1024**2)), standby()), "db0 has 5 MB free", "warning"),
        (
            seen(primary(disk=disk(free_bytes=4096)), standby()),
            "db0 has 4 kB free, and needs 1 MB",
            "critical",
        ),
        (
            seen(
                primary(),
                standby(disk=disk(wal_free=63 * 1024**2, standby_files=("standby.signal",))),
            ),
            "db1 has 63 MB free, and needs 64 MB",
            "critical",
        ),
        (
            seen(primary(settings={**SETTINGS, "data_checksums": "off"}), standby()),
            "wal_log_hints and data checksums are both off",
            "warning",
        ),
        (
            seen(primary(), standby(settings={**SETTINGS, "wal_retrieve_retry_interval": "5000"})),
            "wal_retrieve_retry_interval is 5000 ms on db1",
            "warning",
        ),
        (
            seen(
                primary(),
                standby(slots=(Slot("old", "physical", False, Lsn(0), "extended"),)),
                limits=Limits(slot_wal=Bytes(1024)),
            ),
            "slot old on db1 is unused and keeps",
            "warning",
        ),
        (
            seen(
                primary(), standby(settings={**SETTINGS, "synchronous_standby_names": "ANY 2 (*)"})
            ),
            "synchronous_standby_names is 'ANY 2 (*)' on db1",
            "critical",
        ),
        (
            seen(primary(), standby(), preferred="db1"),
            "db0 is primary, db1 is preferred",
            "warning",
        ),
    ],
)
def test_one_thing_is_wrong_and_is_said(now: Snapshot, words: str, level: str) -> None:
    levels = {v.level for v in judge(HEALTHY, now).against if words in v.reason}
    assert level in levels


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (SILENT, "db1: no answer, neither by SQL nor by ssh: connection timed out"),
        (Hung("db1", "no answer within 3 s", disk()), "db1: no answer within 3 s, although 2"),
        (Blank("db1", "it is empty"), "db1: no cluster: it is empty"),
        (stopped("db1"), "db1: stopped"),
    ],
    ids=["silent", "hung", "blank", "stopped"],
)
def test_whoever_does_not_answer_fails_every_check_that_leans_on_it(
    other: object, words: str
) -> None:
    """And is told once: the cause, and how many checks lean on it."""
    verdicts = judge(BEFORE["switchover"], seen(primary(), other))
    assert verdicts.worst == "critical"
    unknown = [v for v in verdicts if v.level == "unknown"]
    assert len(unknown) > 20 and all(words in v.reason for v in unknown)
    cause, count = verdicts.refusing
    assert cause.level == "critical" and cause.what.startswith(words) and cause.remedy
    told = f"{len(unknown)} of {len(verdicts)} checks could not be asked"
    assert (count.what, count.remedy) == (told, "")


def test_silence_is_never_a_yes() -> None:
    """With both nodes silent nothing is known: what is left to say yes leans on no node, and it has
    no clients.
    """
    nobody = seen(Silent("db0", "x"), SILENT)
    said_yes = {v.title for v in judge((*AFTER, *HEALTHY), nobody) if v.level == "ok"}
    drill = "The last drill that passed is not older than drill_every"
    leaning_on_none = {"No unused slot keeps WAL for ever", "The clients can be moved", drill}
    assert said_yes <= {"Both nodes run the same major version of PostgreSQL", *leaning_on_none}
    assert judge(HEALTHY, nobody).worst == "critical"


@pytest.mark.parametrize(
    "now",
    [
        *(
            seen(primary(), other)
            for other in (
                SILENT,
                Hung("db1", "SQL: x", disk()),
                Blank("db1", "empty"),
                stopped("db1"),
            )
        ),
        seen(Silent("db0", "x"), SILENT),
        seen(standby("db0"), standby()),
        seen(primary(), primary("db1")),
        seen(primary(shell_silent="no route", disk=None), standby()),
        seen(
            primary(), standby(), {"db0": "SQL: db0: permission denied for view pg_file_settings"}
        ),
        seen(
            primary(),
            standby(),
            {"db1": survey("db1", host=None, host_unseen="db1: the shell was lost")},
        ),
    ],
)
def test_what_could_not_be_asked_never_tells_the_remedy_of_what_was_not_found(
    now: Snapshot,
) -> None:
    """A fresh pair was told "a hand-over died after it armed the node", which nobody had seen."""
    remedies = {check.title: check.remedy for check in HEALTHY}
    unknown = [verdict for verdict in judge(HEALTHY, now) if verdict.level == "unknown"]
    assert unknown
    for verdict in unknown:
        assert verdict.causes and not verdict.remedy
        assert all(cause.remedy not in ("", remedies[verdict.title]) for cause in verdict.causes)
    assert "hand-over died" not in str(judge(HEALTHY, now))


def test_every_check_has_a_title_and_a_remedy() -> None:
    for check in (*HEALTHY, *AFTER, *(c for checks in BEFORE.values() for c in checks)):
        assert isinstance(check, Check)
        assert check.title and check.remedy, check.why_not.__name__


@pytest.mark.parametrize(("version", "level"), [(90426, "ok"), (90500, "warning")])
def test_only_where_there_is_a_pg_rewind_its_way_is_to_be_open(version: int, level: str) -> None:
    """Of a pair that was well no verify ended well: "run setup", which had nothing to change."""
    off = {**SETTINGS, "wal_log_hints": "off", "data_checksums": "off"}
    now = seen(primary(version=version, settings=off), standby(version=version, settings=off))
    (verdict,) = judge([a_rewind_would_be_possible], now)
    assert verdict.level == level
