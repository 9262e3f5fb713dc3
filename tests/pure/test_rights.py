"""What the role that changes lacks is said before it is to change, with the GRANT that helps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pgha_helpers.judgement.checks import HEALTHY, before, judge
from pgha_helpers.model import Snapshot
from pgha_helpers.model.grants import TO_CHANGE
from pgha_helpers.model.major import Major
from pgha_helpers.model.rights import Rights, to_ask

from .pictures import primary, seen, standby, stopped

CONNINFO = "alter system on parameter primary_conninfo"
PROMOTE = "execute on function pg_promote(boolean, integer)"
BACKUP = "execute on function pg_backup_start(text, boolean)"


def by(*lacks: str, version: int = 180006, **told: Any) -> Snapshot:
    """A pair whose role that changes is no superuser, and lacks these."""
    rights = replace(Rights("ann", True, False, lacks), **told)
    nodes = (primary(rights=rights, version=version), standby(rights=rights, version=version))
    return seen(*nodes, user="ann", database="app")


def told(now: Snapshot, kind: str = "switchover", drain: bool = False) -> list[tuple[str, str]]:
    """Level and sentence of whatever is not well."""
    return [(it.level, it.sentence) for it in judge(before(kind, drain), now).reasons]


def test_who_has_all_grants_is_asked_for_nothing_more() -> None:
    assert judge(HEALTHY, by()).worst == "ok"


def test_each_right_that_every_change_takes_is_named_once_for_both_nodes() -> None:
    assert told(by(CONNINFO, "alter system on parameter wal_level", "pg_checkpoint")) == [
        (
            "critical",
            "db0 and db1: role 'ann' lacks pg_checkpoint: CHECKPOINT before the stop. "
            'To do: on the primary: grant pg_checkpoint to "ann";.',
        ),
        (
            "critical",
            f"db0 and db1: role 'ann' lacks {CONNINFO}, wal_level: a node's standby definition, "
            "what is set for now, and what a standby needs as much of. To do: on the primary, in "
            f'database app: grant {CONNINFO}, wal_level to "ann";.',
        ),
    ]


def test_what_a_role_has_by_itself_is_told_as_alter_role_says_it() -> None:
    first, second, third = told(by("replication", "login", "connect on database app"))
    assert first[1].endswith('in database app: grant connect on database app to "ann";.')
    assert second[1].endswith('To do: on the primary: alter role "ann" login;.')
    assert third[1].endswith('To do: on the primary: alter role "ann" replication;.')


def test_what_most_changes_do_without_is_a_warning() -> None:
    now = by(BACKUP, "pg_signal_backend")
    assert [level for level, _ in told(now)] == ["warning", "warning"]
    assert [level for level, _ in told(now, drain=True)] == ["critical", "warning"]
    assert "pg_signal_backend" in told(now, drain=True)[0][1]
    assert [level for level, _ in told(now, "clone")] == []
    assert [level for level, _ in told(now, "rsync")] == ["critical"]


def test_a_failover_is_refused_only_for_what_it_cannot_go_on_without() -> None:
    """Nothing can be granted then."""

    def failover(*lacks: str) -> list[tuple[str, str]]:
        rights = Rights("ann", True, False, lacks)
        return told(seen(stopped("db0", "in production"), standby(rights=rights)), "failover")

    assert failover("pg_checkpoint", "alter system on parameter wal_level") == []
    ((level, words),) = failover(PROMOTE)
    assert level == "critical" and words.startswith(f"db1: role 'ann' lacks {PROMOTE}")
    assert "grant execute" not in words and "name a superuser as user: in the pair file" in words


@pytest.mark.parametrize("kind", ["switchover", "clone", "failover"])
def test_before_15_nothing_is_enough_but_a_superuser(kind: str) -> None:
    rights = {"there": True, "superuser": False}
    now = by(version=140020, **rights)
    if kind == "failover":
        now = seen(stopped("db0", "in production"), now.standby)
    (level, words), *others = told(now, kind)
    assert level == "critical" and not others
    assert "no superuser: before 15" in words and "name a superuser as user: in" in words
    assert ('alter role "ann" superuser;' in words) == (kind != "failover")


def test_a_role_that_is_not_there_is_said_to_be_missing() -> None:
    for kind in ("switchover", "setup"):
        ((level, words),) = told(by(there=False), kind)
        assert level == "critical"
        assert words == (
            "db0 and db1: there is no role 'ann', which is to change. To do: `pgha grants prod "
            "operator` prints it; or name a superuser as user: in the pair file."
        )


def test_setup_takes_a_superuser() -> None:
    ((level, words),) = told(by(), "setup")
    assert level == "critical" and "setup makes roles" in words


def test_what_is_asked_of_each_version_is_what_is_granted_there() -> None:
    for major in (Major(number) for number in range(15, 19)):
        roles, functions, tables, parameters = to_ask(major)
        granted = " ".join(it for g in TO_CHANGE if g.there_is(major) for it in g.given)
        for word in (*functions, *tables, *parameters):
            assert word in granted
        assert ("promote_trigger_file" in parameters) == (major == Major(15))
        assert {"pg_checkpoint", "pg_signal_backend", "pg_read_all_stats"} <= {*roles}
