"""A node's standby definition: what it says beyond ours is kept, and what is wrong in it is written
anew.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from pgha_helpers import AFTER, HEALTHY, judged, look
from pgha_helpers.changes import plan_setup
from pgha_helpers.facts import until
from pgha_helpers.model.conninfo import parts
from pgha_helpers.model.errors import BadParameters, NotSafe

from .. import embedded as labs
from ..embedded import Lab
from .looks import restart
from .runs import carry_out, changed_pair, did, running, to_promote
from .servers import ask, wait_for_answer


def against(pair: Lab | Path) -> str:
    """What verify would say is critical."""
    with running(pair, "verify") as run:
        found = judged(run, HEALTHY, look(run, closely=True))
        return "; ".join(
            verdict.reason for verdict in found if verdict.level in ("critical", "unknown")
        )


def definition(pair: Lab, node: str) -> dict[str, str]:
    return parts(ask(pair, node, "show primary_conninfo")[0][0])


def test_a_definition_that_is_not_as_the_pair_file_says_is_written_anew(
    own_pair: Lab, tmp_path: Path
) -> None:
    pair = own_pair
    moved = changed_pair(pair, tmp_path, db0={"peer_host": "localhost"})
    assert "leads to 127.0.0.1" in against(moved)
    carry_out(moved, "rebuild", "rebuild db1")
    assert definition(pair, "db1")["host"] == "localhost" and not against(moved)
    with pytest.raises(SystemExit):  # now it is already so
        carry_out(moved, "rebuild", "rebuild db1")
    assert "leads to localhost" in against(pair)
    # the pair file is put back; setup heals it as rebuild does
    carry_out(pair, "setup", "setup db1")
    assert definition(pair, "db1")["host"] == "127.0.0.1" and not against(pair)
    ask(pair, "db1", "alter system set primary_slot_name = ''")
    ask(pair, "db1", "select pg_reload_conf()")
    unused = "select not active from pg_replication_slots where slot_name = 'pgha_db1'"
    wait_for_answer(pair, "db0", unused, True, within=60)
    assert "slot pgha_db1 on db0 is not active" in against(pair)
    carry_out(pair, "rebuild", "rebuild db1")
    assert not against(pair)


def test_a_primary_that_feeds_nobody_is_restarted_by_setup(own_pair: Lab) -> None:
    """Its standby is there, and cannot be let in before that: no remedy of a person's is asked."""
    ask(own_pair, "db0", "alter system set max_wal_senders = 0")
    restart(own_pair, "db0")
    with running(own_pair, "setup") as rehearsed:
        plan = plan_setup(rehearsed, look(rehearsed))
    assert plan.consent == "setup db1, restart db0"
    carry_out(own_pair, "setup", plan.consent)
    assert not against(own_pair)


def consume_until_copied(pair: Lab, primary: str, standby: str) -> None:
    """Use the slot `app` as a consumer would: a copy waits for that before it lasts."""
    there = (
        "select bool_or(synced and not temporary) from pg_replication_slots where slot_name = 'app'"
    )
    deadline = time.monotonic() + 60
    while ask(pair, standby, there) != [(True,)]:
        assert time.monotonic() < deadline, "the slot is not copied"
        ask(pair, primary, "select pg_log_standby_snapshot()")
        ask(pair, primary, "select pg_replication_slot_advance('app', pg_current_wal_lsn())")
        time.sleep(0.2)


