"""The role that changes is no superuser: what it lacks is named before anything is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgha_helpers.judgement.checks import HEALTHY, judge
from pgha_helpers.model.grants import BY_ITSELF, TO_CHANGE
from pgha_helpers.model.major import Major

from ..conftest import pgha
from ..embedded import Lab
from .looks import snapshot
from .roles import WATCHER, typed, with_role
from .servers import ask, state_of, wait_for

OPERATOR = "pgha_operator"
PROMOTE = "execute on function pg_promote(boolean, integer)"


@pytest.fixture(scope="module")
def operated(pair: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair file of a pair that one role watches and another one, no superuser, changes."""
    for word in ("monitor", "operator"):
        typed(pair, word)
    path = with_role(pair, tmp_path_factory.mktemp("operated"), monitor_user=WATCHER, user=OPERATOR)
    assert wait_for(lambda: not against(path))
    return path


def against(path: Path) -> set[str]:
    """What there is to be done about the role that changes, by a close look as the other one."""
    reasons = judge(HEALTHY, snapshot(path)).reasons
    return {it.remedy for it in reasons if OPERATOR in it.what}


def test_every_right_that_is_taken_away_is_named_and_given_again(pair: Lab, operated: Path) -> None:
    for grant in (*TO_CHANGE, *BY_ITSELF):
        if not grant.there_is(Major(18)):
            continue
        for given in grant.given:
            taken = (
                f"alter role {OPERATOR} no{given}"
                if grant.attribute
                else f"revoke {given} from {OPERATOR}"
            )
            ask(pair, "db0", taken)
            assert wait_for(lambda: against(operated), 5), given
            (remedy,) = against(operated)
            assert given in remedy and remedy.startswith("on the primary")
            ask(pair, "db0", remedy.partition(": ")[2])
            assert wait_for(lambda: not against(operated), 5), (given, against(operated))


def test_verify_and_the_gate_name_it_and_nothing_is_changed(pair: Lab, operated: Path) -> None:
    ask(pair, "db0", f"revoke {PROMOTE} from {OPERATOR}")
    before = state_of(pair)
    assert wait_for(lambda: against(operated), 5)
    confirmed = ("promote", str(operated), "-p", "confirm=promote db1")
    for words, code in ((("verify", str(operated)), 2), (confirmed, 4), (confirmed[:2], 4)):
        done = pgha("run", *words)
        told = done.stdout + done.stderr
        assert done.returncode == code, told
        assert f"db0 and db1: role '{OPERATOR}' lacks {PROMOTE}" in re.sub(r"\s+", " ", told)
        assert f'grant {PROMOTE} to "{OPERATOR}";' in re.sub(r"\s+", " ", told)
    assert state_of(pair) == before
    ask(pair, "db0", f'grant {PROMOTE} to "{OPERATOR}"')
    assert wait_for(lambda: not against(operated), 5)
    done = pgha("run", *confirmed, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ask(pair, "db1", "select pg_is_in_recovery()") == [(False,)]


def test_a_role_that_is_not_there_is_missed_before_it_is_to_change(
    pair: Lab, operated: Path
) -> None:
    ask(pair, "db1", f"alter role {OPERATOR} rename to somebody")
    assert wait_for(lambda: against(operated), 5)
    done = pgha("run", "verify", str(operated))
    assert done.returncode == 2
    assert f"there is no role '{OPERATOR}'" in done.stdout + done.stderr
    ask(pair, "db1", f"alter role somebody rename to {OPERATOR}")
    ask(pair, "db1", f"alter role {OPERATOR} password %s", f"secret of {OPERATOR}")


def test_a_superuser_is_asked_for_nothing(pair: Lab) -> None:
    now = snapshot(pair)
    assert [seen.rights.superuser for seen in now.running] == [True, True]
    assert not any(seen.rights.lacks for seen in now.running)
