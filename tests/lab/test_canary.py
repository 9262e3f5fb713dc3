"""Measured, not claimed: a canary writes through a promotion, and every row that it was promised is
there.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import (
    AFTER,
    canary_client,
    conclude,
    follow,
    gate,
    hand_over,
    judged,
    look,
    plan_promotion,
)
from pgha_helpers.changes.deeds import stopping
from pgha_helpers.clients.canary.client import Errand, WritingClient
from pgha_helpers.clients.canary.road import CanaryRoad, road_of
from pgha_helpers.clients.canary.verb import Canary
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model.errors import Aborted, NotAchieved, NotSafe, Refusal
from pgha_helpers.records.making.summary import summarise
from pgha_helpers.run.journal import read
from pgha_helpers.run.run import Run
from pgha_helpers.wire.hosts import hosts_of

from ..conftest import pgha
from ..embedded import Lab
from .runs import carry_out, changed_pair, running, to_promote
from .servers import ask, postmaster, records, standby_of, wait_for, wait_for_answer, writable


def probes(of: int) -> list[psutil.Process]:
    """The canaries that this process, or one that it has started, has let fly."""
    flying = []
    for process in psutil.Process(of).children(recursive=True):
        # it ended meanwhile; a zombie is one of these, too
        with contextlib.suppress(psutil.NoSuchProcess):
            if "pgha_helpers.clients.canary.client" in process.cmdline():
                flying.append(process)
    return flying


def moving(run: Run) -> tuple[Any, Plan]:
    """From the look to the start of the canary; gives it and the plan."""
    plan = plan_promotion(run, look(run))
    client = canary_client(run, plan)
    plan = gate(run, plan)
    client.start(plan)
    return client, plan


def test_a_switchover_is_told_as_a_client_saw_it(pair: Lab) -> None:
    target = standby_of(pair)
    done = pgha(
        "run",
        "promote",
        str(pair.pair_file),
        "-p",
        "canary=true",
        "-p",
        f"confirm={to_promote(target)}",
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    folder = list(records(pair))[-1]
    told = json.loads((folder / "record.json").read_text())
    seen = told["outage_as_seen"]
    assert 0 < seen["seconds"] < told["seconds"] and seen["over"] and seen["acknowledged"] > 20
    assert (
        seen["rows"] == dict.fromkeys(("db0", "db1"), f"all {seen['acknowledged']}")
        and seen["lost"] == {}
    )
    assert seen["refused"] + seen["unanswered"] > 0, "there was a moment at which nobody took a row"
    (verdict,) = [v for v in told["verdicts"] if v["title"].startswith("Every row that the canary")]
    assert verdict["level"] == "ok"
    with (folder / "canary.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert sum(int(row["acknowledged"]) for row in kept) == seen["acknowledged"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"canary.csv", "canary.svg"} <= manifest["files"].keys()
    assert "without a commit, as the canary saw it" in (folder / "report.html").read_text()
    assert ask(pair, target, "select count(*) from pgha.canary") == [(0,)], (
        "a run that lost none deletes its rows"
    )


def test_setup_has_made_the_table(pair: Lab) -> None:
    (setup,) = [folder for folder in records(pair) if "-setup-" in folder.name]
    assert "made table pgha.canary in database postgres" in [
        deed["did"] for deed in summarise(read(setup))["deeds"]
    ]


def test_a_table_that_is_missing_is_made_while_clients_work(pair: Lab) -> None:
    """And nobody but its own role is let near it, whatever every new table is given to."""
    here = writable(pair)[0]
    ask(pair, here, "drop schema pgha cascade")
    ask(pair, here, "alter default privileges grant all on tables to public")
    with running(pair, "promote", confirm=to_promote(standby_of(pair)), canary=True) as run:
        client, plan = moving(run)
        ask(pair, here, "alter default privileges revoke all on tables from public")
        grantees = (
            "select distinct grantee::regrole::text from pg_class, aclexplode(relacl) "
            "where relname = 'canary'"
        )
        assert {role for (role,) in ask(pair, here, grantees)} == {"postgres", "pgha_canary"}
        hand_over(run, plan)
        follow(run, plan)
        assert client.end() is client and not client.lost
        assert "made table pgha.canary" in run.steps[0].did
        conclude(run, judged(run, (*AFTER, *client.checks), look(run)))
    assert run.ended == "done"


def test_a_row_that_was_promised_and_is_gone_fails_the_run_and_is_named(pair: Lab) -> None:
    target = standby_of(pair)
    with running(pair, "promote", confirm=to_promote(target), canary=True) as run:
        client, plan = moving(run)
        hand_over(run, plan)
        follow(run, plan)
        ask(pair, target, "delete from pgha.canary where run = %s and seq in (2, 3, 5)", run.id)
        client.end()
        assert client.lost == {target: [2, 3, 5]} and client.behind == {}, (
            "a standby loses nothing of its own"
        )
        verdicts = judged(run, (*AFTER, *client.checks), look(run))
        assert [verdict.level for verdict in verdicts.against] == ["critical"]
        assert f"{target} lacks 2 to 3, 5 of run {run.id}" in verdicts.against[0].reason
        with pytest.raises(NotAchieved):
            conclude(run, verdicts)
    assert summarise(read(run.folder))["outage_as_seen"]["lost"][target] == [2, 3, 5]
    assert ask(pair, target, "select count(*) > 10 from pgha.canary where run = %s", run.id) == [
        (True,)
    ], "evidence"


def test_a_standby_that_does_not_replay_has_lost_nothing(pair: Lab, tmp_path: Path) -> None:
    """Seen on a pair whose standby had the higher max_connections: ROWS ARE LOST was said, and all
    were there.
    """
    target, old = standby_of(pair), writable(pair)[0]
    path = changed_pair(pair, tmp_path, timeouts={"replay": "1s"})
    with running(path, "promote", confirm=to_promote(target), canary=True) as run:
        client, plan = moving(run)
        hand_over(run, plan)
        follow(run, plan)
        ask(pair, old, "select pg_wal_replay_pause()")
        acknowledged = ask(pair, target, "select max(seq) from pgha.canary where run = %s", run.id)[
            0
        ][0]
        arrived = "select max(seq) > %s from pgha.canary where run = %s"
        more = acknowledged + 5, run.id
        assert wait_for(lambda: ask(pair, target, arrived, *more) == [(True,)])
        client.end()
        assert client.lost == {} and client.behind[old]
        verdicts = judged(run, (*AFTER, *client.checks), look(run))
        reasons = [verdict.reason for verdict in verdicts.against]
        assert len(reasons) == 2 and reasons[0].startswith(f"replay is paused on {old}")
        assert f"{old} has not replayed" in reasons[1] and f"{target} has them" in reasons[1]
        assert "LOST" not in str(verdicts) + str(client) and "it has not replayed them" in str(
            client
        )
        with pytest.raises(NotAchieved):
            conclude(run, verdicts)
    ask(pair, old, "select pg_wal_replay_resume()")


def test_without_the_parameter_there_is_no_canary(
    pair: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(pair, "promote", confirm=to_promote(standby_of(pair))) as run:
        client, plan = moving(run)
        assert probes(psutil.Process().pid) == [] and run.beside.attended(Canary) is None
        assert (client.end(), client.chart(), client.checks) == (None, None, ())
        hand_over(run, plan)
        follow(run, plan)
    assert "No canary" in capsys.readouterr().out
    assert not [e for e in run.journal.events if "canary" in e["event"]]
    assert not list(run.folder.glob("canary.*"))


def test_nothing_is_written_before_the_gate(pair: Lab) -> None:
    with running(pair, "promote", canary=True) as run:
        plan = plan_promotion(run, look(run))
        client = canary_client(run, plan)
        with pytest.raises(Refusal, match="the gate has not been passed"):
            client.start(plan)
        assert probes(psutil.Process().pid) == []


def test_a_hand_over_that_was_taken_back_is_told_too(
    pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends without asking the canary: it is ended, and what it saw is in the journal."""
    monkeypatch.setattr(stopping, "glance", lambda *_: None)
    here = writable(pair)[0]
    path = changed_pair(pair, tmp_path, timeouts={"shutdown": "2s"})
    with running(path, "promote", confirm=to_promote(standby_of(pair)), canary=True) as run:
        _, plan = moving(run)
        assert len(probes(psutil.Process().pid)) == 1
        with pytest.raises(Aborted):
            hand_over(run, plan)
    assert probes(psutil.Process().pid) == [] and writable(pair) == [here]
    seen = summarise(read(run.folder))["outage_as_seen"]
    assert (
        seen["over"] and seen["lost"] == {} and seen["rows"][here] == f"all {seen['acknowledged']}"
    )
    assert (run.folder / "canary.csv").is_file()