def test_failover_slots_go_there_and_back(own_pair: Lab) -> None:
    """Without a dbname nothing is copied, and what the old primary had blocks the copy on the way
    back.
    """
    pair = own_pair
    for node in ("db0", "db1"):
        for setting in (
            "wal_level = logical",
            "sync_replication_slots = on",
            "hot_standby_feedback = on",
        ):
            ask(pair, node, f"alter system set {setting}")
        pair.kill(node)
    labs.up(pair.folder)
    with running(pair, "verify") as run:
        until(run, *AFTER[:4], within=30)
    ask(
        pair,
        "db0",
        "select pg_create_logical_replication_slot('app', 'pgoutput', false, false, true)",
    )
    wait_for_answer(pair, "db0", "select count(*) from pg_stat_replication", 1, 60)
    assert "has no dbname" in against(pair)
    carry_out(pair, "rebuild", "rebuild db1")
    consume_until_copied(pair, "db0", "db1")
    assert not against(pair)
    carry_out(pair, "promote", "promote db1")
    assert "db0 has a slot of its own of that name, from when it was primary: db0.app" in against(
        pair
    )
    with pytest.raises(NotSafe, match=r"db0\.app"):
        carry_out(pair, "promote", to_promote("db0"))
    with pytest.raises(BadParameters, match="both nodes have"):
        carry_out(pair, "rebuild", "rebuild db0, drop slot app", drop_slots="app")
    deeds = carry_out(pair, "rebuild", "rebuild db0, drop slot db0.app", drop_slots="db0.app")
    assert did(deeds) == "db0: drop slot app: the consent names it"
    consume_until_copied(pair, "db1", "db0")
    carry_out(pair, "promote", to_promote("db0"))
    assert ask(
        pair, "db0", "select slot_name::text from pg_replication_slots where slot_type = 'logical'"
    ) == [("app",)]
    consume_until_copied(pair, "db0", "db1")
    assert not against(pair), "the next way needs nothing more"


def encrypted(pair: Lab) -> Path:
    """Let both servers speak TLS, each by its own certificate; gives the certificate of who has
    signed them.
    """
    root = pair.home / "root.crt"
    make = ("openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048", "-subj")
    subprocess.run(
        [*make, "/CN=root", "-keyout", pair.folder / "root.key", "-out", root],
        check=True,
        capture_output=True,
    )
    for node in ("db0", "db1"):
        home = pair.node(node).home
        owner = home.stat()
        ours = [
            *make,
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-CA",
            root,
            "-CAkey",
        ]
        files = ["-keyout", home / "tls.key", "-out", home / "tls.crt"]
        subprocess.run([*ours, pair.folder / "root.key", *files], check=True, capture_output=True)
        for path in (home / "tls.key", home / "tls.crt"):
            os.chown(path, owner.st_uid, owner.st_gid)
        (home / "tls.key").chmod(0o600)
        for setting, value in (
            ("ssl_cert_file", home / "tls.crt"),
            ("ssl_key_file", home / "tls.key"),
            ("ssl", "on"),
        ):
            ask(pair, node, f"alter system set {setting} = '{value}'")
        ask(pair, node, "select pg_reload_conf()")
    return root


def test_what_guards_a_connection_is_kept_on_both_nodes(own_pair_15: Lab) -> None:
    pair = own_pair_15
    root = encrypted(pair)
    before = ask(pair, "db1", "show primary_conninfo")[0][0]
    guard = f"sslmode=verify-full sslrootcert={root} keepalives_idle=7"
    ask(pair, "db1", "alter system set primary_conninfo = %s", f"{before} {guard}")
    ask(pair, "db1", "select pg_reload_conf()")
    tls = (
        "select coalesce(bool_and(ssl), false) from pg_stat_replication join pg_stat_ssl "
        "using (pid)"
    )
    wait_for_answer(pair, "db0", tls, True, within=60)
    for new, old in (("db1", "db0"), ("db0", "db1")):
        carry_out(pair, "promote", to_promote(new))
        assert parts(guard).items() <= definition(pair, old).items()
        assert ask(pair, new, tls) == [(True,)]
    hba = pair.node("db1").data_directory / "pg_hba.conf"
    plain = hba.read_text().partition("# pgha end\n")[2]
    theirs = [
        f"hostssl {database} replicator 127.0.0.1/32 scram-sha-256\n"
        for database in ("replication", "postgres")
    ]
    hba.write_text("".join([*theirs, plain]))
    carry_out(pair, "rebuild", "rebuild db1", method="clone")
    assert hba.read_text() == "".join([*theirs, plain]), (
        "no plain line is put above one that asks for TLS"
    )
    hba.write_text("hostssl all all 10.0.0.0/8 scram-sha-256\n" + plain)
    ask(pair, "db1", "select pg_reload_conf()")
    carry_out(pair, "setup", "setup db1")
    assert hba.read_text().splitlines()[1].startswith("hostssl replication ")
    assert parts(guard).items() <= definition(pair, "db1").items() and ask(pair, "db0", tls) == [
        (True,)
    ]
    assert not against(pair)
    # what cannot be guarded as before is refused, and never done without
    root.rename(pair.home / "moved")
    with pytest.raises(NotSafe, match=r"root certificate file .* does not exist"):
        carry_out(pair, "promote", "promote db1")
