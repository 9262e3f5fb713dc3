"""A standby that recovers as we wrote it down, and each leftover that would end that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pgha_helpers.checks import AFTER, HEALTHY, judge
from pgha_helpers.conninfo import primary_conninfo

from .pictures import SETTINGS, disk, pair, primary, seen, standby

OURS = {
    "recovery_target": "",
    "recovery_target_lsn": "",
    "recovery_target_timeline": "latest",
    "primary_conninfo": primary_conninfo(pair(), pair()["db1"]),
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
        ({"recovery_target_lsn": "0/7000000"}, "recovery_target_lsn is '0/7000000' on db1: recovery ends there"),
        ({"recovery_target": "immediate"}, "recovery_target is 'immediate'"),
        ({"recovery_target_timeline": "current"}, "recovery_target_timeline is 'current' on db1, not 'latest'"),
        ({"promote_trigger_file": "/tmp/go"}, "promote_trigger_file is '/tmp/go'"),
        ({"primary_conninfo": "host=10.0.0.11 port=5432"}, "leads to db1 itself: it was copied from the other node"),
        ({"primary_conninfo": "host=10.0.0.99"}, "leads to 10.0.0.99:5432, not 10.0.0.10:5432"),
        ({"primary_conninfo": "host=10.0.0.10 application_name=walreceiver"}, "calls it 'walreceiver'"),
        ({"primary_slot_name": "pgha_db0"}, "primary_slot_name is 'pgha_db0' on db1, not 'pgha_db1'"),
    ],
)
def test_each_leftover_is_named(changes: dict[str, str], words: str) -> None:
    (reason,) = reasons(**changes)
    assert words in reason


def test_what_waits_for_the_next_restart_is_named_too() -> None:
    plain = standby(settings={**SETTINGS, **OURS}, pending_restart=("recovery_target_time", "shared_buffers"))
    armed = replace(plain, disk=disk(standby_files=("standby.signal", "recovery.signal")))
    (verdict,) = judge(AFTER, seen(primary(), armed)).against
    assert "recovery_target_time was changed on db1" in verdict.reason and "recovery.signal" in verdict.reason
    assert "shared_buffers" not in verdict.reason
