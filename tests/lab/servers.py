"""What tests ask real servers, beside what the runbook asks: directly, and on connections of their
own.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn

from pgha_helpers.records.making.folder import record_folders
from pgha_helpers.run.journal import read

from ..embedded import Lab, Load


def ask(lab: Lab, node: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of a statement on one node, in a transaction of its own."""
    where = lab.node(node)
    dsn = make_dsn(lab.dsn, host=where.host, port=where.port, target_session_attrs="any")
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []


def write_kilobytes(lab: Lab, node: str, table: str, rows: int) -> None:
    """Commit so many rows of a kB, at once."""
    row = "repeat(md5(i::text), 32)"
    ask(lab, node, f"insert into {table} select {row} from generate_series(1, {rows}) i")


def wait_for(so: Callable[[], object], within: float = 20, pause: float = 0.02) -> bool:
    """Whether it is so within so many seconds; it is asked again after so long a pause."""
    deadline = time.monotonic() + within
    while not (answer := so()) and time.monotonic() < deadline:
        time.sleep(pause)
    return bool(answer)


def wait_for_answer(
    lab: Lab, node: str, statement: str, answer: object, within: float = 20
) -> None:
    """Wait until a node answers a statement with this one value."""
    told = wait_for(lambda: ask(lab, node, statement) == [(answer,)], within)
    assert told, f"{node}: {statement} is {ask(lab, node, statement)}, not {answer}"


def writable(lab: Lab) -> list[str]:
    """The nodes that would take a write now.

    One that is too slow to answer is no answer: a trial at a load of 35 took it for a standby.
    """
    found = []
    for node in lab.nodes:
        try:
            if ask(lab, node, "select pg_is_in_recovery()") == [(False,)]:
                found.append(node)
        except psycopg2.Error as error:
            if "timeout" in str(error):
                raise
    return found


def standby_of(lab: Lab) -> str:
    """The node that does not take writes, where exactly one does."""
    (primary,) = writable(lab)
    return next(name for name in lab.nodes if name != primary)


def postmaster(lab: Lab, node: str) -> int:
    """The pid of the node's postmaster.

    Raises AssertionError where there is none: a file that was left names whoever has its pid now.
    """
    data = lab.node(node).data_directory
    pid = int((data / "postmaster.pid").read_text().split()[0])
    assert Path(f"/proc/{pid}/cwd").resolve() == data.resolve(), f"{pid} is no server of {node}"
    return pid


def stop_cleanly(lab: Lab, node: str) -> None:
    """Stop a server as an operator would: a fast stop."""
    os.kill(postmaster(lab, node), signal.SIGINT)
    wait_until_gone(lab, node)


def wait_until_gone(lab: Lab, node: str, within: float = 60) -> None:
    """Wait until no process of a node's server is left."""
    assert wait_for(lambda: not lab.processes(node), within), f"the server of {node} goes on"


@contextlib.contextmanager
def clients(lab: Lab, begun: int = 50) -> Iterator[Load]:
    """Two clients write, and go on in the end: nothing that they were promised is missing then."""
    with Load(lab.dsn, clients=2, think=0.01) as load:
        assert wait_for(lambda: load.acknowledged >= begun)
        yield load
        before = load.acknowledged
        assert wait_for(lambda: load.acknowledged >= before + 20, within=10)
    assert load.missing(lab.dsn) == []


def orphan_a_backend(lab: Lab, node: str, rows: int = 10) -> threading.Thread:
    """Kill the postmaster with -9 under a backend that has committed so many rows, and goes on;
    gives its client.
    """
    ask(lab, node, "create table orphaned (n int)")
    client = writes_on(lab, node, rows)
    os.kill(postmaster(lab, node), signal.SIGKILL)
    return client


def writes_on(lab: Lab, node: str, rows: int = 10) -> threading.Thread:
    """Commit one row after another into table `orphaned`, until the server ends that; so many are
    there by now.
    """
    client = threading.Thread(target=_commit_for_ever, args=(lab, node))
    client.start()
    wait_for_answer(lab, node, f"select count(*) > {rows} from orphaned", True)
    return client


