"""Names, tools and logs that are not as we are used to: they are facts with a reason, and cost what
leans on them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from pgha_helpers import HEALTHY, judged, look, rows_at_stake
from pgha_helpers.facts.leftovers import left_over
from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.judgement.checks import readiness
from pgha_helpers.model import Running, Verdicts
from pgha_helpers.run.journal import read
from pgha_helpers.wire import shell
from pgha_helpers.wire.attended import attend

from ..conftest import pgha
from ..embedded import Lab
from .runs import changed_pair, running
from .servers import ask, records

PYTHONS_WORDS = (
    "Error:",
    "Error(",
    "Traceback",
    "invalid literal",
    "codec can't",
    "could not convert",
)


def verified(pair: Lab, **changes: object) -> tuple[list[Running], Verdicts]:
    """What the cells of verify see and judge."""
    path = changed_pair(pair, pair.folder, **changes) if changes else pair.pair_file
    with running(path, "verify") as run:
        now = look(run, closely=True)
        verdicts = judged(run, HEALTHY, now)
        told = [
            now.table(),
            verdicts,
            rows_at_stake(run, now),
            readiness(now, verdicts),
            left_over(run, now),
        ]
    assert not [words for words in PYTHONS_WORDS if words in "\n".join(map(str, told))]
    return list(now.running), verdicts


@pytest.fixture
def named_in_latin1(pair: Lab) -> Iterator[None]:
    """A database, a role and a tablespace whose names are bytes that mean nothing in UTF-8; and one
    of SQL_ASCII.
    """
    ask(pair, "db0", "create database latin encoding 'LATIN1' template template0 locale 'C'")
    ask(pair, "db0", "create database plain encoding 'SQL_ASCII' template template0 locale 'C'")
    node = pair.node("db0")
    dsn = make_dsn(
        pair.dsn, host=node.host, port=node.port, dbname="latin", target_session_attrs="any"
    )
    with contextlib.closing(psycopg2.connect(dsn)) as there:
        there.autocommit = True
        with there.cursor() as cursor:
            for statement in (
                'create database "café"',
                'create role "rôle"',
                'create table "naïf" ()',
            ):
                cursor.execute(statement)
            yield
            for statement in ('drop database "café"', 'drop role "rôle"'):
                cursor.execute(statement)
    for name in ("latin", "plain"):
        ask(pair, "db0", f"drop database {name}")


@pytest.mark.usefixtures("named_in_latin1")
def test_a_name_in_another_encoding_costs_one_warning(pair: Lab) -> None:
    done = pgha("run", "verify", str(pair.pair_file), "-p", "light=true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert not [words for words in PYTHONS_WORDS if words in done.stdout + done.stderr]
    story = read(list(records(pair))[-1])
    assert story.last("seen")["facts"][0]["databases"] == [r"caf\xe9", "latin", "plain"]
    against = [
        verdict["reason"]
        for verdict in story.last("judged")["verdicts"]
        if verdict["level"] != "ok"
    ]
    why = r"db{0}: caf\xe9: SQL: db{0}: dbname 'caf\xe9' is no UTF-8"
    assert against == [f"{why.format(0)}; {why.format(1)}"]
    # sessions that speak their database's encoding read the very same bytes
    for database in ("plain", "latin"):
        seen, verdicts = verified(pair, database=database)
        (told,) = [verdict for verdict in verdicts if "caf" in verdict.reason]
        assert told.level == "warning" and "latin" in seen[0].databases


@pytest.fixture
def busybox(
    need: Callable[..., None], pair: Lab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The nodes' tools are BusyBox's, but for those that it has not."""
    need("busybox", "busybox")
    # pytest takes its own folders away from other users whenever it starts
    tools = pair.home / "tools"
    tools.mkdir(mode=0o755)
    listed = subprocess.run(
        ["busybox", "--list"], capture_output=True, text=True, check=True
    ).stdout.split()
    for name in set(listed) - {"sh", "su", "sudo", "env"}:
        (tools / name).symlink_to(shutil.which("busybox") or "")

    def as_user(user: str, *argv: str) -> tuple[str, ...]:
        sudo = ("sudo", "-n", "-u", user, "--") if user else ()
        return (*sudo, "env", "LC_ALL=C", f"PATH={tools}:{os.environ['PATH']}", *argv)

    monkeypatch.setattr(shell, "as_user", as_user)
    yield tools
    shutil.rmtree(tools)


def test_tools_of_busybox_cost_only_what_leans_on_them(pair: Lab, busybox: Path) -> None:
    seen, verdicts = verified(pair)
    assert all(
        node.disk and abs(node.disk.clock_skew or 9) < 1.5 and node.disk.free_bytes for node in seen
    )
    assert not [
        v for v in verdicts if "is expected, found" in v.reason or "nothing is told" in v.reason
    ], verdicts
    (busybox / "date").unlink()
    (busybox / "date").write_text("#!/bin/sh\necho soon\n")
    (busybox / "date").chmod(0o755)
    (busybox / "stat").unlink()
    (busybox / "stat").write_text(
        "#!/bin/sh\necho stat: Zugriff verweigert, caf\\\\351 >&2; exit 1\n"
    )
    (busybox / "stat").chmod(0o755)
    seen, verdicts = verified(pair)
    unknown = {verdict.title: verdict.reason for verdict in verdicts if verdict.level == "unknown"}
    assert (
        "clock: a number is expected, found 'soon.5'"
        in unknown["The nodes' clocks agree with this machine's"]
    )
    without_room = [title for title, reason in unknown.items() if "free: nothing is told" in reason]
    assert without_room and all("disk" in title or "room" in title for title in without_room), (
        unknown
    )


def test_bytes_go_to_a_node_and_come_back_and_a_log_in_latin1_is_told(pair: Lab) -> None:
    with running(pair, "verify") as run:
        door, said, odd = run.doors["db1"], list[str](), "/srv/caf\udce9 x"
        assert door.run("printf", "%s", odd).text == odd
        # the lab's own ssh server takes no such command; OpenSSH does
        here = run.elsewhere("here", None)
        assert attend(here, ["printf", "%s\\n", odd], said.append, 10) == 0 and said == [odd]
        log = ServerLog(run.doors["db1"], "db0")
        with (pair.node("db1").home / "state" / "server.log").open("ab") as file:
            file.write("FATAL:  Rolle »café« existiert nicht\n".encode("latin-1"))
        words, _ = log.words()
    assert "Rolle" in words and "caf" in words
