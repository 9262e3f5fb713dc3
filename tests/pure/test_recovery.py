"""A standby that recovers as we wrote it down, and each leftover that would end that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.judgement.checks import AFTER, HEALTHY, judge
from pgha_helpers.model import Slot
from pgha_helpers.model.conninfo import further_parameters, parts, primary_conninfo, source_conninfo
from pgha_helpers.model.dialect import NEWEST

from .pictures import HERE, SETTINGS, disk, pair, primary, seen, standby

OURS = {
    "recovery_target": "",
    "recovery_target_lsn": "",
    "recovery_target_timeline": "latest",
    "primary_conninfo": primary_conninfo(pair(), pair()["db1"], NEWEST),
    "primary_slot_name": "pgha_db1",
    "restore_command": "",
}


def reasons(**changes: str) -> list[str]:
    now = seen(primary(), standby(settings={**SETTINGS, **OURS, **changes}))
    found = [v.reason for v in judge(AFTER, now).against]
    assert found == [v.reason for v in judge(HEALTHY, now).against if v.level == "critical"]
    return found


def test_what_we_write_is_right() -> None:
    assert reasons() == []
    assert reasons(restore_command="cp /archive/%f %p") == [], "the operator's own"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"recovery_target_lsn": "0/7000000"},
            "recovery_target_lsn is '0/7000000' on db1: recovery ends there",
        ),
        ({"recovery_target": "immediate"}, "recovery_target is 'immediate'"),
        (
            {"recovery_target_timeline": "current"},
            "recovery_target_timeline is 'current' on db1, not 'latest'",
        ),
        ({"promote_trigger_file": "/tmp/go"}, "promote_trigger_file is '/tmp/go'"),
        (
            {"primary_conninfo": "host=10.0.0.11 port=5432"},
            "leads to db1 itself: it was copied from the other node",
        ),
        ({"primary_conninfo": "host=10.0.0.99"}, "leads to 10.0.0.99:5432, not 10.0.0.10:5432"),
        (
            {"primary_conninfo": "host=10.0.0.10 application_name=walreceiver"},
            "calls it 'walreceiver'",
        ),
        (
            {"primary_slot_name": "pgha_db0"},
            "primary_slot_name is 'pgha_db0' on db1, not 'pgha_db1'",
        ),
    ],
)
def test_each_leftover_is_named(changes: dict[str, str], words: str) -> None:
    (reason,) = reasons(**changes)
    assert words in reason


def test_a_definition_without_a_dbname_is_named_where_slots_are_to_be_copied() -> None:
    slot = Slot("app", "logical", True, HERE, "reserved", database="shop", failover=True)
    plain = standby(settings={**SETTINGS, **OURS})
    with_slot = seen(primary(slots=(*primary().slots, slot)), plain)
    (reason,) = [v.reason for v in judge(AFTER, with_slot).against]
    assert (
        reason
        == "primary_conninfo of db1 has no dbname, without which no logical slot is copied to it"
    )
    assert reasons(sync_replication_slots="on") == [reason]
    assert (
        reasons(
            sync_replication_slots="on", primary_conninfo=f"{OURS['primary_conninfo']} dbname=shop"
        )
        == []
    )


def test_a_uri_is_read_too() -> None:
    assert (
        reasons(
            primary_conninfo="postgresql://rep@10.0.0.10:5432/?application_name=db1&sslmode=require"
        )
        == []
    )
    (reason,) = reasons(primary_conninfo="postgres://10.0.0.99/")
    assert "leads to 10.0.0.99:5432, not 10.0.0.10:5432" in reason


KEPT = "sslmode=verify-full sslrootcert=/ca.crt keepalives_idle=7 dbname=app"


@pytest.mark.parametrize(
    ("own", "other", "words"),
    [
        (KEPT, "", KEPT),
        ("", f"{KEPT} passfile=/theirs host=a hostaddr=10.9.9.9 service=x", KEPT),
        ("host=a user=b application_name=c connect_timeout=9", KEPT, f"{KEPT} connect_timeout=9"),
        ("sslmode=prefer gssencmode=prefer", KEPT, f"{KEPT} gssencmode=prefer"),
        (
            "sslmode=verify-full sslrootcert=/mine",
            KEPT,
            "sslmode=verify-full sslrootcert=/mine keepalives_idle=7 dbname=app",
        ),
        ("channel_binding=require", "sslmode=require", "channel_binding=require sslmode=require"),
        (
            "postgres://u:secret@h/app?sslmode=require&sslpassword=s",
            "",
            "sslmode=require dbname=app",
        ),
        ("password=secret sslpassword='s s' sslmode=disable", "", "sslmode=disable"),
    ],
)
def test_what_we_do_not_write_is_kept_and_no_guard_is_weaker(
    own: str, other: str, words: str
) -> None:
    """sslmode=verify-full was gone, silently, after a switchover there and back."""
    told = further_parameters(own, other)
    assert told == parts(words)
    written = primary_conninfo(pair(), pair()["db1"], NEWEST, further=told)
    assert further_parameters(written, other) == parts(f"connect_timeout=3 {words}"), (
        "written down, it says the same"
    )
    assert parts(written)["host"] == "10.0.0.10" and "secret" not in written
    source = parts(source_conninfo(pair(), pair()["db1"], NEWEST, further=told))
    assert source["dbname"] == "postgres" and source.get("sslmode") == told.get("sslmode")


def test_what_waits_for_the_next_restart_is_named_too() -> None:
    plain = standby(
        settings={**SETTINGS, **OURS}, pending_restart=("recovery_target_time", "shared_buffers")
    )
    armed = replace(plain, disk=disk(standby_files=("standby.signal", "recovery.signal")))
    (verdict,) = judge(AFTER, seen(primary(), armed)).against
    assert (
        "recovery_target_time was changed on db1" in verdict.reason
        and "recovery.signal" in verdict.reason
    )
    assert "shared_buffers" not in verdict.reason
