"""A primary that cannot be reached and goes on behind it, on hosts that have a network of their
own.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from pgha_helpers import gate, look, plan_rebuild, require
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model.errors import NotConfirmed, NotSafe
from pgha_helpers.run.journal import read

from ..conftest import pgha
from ..embedded import Lab
from .hosts import Hosts, hosts
from .runs import carry_out, changed_pair, did, running
from .servers import ask, records, state_of, wait_for, writable

_STREAMS = "select 1 from pg_stat_wal_receiver where status = 'streaming'"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]) -> Iterator[Hosts]:
    """A pair on two hosts, db0 its primary, and a witness. The last test leaves db1 as the
    primary.
    """
    with hosts(tmp_path_factory.mktemp("net") / "lab", need) as made:
        carry_out(made.pair, "setup", "setup db1")
        ask(made.pair, "db0", "create table written (n int primary key)")
        yield made


@pytest.fixture
def path(net: Hosts, tmp_path: Path) -> Path:
    """The pair file, with the witness in it."""
    fast = {"connect": "1s", "statement": "2s", "command": "5s"}
    return changed_pair(net.pair, tmp_path, witnesses=[net.witness()], timeouts=fast)


def alone(pair: Lab) -> None:
    """Wait until nothing streams to db1 any more."""
    assert wait_for(lambda: not ask(pair, "db1", _STREAMS), 60)


def caught_up(pair: Lab, last: int) -> None:
    """Wait until db1 streams again, and has all that a client on db0 was told is committed."""
    # it waits for the kernel, which knocks at db0 in longer and longer intervals
    ask(
        pair,
        "db1",
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'walreceiver'",
    )
    assert wait_for(lambda: ask(pair, "db1", _STREAMS) and _last(pair, "db1") >= last, 60)


def _last(pair: Lab, node: str) -> int:
    """The last number of the client on db0, as far as this node knows."""
    return int(ask(pair, node, "select coalesce(max(n), 0) from written")[0][0])


@contextmanager
def unharmed(net: Hosts, *cuts: AbstractContextManager[None]) -> Iterator[None]:
    """db0 is cut off, and its client goes on. Afterwards all is as it was: db1 streams, and has
    every row.
    """
    before = state_of(net.pair)
    with net.client("db0") as client:
        with ExitStack() as stack:
            for cut in cuts:
                stack.enter_context(cut)
            alone(net.pair)
            known = _last(net.pair, "db1")
            yield
        written = client.end()
    assert written > known + 20, "it wrote while nobody could see it"
    caught_up(net.pair, written)
    assert state_of(net.pair) == before and writable(net.pair) == ["db0"]


def shown(pair: Lab) -> str:
    """What the newest record's notebook shows, on one line: tables are as wide as they must be."""
    cells = json.loads((list(records(pair))[-1] / "notebook.ipynb").read_text())["cells"]
    outputs = [
        output.get("data", {}).get("text/plain", "")
        for cell in cells
        for output in cell.get("outputs", [])
    ]
    return " ".join("".join(map("".join, outputs)).split())


def test_one_whose_link_is_down_is_left_alone_unless_somebody_answers_for_it(
    net: Hosts, path: Path
) -> None:
    """Everything is silent, and it is alive: without a word there is no promotion."""
    words = ("-p", "occasion=failover", "-p", "confirm=promote db1")
    with unharmed(net, net.unplugged("db0")):
        done = pgha("run", "promote", str(path), *words)
        assert done.returncode == 4, done.stdout + done.stderr
        assert (
            "silence does not prove that it is off" in done.stdout
            and 'fenced_by="who and how"' in done.stdout
        )
        table = shown(net.pair)
        assert "db0 from this machine SQL no: db0 gave no answer within 1 s; TCP no: " in table
        assert (
            "db0 from db1 SQL no: no response (pg_isready); TCP no: " in table
            and "it has no walreceiver" in table
        )
        assert "db0 from gate SQL no: no response (pg_isready); TCP no: " in table
        assert "db1 from gate SQL yes: accepting connections (pg_isready); TCP yes" in table


def test_one_that_a_witness_reaches_is_alive_whoever_says_that_it_is_off(
    net: Hosts, path: Path
) -> None:
    with unharmed(net, *(net.mute("db0", "to", net.address(name)) for name in ("db1", "here"))):
        for word in ("", "Ann pulled the plug"):
            with pytest.raises(
                NotSafe, match=r"db0 is alive: it answers SQL to gate \(accepting"
            ) as refused:
                carry_out(path, "promote", "promote db1", occasion="failover", fenced_by=word)
            assert "occasion=switchover" in str(refused.value) and "answers SQL to db1" not in str(
                refused.value
            )