def _commit_for_ever(lab: Lab, node: str) -> None:
    with contextlib.suppress(psycopg2.Error):
        ask(lab, node, "do $$ begin loop insert into orphaned values (1); commit; end loop; end $$")


def send_all(pids: list[int], number: signal.Signals) -> None:
    """Signal all that are still there. The postmaster comes first, so that none that has ended is
    replaced.
    """
    for pid in sorted(pids):
        # a backend may have ended since it was listed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def walsender(lab: Lab, node: str) -> int:
    """The pid of a process of this node that sends WAL."""
    for pid in lab.processes(node):
        if re.search(rb"wal ?sender", Path(f"/proc/{pid}/cmdline").read_bytes()):
            return pid
    raise AssertionError(f"{node} has no walsender")


def ssh_server(pair: Lab, node: str) -> int:
    """The pid of the node's ssh server."""
    port = f"--port {pair.node(node).ssh_port} "
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "embedded.sshd" in words and port in words:
            return int(proc.name)
    raise AssertionError("no ssh server")


class Watch:
    """Looks every 5 ms which nodes take writes, for as long as its block lasts. `worst` is the most
    at once.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._seen: list[dict[str, float]] = []
        self._threads = [threading.Thread(target=self._follow, args=(node,)) for node in lab.nodes]
        self.spans: dict[str, list[tuple[float, float]]] = {node: [] for node in lab.nodes}

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _follow(self, node: str) -> None:
        where = self._lab.node(node)
        dsn = make_dsn(self._lab.dsn, host=where.host, port=where.port, target_session_attrs="any")
        connection = None
        while not self._stop.wait(0.005):
            try:
                connection = connection or psycopg2.connect(dsn)
                connection.autocommit = True
                asked = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute("select pg_is_in_recovery()")
                    if cursor.fetchone() == (False,):
                        self.spans[node].append((asked, time.monotonic()))
            except psycopg2.Error:
                connection = None

    @property
    def overlaps(self) -> int:
        """How often one node said that it takes writes between two moments at which the other one
        said so.
        """
        first, second = self.spans.values()
        return _inside(first, second) + _inside(second, first)


def _inside(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> int:
    """Answers of `one` that lie wholly between neighbouring answers of `other` which are close to
    each other.
    """
    asked = [moment for moment, _ in one]
    count = 0
    for (_, before), (after, _) in pairwise(other):
        if after - before < 0.1:
            between = one[bisect_left(asked, before) : bisect_right(asked, after)]
            count += sum(told <= after for _, told in between)
    return count


def state_of(lab: Lab) -> dict[str, object]:
    """Everything that a rehearsal must not change: roles, settings, slots, configuration, standby
    files, starts.
    """
    return {node: _node_state(lab, node) for node in lab.nodes}


def _node_state(lab: Lab, node: str) -> dict[str, object]:
    data = lab.node(node).data_directory
    names = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
    files = {name: (data / name).read_text() for name in names}
    signals = sorted(path.name for path in data.glob("*.signal")) + sorted(
        p.name for p in data.glob("recovery*")
    )
    beside = sorted(
        path.name for path in data.parent.iterdir() if not path.name.startswith(("sshd", "state"))
    )
    return {
        "files": files,
        "signals": signals,
        "beside": beside,
        "recovery": ask(lab, node, "select pg_is_in_recovery(), pg_postmaster_start_time()"),
        "roles": ask(
            lab, node, "select rolname, rolreplication, rolsuper from pg_roles order by 1"
        ),
        "settings": ask(
            lab, node, "select name, setting from pg_settings where source <> 'client' order by 1"
        ),
        "slots": ask(lab, node, "select slot_name, active from pg_replication_slots order by 1"),
    }


def records(lab: Lab) -> Iterator[Path]:
    """Record folders, the newest last. Their names tell only the second."""
    yield from sorted(record_folders(lab.folder / "records"), key=_begun)


def _begun(record: Path) -> str:
    try:
        return str(read(record).first("run begun")["at"])
    except (OSError, KeyError, ValueError):
        moment = datetime.strptime(record.name[:16], "%Y%m%dT%H%M%SZ")
        return f"{moment.isoformat()}Z"
