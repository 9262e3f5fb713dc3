"""What keeps us from knowing: told apart as libpq, ssh and the nodes tell it, each once."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import pytest

from pgha_helpers.judgement.checks import AFTER, HEALTHY, judge, readiness
from pgha_helpers.judgement.checks.identity import both_nodes_answer
from pgha_helpers.model import Blank, Hung, Silent, Snapshot, Verdicts
from pgha_helpers.model.libpq import NO_PASSWORD, misled, remedy_for
from pgha_helpers.model.sightings import Unheard
from pgha_helpers.records.making.ending import bad

from .pictures import disk, primary, seen, standby, stopped

KEY = Unheard("ssh: user 'ann' is not let in with key /k", "correct ssh.key", "refused")
GONE = Unheard("ssh: ann@h:22 does not answer: No route to host", "see that it is up")
REFUSED = Unheard("SQL: Connection refused", "start it")
WRONG = Unheard("SQL: password authentication failed", "correct the password", "refused")
LOST = "run promote with occasion=failover"


@pytest.mark.parametrize(
    ("heard", "remedy"),
    [
        (
            'FATAL: password authentication failed for user "ann" password retrieved from file '
            '"/home/ann/.pgpass"',
            "correct the password in /home/ann/.pgpass, or user: in the pair file",
        ),
        ('FATAL: password authentication failed for user "ann"', "PGPASSWORD"),
        (
            "fe_sendauth: no password supplied: passfile /p is ignored, because others may read "
            "it (mode 0644)",
            "chmod 600 /p",
        ),
        ("no password supplied: passfile /p has no line for user 'ann'", "correct user:"),
        ("no password supplied: passfile /p has no line for h:1:db:ann", "add one to /p"),
        ("no password supplied: passfile /p: No such file or directory", "make that passfile"),
        ('FATAL: role "ann" does not exist', "correct user: in the pair file"),
        ('FATAL: database "pstgres" does not exist', "correct database: in the pair file"),
        ('FATAL: no pg_hba.conf entry for host "10.0.0.9", user "ann"', "let ann in"),
        ('FATAL: Peer authentication failed for user "ann"', "give host: an address"),
        ("FATAL: sorry, too many clients already", "end sessions there"),
        ("FATAL: the database system is starting up", "wait until it is up"),
        ('could not translate host name "db9" to address: Name or service', "correct host:"),
        ("connection failed: Connection refused Is the server running", "start it, or correct"),
        ("received invalid response to SSL negotiation: S", "correct port:"),
        ("db0 gave no answer within 3 s", "network and firewall"),
        ("FATAL: Passwort-Authentifizierung für Benutzer »ann« fehlgeschlagen", ""),
    ],
)
def test_what_libpq_says_has_its_own_remedy(heard: str, remedy: str) -> None:
    told = remedy_for(heard, "ann", "/p")
    assert remedy in told and bool(told) == bool(remedy) and "{" not in told
    assert "promote" not in told and "rebuild" not in told and "fence" not in told


def test_an_address_that_leads_nowhere_says_nothing_of_the_node() -> None:
    assert misled("could not translate host name") and not misled("Connection refused")


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            Hung("db0", "SQL: Connection refused", disk(port=5433)),
            standby(),
            [("db0: port 5432 is wrong: the server listens on 5433", "pair file: 5433")],
        ),
        (
            Hung("db0", "SQL: Connection refused", disk(port=5432)),
            standby(),
            [("db0: SQL: Connection refused, although 2 processes run", LOST)],
        ),
        (
            Hung("db0", 'SQL: could not translate host name "x"', disk(port=5432), "", "mend it"),
            standby(),
            [('db0: SQL: could not translate host name "x"', "mend it")],
        ),
        (
            Hung("db0", f"SQL: {NO_PASSWORD}", disk(port=5433), NO_PASSWORD, "give it one"),
            standby(),
            [(f"db0: SQL: {NO_PASSWORD}", "give it one")],
        ),
        (
            Hung("db0", "SQL: x", disk(), "the database system is starting up"),
            standby(),
            [("db0: starting: the database system is starting up", "wait until it is up")],
        ),
        (
            primary(),
            Silent("db1", "both", REFUSED, GONE),
            [("db1: no answer, neither by SQL nor by ssh: both", "the network to it")],
        ),
        (
            Silent("db0", "both", REFUSED, GONE),
            standby(),
            [("db0: no answer, neither by SQL nor by ssh: both", LOST)],
        ),
        (
            primary(),
            Silent("db1", "both", WRONG, KEY),
            [(f"db1: {WRONG.what}", WRONG.remedy), (f"db1: {KEY.what}", KEY.remedy)],
        ),
        (
            Silent("db0", "both", WRONG, KEY),
            Silent("db1", "both", WRONG, KEY),
            [(f"db0 and db1: {WRONG.what}", WRONG.remedy), (f"db0 and db1: {KEY.what}", "ssh.key")],
        ),
        (primary(), stopped("db1"), [("db1: stopped", "run rebuild with node=db1")]),
        (
            stopped("db0", "in production"),
            standby(),
            [("db0: not running, and it was not shut down", LOST)],
        ),
        (
            stopped("db0"),
            stopped("db1", "shut down in recovery"),
            [("db0 and db1: stopped", "start both servers as they were")],
        ),
        (
            primary(),
            Blank("db1", "/d cannot be entered by ann", disk(owner="postgres")),
            [("db1: no cluster: /d cannot", "correct owner in the pair file: postgres")],
        ),
    ],
)
def test_a_node_that_is_not_seen_tells_its_own_cause(
    first: Any, second: Any, told: list[tuple[str, str]]
) -> None:
    """And no other check's remedy stands beside it."""
    now = seen(first, second)
    verdicts = judge(HEALTHY, now)
    found = [(r.what, r.remedy) for r in verdicts.reasons if r.level == "critical"]
    assert len(found) == len(told)
    for (what, remedy), (words, wanted) in zip(found, told, strict=True):
        assert what.startswith(words) and wanted in remedy
    count = len(verdicts.unasked)
    assert f"{count} of {len(verdicts)} checks could not be asked" in str(verdicts)
    others = {check.remedy for check in (*HEALTHY, *AFTER)}
    assert not [one for one in others if one and one in str(verdicts).replace("\n    ", " ")]