def test_one_whose_port_alone_is_filtered_is_alive_by_its_own_word(net: Hosts, path: Path) -> None:
    """A firewall drops PostgreSQL's port. ssh answers, and clients on that host go on: it is
    neither dead nor hung.
    """
    port = str(net.pair.node("db0").port)
    with unharmed(net, net.mute("db0", "ipproto", "tcp", "sport", port)):
        for word in ("", "Ann pulled the plug"):
            with pytest.raises(
                NotSafe, match=r"db0 is alive: it answers SQL to db0 itself \(accepting"
            ):
                carry_out(path, "promote", "promote db1", occasion="failover", fenced_by=word)
        with pytest.raises(
            NotSafe, match="db0 is not down, it does not answer us, and may be serving others"
        ):
            carry_out(path, "promote", "promote db1")


def test_what_a_wrong_word_has_cost_is_told_by_verify_and_listed_by_rebuild(
    net: Hosts, path: Path
) -> None:
    """Ann was wrong: db0 wrote on, and comes back with that. It is made a standby, and what it had
    is in the record.
    """
    pair = net.pair
    with net.client("db0") as client:
        with net.without_address("db0"):
            alone(pair)
            carry_out(
                path, "promote", "promote db1", occasion="failover", fenced_by="Ann pulled the plug"
            )
            known = _last(pair, "db1")
            ask(pair, "db1", "insert into written values (-1)")
        assert writable(pair) == ["db0", "db1"]
        _seen_by_verify(net, path)
        _listed_before_it_is_touched(net, path)
        carry_out(path, "rebuild", "rebuild db0, stop db0", node="db0", method="stop")
        assert writable(pair) == ["db1"]
        _given_up(net, path, client.end() - known)


def _seen_by_verify(net: Hosts, path: Path) -> None:
    """One run is enough: which two, where they parted, and what each has that the other lacks."""
    done = pgha("run", "verify", str(path), "-p", "light=true")
    told = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout + done.stderr
    assert "both db0 and db1 are writable: two primaries; they parted at 0/" in told
    assert re.search(r"missing on the other: db0 \S+ \w+ of WAL and db1 \S+ \w+ of WAL", told), told
    stakes = shown(net.pair).partition("at stake on")[2]
    assert re.search(
        r"db0 (at least )?[\d,]+ transactions, .* public\.written \+\d\d+ db1 ", stakes
    ), stakes


def _listed_before_it_is_touched(net: Hosts, path: Path) -> None:
    """Without a name it is refused; a rehearsal lists what only db0 has, and its words cover what
    comes meanwhile.
    """
    before = state_of(net.pair)
    with pytest.raises(NotSafe, match="both db0 and db1 are writable") as refused:
        carry_out(path, "rebuild", "rebuild db0")
    assert "node=db0 or node=db1" in str(refused.value)
    plan = _rehearsed(path)
    assert plan.kind == "give up" and plan.behind and len(plan.behind.rows) > 20
    assert re.fullmatch(r"rebuild db0, stop db0, leave at least \d+ transactions", plan.consent)
    with pytest.raises(
        NotConfirmed, match=r"needs 'rebuild db0, stop db0, leave at least \d+ transactions'"
    ):
        carry_out(path, "rebuild", plan.consent.replace("at least ", ""), node="db0")
    assert (again := _rehearsed(path)).covered_by(plan.consent) and again.consent != plan.consent
    assert state_of(net.pair) == before and writable(net.pair) == ["db0", "db1"]


def _rehearsed(path: Path) -> Plan:
    with running(path, "rebuild", node="db0") as run:
        now = look(run)
        plan = plan_rebuild(run, now)
        require(run, plan, now)
        with pytest.raises(SystemExit):
            gate(run, plan)
    assert read(run.folder).outcome == "rehearsed"
    return plan


def _given_up(net: Hosts, path: Path, only: int) -> None:
    """So many acknowledged rows only db0 has: they are kept in the record, and it comes back as a
    standby.
    """
    pair, plan = net.pair, _rehearsed(path)
    deeds = did(carry_out(path, "rebuild", plan.consent, node="db0"))
    assert "db0: copied db1" in deeds and "db0: start the server" in deeds
    record = list(records(pair))[-1]
    with (record / "diverged.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert plan.consent == f"rebuild db0, leave {len({row['xid'] for row in listed})} transactions"
    inserted = sum(int(row["inserted"]) for row in listed if row["table"] == "public.written")
    assert inserted in (only, only + 1) and only > 20, (
        "the last one may have been committed and not acknowledged"
    )
    assert list(record.glob("wal-0000000100000000*"))
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [ask(pair, node, "select n from written order by n") for node in pair.nodes]
    assert writable(pair) == ["db1"] and rows[0] == rows[1] and (-1,) in rows[1]