def test_a_kernel_that_is_killed_leaves_no_canary(pair: Lab) -> None:
    target = standby_of(pair)
    command = [
        sys.executable,
        "-m",
        "pgha_helpers",
        "run",
        "promote",
        str(pair.pair_file),
        "-p",
        "canary=true",
    ]
    run = subprocess.Popen(
        [*command, "-p", f"confirm={to_promote(target)}"], stdout=subprocess.PIPE, text=True
    )
    while not (flying := probes(run.pid)):
        assert run.poll() is None
        time.sleep(0.005)
    (canary,) = flying
    kernel = canary.parent()
    assert kernel is not None and "ipykernel" in " ".join(kernel.cmdline())
    assert not any("host" in word or pair.dsn in word for word in canary.cmdline()), (
        "nothing on the command line"
    )
    kernel.kill()
    assert psutil.wait_procs([canary], timeout=20)[1] == []
    run.communicate(timeout=60)
    carry_out(pair, "promote", to_promote(target))
    assert writable(pair) == [target]


@pytest.fixture
def plain_user(pair: Lab, tmp_path: Path) -> Iterator[Path]:
    """The pair for a role that may look, and may make nothing; the table is gone."""
    here = writable(pair)[0]
    ask(pair, here, "drop schema if exists pgha cascade")
    ask(pair, here, "create role plain login password 'plainly' in role pg_monitor")
    passfile = tmp_path / "passfile"
    passfile.write_text("*:*:*:plain:plainly\n")
    passfile.chmod(0o600)
    yield changed_pair(pair, tmp_path, user="plain", passfile=str(passfile))
    ask(pair, writable(pair)[0], "drop role plain")


