"""A role with no more than `pgha grants` prints sees what a superuser sees, what no gate was passed
for opens no session of another one, and what is lacking is told with the GRANT that helps.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pgha_helpers import HEALTHY, canary_client, gate, look, plan_promotion, require
from pgha_helpers.judgement.checks import judge
from pgha_helpers.model.grants import TO_WATCH
from pgha_helpers.run.journal import read

from ..conftest import pgha
from ..embedded import Lab
from .looks import closely, session, setting, snapshot
from .roles import WATCHER, typed, with_role
from .runs import running
from .servers import ask, state_of, wait_for


@pytest.fixture(scope="module")
def watched(pair: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair file of a pair whose monitor role has what is printed."""
    typed(pair, "monitor")
    assert wait_for(
        lambda: ask(pair, "db1", "select true from pg_roles where rolname = %s", WATCHER)
    )
    return with_role(pair, tmp_path_factory.mktemp("watched"), monitor_user=WATCHER)


def judged(pair: Lab | Path) -> list[tuple[str, str, str]]:
    """Title, level and reason of every check; numbers are another each time."""
    verdicts = judge(HEALTHY, snapshot(pair))
    return [(v.title, v.level, re.sub(r"\d[\d.]*( kB| ms)?", "#", v.reason)) for v in verdicts]


@pytest.fixture
def troubled(pair: Lab) -> Iterator[None]:
    """As much as can be wrong at once that SQL alone tells."""
    ask(pair, "db0", "create database shop")
    ask(pair, "db0", "create role hasty in role pg_monitor")
    ask(pair, "db0", "alter role hasty set synchronous_commit = off")
    ask(pair, "db0", "create unlogged table notes as select 1 as n")
    ask(pair, "db0", "select pg_create_logical_replication_slot('left', 'pgoutput')")
    auto = pair.node("db0").data_directory / "postgresql.auto.conf"
    hba = pair.node("db1").data_directory / "pg_hba.conf"
    before = {file: file.read_text() for file in (auto, hba)}
    auto.write_text(f"{before[auto]}max_wal_senders = 'many'\n")
    hba.write_text(f"{before[hba]}host all all nowhere.example/40 trust\n")
    with session(pair, "db0", "an application") as client:
        client.cursor().execute("select txid_current()")
        yield
    for file, text in before.items():
        file.write_text(text)
    ask(pair, "db0", "select pg_drop_replication_slot('left')")
    for it in ("table notes", "role hasty", "database shop"):
        ask(pair, "db0", f"drop {it}")


@pytest.fixture(scope="module")
def logical(pair: Lab) -> None:
    """Slots of consumers take it."""
    from .looks import restart

    for node in ("db1", "db0"):
        ask(pair, node, "alter system set wal_level = logical")
        restart(pair, node)


@pytest.mark.usefixtures("logical", "troubled")
def test_it_sees_what_a_superuser_sees(pair: Lab, watched: Path) -> None:
    ours, theirs = judged(watched), judged(pair)
    assert ours == theirs
    against = [reason for _, level, reason in ours if level != "ok"]
    print(*against, sep="\n")
    words = ("notes in postgres (", "max_wal_senders", "pgoutput", "nowhere.example", "hasty")
    assert all(any(word in reason for reason in against) for word in words)


@pytest.fixture
def logged(pair: Lab) -> Iterator[None]:
    with setting(pair, "db0", log_connections="on"), setting(pair, "db1", log_connections="on"):
        yield


def sessions(pair: Lab) -> Counter[str]:
    """How many sessions of each role both servers' logs tell to have begun."""
    files = [path for node in pair.nodes.values() for path in node.home.rglob("*.log")]
    told = "".join(path.read_text("utf-8", "replace") for path in files)
    return Counter(re.findall(r"connection authorized: user=(\S+)", told))


@pytest.mark.usefixtures("logged")
def test_nobody_is_a_superuser_without_a_gate(pair: Lab, watched: Path) -> None:
    before = state_of(pair)
    known = sessions(pair)
    said = []
    for words in (
        ("status",),
        ("run", "verify", "-p", "sample_seconds=1"),
        ("run", "promote", "-p", "canary=true"),
        ("run", "rebuild", "-p", "node=db1"),
        ("run", "setup", "-p", "primary=db0"),
    ):
        command, *more = words
        notebook = more[:1] if command == "run" else []
        done = pgha(command, *notebook, str(watched), *more[len(notebook) :])
        said.append(done.stdout + done.stderr)
        assert done.returncode == 0, said[-1]
    assert set(sessions(pair) - known) == {WATCHER, "replicator"}
    assert "To do it, the consent is: promote db1" in said[2]
    assert state_of(pair) == before


@pytest.mark.usefixtures("logged")
def test_past_the_gate_it_is_the_superuser_who_changes(pair: Lab, watched: Path) -> None:
    """Whose look is the same, so that what the gate showed has not changed."""
    with running(watched, "promote", confirm="promote db1", canary=True) as run:
        now = look(run, closely=True)
        plan = plan_promotion(run, now)
        canary_client(run, plan)
        require(run, plan, now)
        known = sessions(pair)
        assert run.doors["db0"].sql.read("select current_user::text as me") == [{"me": WATCHER}]
        gate(run, plan)
        assert "gate reopened" not in [event["event"] for event in read(run.folder).events]
        assert sessions(pair)["postgres"] > known["postgres"]
        run.end("abandoned")
        assert run.doors["db0"].sql.read("select current_user::text as me") == [{"me": WATCHER}]
        run.close()


def test_its_sessions_look_nowhere_but_in_pg_catalog(pair: Lab, watched: Path) -> None:
    ask(pair, "db0", f"alter role {WATCHER} set search_path = public, pg_catalog")
    with running(watched, "verify") as run, closing(run.doors["db0"].session("postgres")) as own:
        told = own.read("select current_setting('search_path') as path, current_user::text as me")
        assert told == [{"path": "pg_catalog,pg_temp", "me": WATCHER}]
    ask(pair, "db0", f"alter role {WATCHER} reset search_path")


REVOKED = [it for grant in TO_WATCH for it in grant.given]


@pytest.mark.parametrize("given", [*REVOKED, "connect on database shop"])
def test_what_is_lacking_is_told_with_the_grant_that_helps(
    pair: Lab, watched: Path, given: str
) -> None:
    ask(pair, "db0", "create unlogged table notes as select 1 as n")
    ask(pair, "db0", "create database shop")
    well = judged(watched)
    ask(pair, "db0", f"revoke {given} from {WATCHER}")
    ask(pair, "db0", "revoke connect on database shop from public")
    if not given.endswith("shop"):
        ask(pair, "db0", f"grant connect on database shop to {WATCHER}")
    assert wait_for(lambda: judged(watched) != well, 5)
    told = {c.remedy for v in closely(watched) for c in v.causes}
    told |= {v.reason for v in closely(watched)}
    statements = sorted({found for it in told for found in re.findall("grant [^;`]*;", it)})
    print(*statements)
    for statement in statements:
        assert WATCHER in statement
        ask(pair, "db0", statement)
    assert wait_for(lambda: judged(watched) == well, 5), judged(watched)
    ask(pair, "db0", "drop table notes")
    ask(pair, "db0", "drop database shop")