def test_since_when_each_is_stopped_is_told_and_makes_no_other_cause() -> None:
    def at(name: str, written: float) -> Any:
        plain = stopped(name)
        return type(plain)(name, disk(control=plain.control, processes=(), written=written))

    told = both_nodes_answer(seen(at("db0", 90.0), at("db1", 210.0)))
    words = "db0 and db1: stopped since 1970-01-01 00:01Z and since 1970-01-01 00:03Z"
    assert told == words
    now = seen(at("db0", 90.0), at("db1", 210.0))
    assert judge(HEALTHY, now).reasons[0].what == words, "however often they are put together"


@pytest.mark.parametrize(
    "now",
    [
        seen(primary(), stopped("db1")),
        seen(Silent("db0", "x" * 300, WRONG, KEY), Silent("db1", "y" * 300, WRONG, KEY)),
        seen(primary("db0"), primary("db1")),
        seen(
            primary(
                shell_silent="no route", disk=None, senders=(), slots=(), settings={"wal_level": ""}
            ),
            standby(replay_paused=True, replay_delay=9.0, receiver=None, timeline=2, settings={}),
        ),
    ],
)
def test_a_mail_of_it_fits_one_screen(now: Snapshot) -> None:
    verdicts = judge(HEALTHY, now)
    told = "\n".join(bad("prod", verdicts, "2026-11-30T02:10:07.123Z", "db0 is primary"))
    lines = told.splitlines()
    assert sum(max(1, len(wrap(line, 80))) for line in lines) <= 23 and len(lines) == len({*lines})
    assert lines[0].startswith(f"prod: {verdicts.worst} (last well 2026-11-30 02:10Z): ")
    assert "To do: " in lines[0] and lines[-1] == "Now db0 is primary."


def test_could_we_fail_over_names_causes_and_not_every_check() -> None:
    now = seen(primary(), stopped("db1"))
    verdicts = judge(HEALTHY, now)
    told = str(readiness(now, verdicts))
    assert told.count("db1: stopped") == 2, "for a switchover, and for a failover"
    assert not [verdict.title for verdict in verdicts if verdict.title in told]


def test_what_is_well_has_no_reasons() -> None:
    assert judge(HEALTHY, seen(primary(), standby())).reasons == ()
    assert Verdicts().worst == "ok" and Verdicts().count_of_yes == "0 of 0 checks say yes"