def test_who_may_make_no_schema_is_told_before_the_gate(pair: Lab, plain_user: Path) -> None:
    with running(pair, "promote") as ours:
        plan = plan_promotion(ours, look(ours))
    words = "role plain may not make schema pgha in database postgres"
    with (
        running(plain_user, "promote", canary=True) as theirs,
        pytest.raises(NotSafe, match=words) as refused,
    ):
        canary_client(theirs, plan)
    assert "let `user:` of the pair file be a superuser" in refused.value.remedy
    assert ask(pair, plan.peer, "select to_regnamespace('pgha') is null") == [(True,)]


def test_a_failover_goes_on_without_a_canary_where_there_is_no_table(
    pair: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    here, target = writable(pair)[0], standby_of(pair)
    ask(pair, here, "drop schema if exists pgha cascade")
    wait_for_answer(pair, target, "select to_regnamespace('pgha') is null", True)
    with running(pair, "promote", canary=True) as run:
        client = canary_client(run, Plan("promote", target, here, "failover"))
        assert (client.end(), client.checks) == (None, ())
    assert "No canary in this run: table pgha.canary is not there" in capsys.readouterr().out
    assert "no canary" in [event["event"] for event in run.journal.events]


def by(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the clients' road is this one."""
    hosts = tuple({**each, "application_name": "pgha canary"} for each in hosts_of(dsn))
    monkeypatch.setattr(
        "pgha_helpers.clients.canary.road.road_of",
        lambda pair: CanaryRoad(hosts, "the clients' own road"),
    )


def test_the_clients_own_role_is_let_into_the_table(
    pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, target = writable(pair)[0], standby_of(pair)
    ask(pair, here, "create role \"a shop's\" login password 'plainly'")
    by(make_dsn(pair.dsn, user="a shop's", password="plainly"), monkeypatch)
    with running(pair, "promote", confirm=to_promote(target), canary=True) as run:
        client, plan = moving(run)
        hand_over(run, plan)
        follow(run, plan)
        client.end()
    assert "let role a shop's write and delete rows of pgha.canary" in run.steps[0].did
    assert len(client.seen.acknowledged) > 10 and client.lost == {}
    assert "plainly" not in (run.folder / "journal.jsonl").read_text()


@pytest.mark.parametrize("wrong", ["database", "node", "nobody"])
def test_a_road_that_leads_elsewhere_is_refused_before_the_gate(
    pair: Lab, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    node = pair.node(standby_of(pair))
    roads = {
        "database": make_dsn(pair.dsn, dbname="template1"),
        "node": make_dsn(pair.dsn, host=node.host, port=node.port, target_session_attrs="any"),
        "nobody": "host=127.0.0.1 port=1 user=x",
    }
    words = {
        "database": "leads to database template1, and the pair file names postgres",
        "node": "does not lead to",
        "nobody": "a client gets nowhere by the clients' own road",
    }
    by(roads[wrong], monkeypatch)
    with running(pair, "promote", canary=True) as run, pytest.raises(Refusal, match=words[wrong]):
        canary_client(run, plan_promotion(run, look(run)))


def test_a_commit_that_waits_for_a_standby_for_ever_is_an_outage(pair: Lab) -> None:
    """The canary commits as clients do, so it waits as they do; but it has a deadline."""
    here = writable(pair)[0]
    with running(pair, "promote") as run:
        hosts = road_of(run.pair).hosts
    ask(pair, here, "create schema if not exists pgha")
    ask(pair, here, "create table if not exists pgha.canary (run text, seq bigint)")
    ask(pair, here, "alter system set synchronous_standby_names = 'nobody'")
    ask(pair, here, "select pg_reload_conf()")
    told: list[dict[str, Any]] = []
    try:
        wait_for_answer(pair, here, "show synchronous_standby_names", "nobody")
        WritingClient(Errand("hang", hosts, statement=0.3, rows=2)).write(
            threading.Event(), told.append
        )
    finally:
        ask(pair, here, "alter system reset synchronous_standby_names")
        ask(pair, here, "select pg_reload_conf()")
    assert [line["code"] for line in told] == ["unanswered", "unanswered"]


def test_a_canary_begins_while_nobody_is_writable(own_pair: Lab) -> None:
    """A failover: the old primary is gone before the canary begins, and its hole is the outage."""
    os.kill(postmaster(own_pair, "db0"), signal.SIGKILL)
    with running(
        own_pair, "promote", occasion="failover", confirm="promote db1", canary=True
    ) as run:
        client, plan = moving(run)
        hand_over(run, plan)
        follow(run, plan)
        its = "select count(*) > 0 from pgha.canary where run = %s"
        assert wait_for(lambda: ask(own_pair, "db1", its, run.id) == [(True,)])
        client.end()
    assert (
        client.seen.gap.began == client.seen.attempts[0].began
        and client.seen.attempts[0].code == "refused"
    )
    assert client.seen.acknowledged and client.lost == {}
    assert summarise(read(run.folder))["outage_as_seen"]["rows"]["db1"].startswith("all ")
