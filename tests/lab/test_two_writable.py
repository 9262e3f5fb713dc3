"""Attempts to end up with two writable nodes, or to call a loss proven. Each was possible once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml
from psycopg2.extensions import make_dsn

from pgha_helpers import gate, hand_over, look, plan_promotion, plan_rebuild, rebuild
from pgha_helpers.changes.deeds.losses import DIVERGED_CSV
from pgha_helpers.model import Hung
from pgha_helpers.model.errors import HaError, NotConfirmed, NotSafe, Refusal

from .. import embedded as labs
from ..conftest import pgha
from ..embedded import Lab
from .dying import Words, at_boundary
from .losers import left_behind, open_by_hand, start
from .runs import carry_out, changed_pair, running, to_promote
from .servers import (
    ask,
    orphan_a_backend,
    records,
    send_all,
    ssh_server,
    stop_cleanly,
    wait_for_answer,
    writable,
    writes_on,
)


@pytest.fixture
def pair(own_pair: Lab) -> Lab:
    return own_pair


def test_a_primary_that_turns_silent_after_the_gate_is_not_taken_as_fenced(
    pair: Lab, tmp_path: Path
) -> None:
    """It hung at the gate, with ssh; then ssh went too. Nobody has said that it is off."""
    path = changed_pair(
        pair, tmp_path, timeouts={"connect": "1s", "statement": "1s", "command": "1s"}
    )
    hung, shell = pair.processes("db0"), ssh_server(pair, "db0")
    send_all(hung, signal.SIGSTOP)
    try:
        with running(path, "promote", occasion="failover", confirm="promote db1") as run:
            plan = gate(run, plan_promotion(run, look(run)))
            os.kill(shell, signal.SIGSTOP)
            with pytest.raises(Refusal):
                hand_over(run, plan)
    finally:
        os.kill(shell, signal.SIGCONT)
        send_all(hung, signal.SIGCONT)
    time.sleep(0.5)
    assert writable(pair) == ["db0"]


def test_a_primary_that_is_full_of_clients_is_not_failed_over(pair: Lab) -> None:
    """It refuses us and serves everybody else: to kill it would be the outage."""
    clients = list(_every_connection(pair, "db0"))
    try:
        with running(pair, "verify") as run:
            seen = look(run)["db0"]
        assert isinstance(seen, Hung) and seen.refuses and "too many clients" in seen.answer
        with pytest.raises(NotSafe, match="db0 is alive and refuses us"):
            carry_out(pair, "promote", "promote db1", occasion="failover")
        assert pair.processes("db0")
    finally:
        for client in clients:
            client.close()


def _every_connection(pair: Lab, node: str) -> Iterator[Any]:
    where = pair.node(node)
    dsn = make_dsn(pair.dsn, host=where.host, port=where.port, target_session_attrs="any")
    with contextlib.suppress(psycopg2.OperationalError):
        for _ in range(200):
            yield psycopg2.connect(dsn)


def test_an_address_that_leads_to_the_other_node_is_noticed(pair: Lab, tmp_path: Path) -> None:
    """A virtual address or a typing error: db0's SQL is answered by db1, while ssh sees db0's
    directory.
    """
    told: dict[str, Any] = yaml.safe_load(pair.pair_file.read_text())
    told["nodes"]["db0"] |= {"host": "localhost", "port": told["nodes"]["db1"]["port"]}
    path = tmp_path / "alias.yaml"
    path.write_text(yaml.safe_dump(told))
    for occasion in ("switchover", "failover"):
        with pytest.raises(HaError):
            carry_out(path, "promote", "promote db1", occasion=occasion)
    assert writable(pair) == ["db0"]


def test_a_history_that_only_looks_longer_proves_nothing(pair: Lab) -> None:
    """Fail over; the old primary comes back as a standby of another timeline, further on; the new
    one is stopped.

    Bare positions would say that the old one has it all, and the commits of the new timeline would
    be gone.
    """
    ask(pair, "db0", "create table junk as select generate_series(1, 200000) as n")
    pair.kill("db1")
    ask(pair, "db0", "insert into junk select generate_series(1, 200000)")
    pair.kill("db0")
    labs.up(pair.folder)
    time.sleep(1)
    pair.kill("db0")
    carry_out(pair, "promote", "promote db1", occasion="failover")
    ask(pair, "db1", "create table precious as select 1 as n")
    data = pair.node("db0").data_directory
    assert (data / "standby.signal").exists()
    labs.up(pair.folder)
    time.sleep(1)
    stop_cleanly(pair, "db1")
    with pytest.raises(HaError):
        carry_out(pair, "promote", to_promote("db0"))
    assert "db0" not in writable(pair) or ask(pair, "db0", "select n from precious") == [(1,)]


def test_a_switchover_does_not_take_a_crash_for_a_stop(pair: Lab) -> None:
    """The postmaster is dead, a backend still commits: its last checkpoint says nothing of what it
    wrote since.
    """
    client = orphan_a_backend(pair, "db0")
    end = threading.Timer(2, pair.kill, ("db0",))
    end.start()
    try:
        with pytest.raises(HaError, match=r"this is a failover|takes no writes|not known"):
            carry_out(pair, "promote", "promote db1")
        assert writable(pair) == []
    finally:
        end.join()
        client.join()


def test_a_consent_to_rebuild_does_not_outlive_the_role_of_the_node(pair: Lab) -> None:
    """Between the gate and the deed somebody promoted the node that was to be replaced."""
    with running(pair, "rebuild", node="db1", method="clone", confirm="rebuild db1") as run:
        plan = gate(run, plan_rebuild(run, look(run)))
        run.lock.release()
        assert (
            pgha("run", "promote", str(pair.pair_file), "-p", "confirm=promote db1").returncode == 0
        )
        with pytest.raises(HaError, match=r"db1 is the writable node|not what was consented to"):
            rebuild(run, plan)
    assert writable(pair) == ["db1"]


@pytest.mark.parametrize("stops", [False, True], ids=["and runs", "and is stopped again"])
def test_what_a_loser_commits_after_the_gate_is_not_covered_by_the_consent(
    pair: Lab, stops: bool
) -> None:
    """It was stopped at the gate, whose reading of its WAL is used again for a rebuild that follows
    at once.
    """
    ask(pair, "db0", "create table t (x text)")
    left_behind(pair, crash=False)
    with running(
        pair, "rebuild", confirm="rebuild db0, leave 3 transactions", method="clone"
    ) as run:
        plan = gate(run, plan_rebuild(run, look(run)))
        open_by_hand(pair, "db0")
        ask(pair, "db0", "insert into t values ('after the gate')")
        if stops:
            stop_cleanly(pair, "db0")
        with pytest.raises(HaError, match=r"not what was consented to|two primaries"):
            rebuild(run, plan)
    assert not [*pair.node("db0").home.glob("data.*")], "nothing was copied or renamed"


def test_what_a_lost_primary_commits_after_the_gate_is_salvaged(pair: Lab) -> None:
    """Its disk was read at the gate; then somebody started it again, and it was killed a second
    time.
    """
    ask(pair, "db0", "create table t (n int)")
    ask(pair, "db0", "insert into t values (1)")
    pair.kill("db0")
    with running(pair, "promote", occasion="failover", confirm="promote db1") as run:
        plan = gate(run, plan_promotion(run, look(run, around=True)))
        for process in pair.processes("db1"):
            if "walreceiver" in Path(f"/proc/{process}/cmdline").read_text():
                os.kill(process, signal.SIGSTOP)
        (pair.node("db0").data_directory / "postmaster.pid").unlink(missing_ok=True)
        start(pair, "db0")
        ask(pair, "db0", "insert into t values (2)")
        pair.kill("db0")
        hand_over(run, plan)
    assert writable(pair) == ["db1"]
    assert ask(pair, "db1", "select n from t order by n") == [(1,), (2,)]


def test_a_split_brain_ends_while_its_loser_writes_on(pair: Lab) -> None:
    """Its consent names what was there when it was shown, and "at least" was once taken for exactly
    that, four times.

    The run that stops it goes on with these words, dies, and is gone on with by the same words.
    """
    ask(pair, "db0", "create table orphaned (n int)")
    wait_for_answer(pair, "db1", "select to_regclass('orphaned') is not null", True)
    ask(pair, "db1", "select pg_promote()")
    client = writes_on(pair, "db0", 500)
    assert writable(pair) == ["db0", "db1"]
    with running(pair, "rebuild", node="db0") as run:
        plan = plan_rebuild(run, look(run))
    least = int(plan.consent.removeprefix("rebuild db0, stop db0, leave at least ").split()[0])
    ((rows,),) = ask(pair, "db0", "select count(*) from orphaned")
    assert rows > least > 500, plan
    with pytest.raises(
        NotConfirmed, match=r"-p method=stop -p confirm='rebuild db0, stop db0' only stops it"
    ):
        carry_out(pair, "rebuild", "rebuild db0", node="db0")
    died = at_boundary("copy db1")(pair, Words("rebuild", plan.consent, {"node": "db0"}))
    assert died.startswith("before db0: copy db1") and writable(pair) == ["db1"]
    carry_out(pair, "rebuild", plan.consent, node="db0")
    client.join()
    assert writable(pair) == ["db1"]
    listed = (
        next(path for path in records(pair) if (path / DIVERGED_CSV).exists()) / DIVERGED_CSV
    ).read_text()
    assert listed.count("public.orphaned") >= rows


def test_a_second_writable_node_is_seen_by_a_client_as_an_error(pair: Lab) -> None:
    """After a switchover the old primary refuses writes."""
    carry_out(pair, "promote", "promote db1")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        ask(pair, "db0", "create table t (n int)")
