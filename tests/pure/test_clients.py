"""Clients in a pair file, and what is judged of them: in milliseconds, without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.clients.ini import Target
from pgha_helpers.clients.move import Move, address_like
from pgha_helpers.clients.multihost import why_not
from pgha_helpers.judgement.checks import judge
from pgha_helpers.judgement.checks.clients import the_clients_can_be_moved
from pgha_helpers.model import ClientSeen, Command, Libpq, Pgbouncer
from pgha_helpers.model.errors import BadParameters
from pgha_helpers.run.parameters.pair_file import load_pair
from pgha_helpers.run.redaction import secrets_of
from pgha_helpers.wire.sql import keywords

from .pair_files import GOOD, written
from .pictures import healthy

POOL = {"name": "pool", "kind": "pgbouncer", "file": "/etc/pgbouncer/pgbouncer.ini"}
DNS = {
    "name": "dns",
    "kind": "command",
    "redirect": ["/bin/point", "{primary_host}"],
    "check": ["/bin/look"],
}
APP = {
    "name": "app",
    "kind": "libpq",
    "dsn": "host=10.0.0.1,10.0.0.2 user=app target_session_attrs=read-write",
}


def pair_with(folder: Path, *clients: object) -> Any:
    return load_pair(written(folder, {**GOOD, "clients": list(clients)}))


def test_clients_are_read_in_their_order_with_units_and_defaults(tmp_path: Path) -> None:
    pair = pair_with(tmp_path, {**POOL, "pause": "20s", "wait": "500ms"}, DNS, APP)
    pool, dns, app = pair.clients
    assert isinstance(pool, Pgbouncer) and isinstance(dns, Command) and isinstance(app, Libpq)
    assert (pool.pause, pool.wait, pool.port, pool.user, dns.within) == (
        20,
        0.5,
        6432,
        "pgbouncer",
        10,
    )
    assert load_pair(written(tmp_path)).clients == ()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**POOL, "prot": 1}, "clients.pool.prot: unknown key; did you mean 'port'?"),
        (
            {**POOL, "password": "hunter2"},
            "clients.pool.password is no key: secrets do not belong in a pair file",
        ),
        (
            {**POOL, "ssh": {"hots": "x"}},
            "clients.pool.ssh.hots: unknown key; did you mean 'host'?",
        ),
        ({**POOL, "pause": "10"}, "clients.pool.pause: '10' is not a duration"),
        ({**POOL, "wait": "10s"}, "wait (10 s) must be more than 0 s and less than pause (10 s)"),
        ({**POOL, "port": "many"}, "clients.pool.port: 'many' is wrong"),
        (
            {**POOL, "file": "pgbouncer.ini"},
            "clients.pool.file: 'pgbouncer.ini' must be an absolute path",
        ),
        ({**POOL, "node": "db7"}, "clients.pool.node: 'db7' is not one of db0 and db1"),
        ({**POOL, "node": "db0", "ssh": {"host": "x"}}, "node and ssh cannot both be told"),
        ({**POOL, "databases": ["a"], "readers": ["a"]}, "'a' cannot follow both"),
        ({**POOL, "databases": ["*"]}, "'*' cannot be paused"),
        (
            {**POOL, "kind": "pgbuoncer"},
            "clients.pool.kind: 'pgbuoncer' is wrong: did you mean 'pgbouncer'?",
        ),
        ({**POOL, "kind": None}, "it is one of pgbouncer, command, libpq"),
        ({**POOL, "name": "db0"}, "clients.db0: the name is taken"),
        ({**POOL, "name": "a\nb"}, "has a control character"),
        ({"kind": "libpq"}, "clients: entry 1 has no name"),
        ("pool", "clients: entry 1 has no name"),
        ({"name": "app", "kind": "libpq"}, "clients.app.dsn: is missing"),
        ({**APP, "dsn": "host=a password=hunter2"}, "clients.app.dsn: it holds a password"),
        ({**APP, "dsn": "postgresql://ann:hunter2@a/b"}, "clients.app.dsn: it holds a password"),
        ({**APP, "dsn": "host=a passfile=/x"}, "passfile is a key beside dsn"),
        (
            {**APP, "dsn": "host=a hunter2"},
            "clients.app.dsn: it is no connection string that libpq understands",
        ),
        ({**DNS, "check": []}, "clients.dns.check: is empty"),
        ({**DNS, "redirect": "/bin/point db1"}, "clients.dns.redirect: '/bin/point db1' is wrong"),
        (
            {**DNS, "redirect": ["x", "{primary_hots}"]},
            "there is no {primary_hots}; did you mean {primary_host}?",
        ),
    ],
)
def test_a_wrong_entry_is_told_what_is_wrong(tmp_path: Path, entry: object, words: str) -> None:
    with pytest.raises(BadParameters) as refused:
        pair_with(tmp_path, entry)
    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_clients_and_nodes_complain_at_once(tmp_path: Path) -> None:
    told = {**GOOD, "limit": {}, "clients": [{**POOL, "prot": 1}, {**APP, "name": ""}]}
    with pytest.raises(BadParameters) as refused:
        load_pair(written(tmp_path, told))
    assert all(word in str(refused.value) for word in ("'limits'", "clients.pool.prot", "entry 2"))


def test_entries_that_would_fight_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="'pool' is the name of 2 entries"):
        pair_with(tmp_path, POOL, {**POOL, "file": "/other.ini"})
    with pytest.raises(BadParameters, match=r"2 entries rewrite /etc/pgbouncer/pgbouncer\.ini"):
        pair_with(tmp_path, POOL, {**POOL, "name": "again"})
    with pytest.raises(BadParameters, match="a list of entries is needed"):
        load_pair(written(tmp_path, {**GOOD, "clients": POOL}))


def test_passwords_of_a_clients_passfile_are_secrets(tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:6432:pgbouncer:ann:hu\\:nter2\n")
    assert "hu:nter2" in secrets_of(
        pair_with(tmp_path, {**POOL, "passfile": str(passfile)}), {"PGPASSFILE": "/none"}
    )


def test_words_of_a_command_get_the_roles_and_nothing_else(tmp_path: Path) -> None:
    move = Move(pair_with(tmp_path), "db1", "db0")
    words = (
        "{primary}:{primary_host}:{primary_port}",
        "{standby_host}",
        "{other} {} $(x)",
        "{standby}{primary}",
    )
    assert move.filled(words) == ("db1:10.0.0.2:5432", "10.0.0.1", "{other} {} $(x)", "db0db1")
    assert move.back.filled(("{primary}",)) == ("db0",)


def test_a_node_is_named_in_the_way_in_which_the_other_one_was(tmp_path: Path) -> None:
    nodes = {
        name: {**GOOD["nodes"][name], "peer_host": f"192.168.0.{number}", "peer_port": 6000}
        for number, name in enumerate(("db0", "db1"))
    }
    pair = load_pair(written(tmp_path, {"nodes": nodes}))
    assert address_like(pair, Target("10.0.0.1", 5432), "db1") == Target("10.0.0.2", 5432)
    assert address_like(pair, Target("192.168.0.0", 6000), "db1") == Target("192.168.0.1", 6000)
    assert address_like(pair, Target("192.168.0.1", 6000), "db1") == Target("192.168.0.1", 6000)
    for target, words in (
        (Target("10.0.0.1", 1), "10.0.0.1:1"),
        (Target("", 5432), "a Unix socket:5432"),
    ):
        with pytest.raises(LookupError, match=words):
            address_like(pair, target, "db1")


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("host=10.0.0.1,10.0.0.2 target_session_attrs=read-write", []),
        ("host=10.0.0.2,10.0.0.1,10.0.0.9 port=5432 target_session_attrs=primary", []),
        ("postgresql://ann@10.0.0.1:5432,10.0.0.2:5432/app?target_session_attrs=primary", []),
        ("hostaddr=10.0.0.1,10.0.0.2 target_session_attrs=primary", []),
        ("host=10.0.0.1 target_session_attrs=read-write", ["does not name db1 (10.0.0.2:5432)"]),
        ("host=10.0.0.1,10.0.0.2 port=5432,1 target_session_attrs=primary", ["does not name db1"]),
        ("host=10.0.0.1,10.0.0.2", ["target_session_attrs=any"]),
        (
            "dbname=app target_session_attrs=prefer-standby",
            ["db0 (10.0.0.1:5432) and db1", "prefer-standby"],
        ),
    ],
)
def test_a_dsn_must_name_both_and_ask_for_the_writable_one(
    tmp_path: Path, dsn: str, words: list[str]
) -> None:
    said = list(why_not(pair_with(tmp_path), keywords(dsn)))
    assert len(said) == len(words) and all(
        word in line for word, line in zip(words, said, strict=True)
    ), said


def test_clients_are_judged_and_fail_closed_where_nobody_has_looked() -> None:
    now = healthy()
    assert judge([the_clients_can_be_moved], now)[0].level == "ok"
    now = replace(
        now, pair=replace(now.pair, clients=(Libpq("app", "host=a"), Libpq("web", "host=b")))
    )
    assert judge([the_clients_can_be_moved], now)[0].reason == "app, web: not looked at closely"
    well = ClientSeen("app", "libpq, a")
    (verdict,) = judge(
        [the_clients_can_be_moved], replace(now, clients=(well, ClientSeen("web", "libpq, b")))
    )
    assert (verdict.level, verdict.value) == ("ok", "app: libpq, a; web: libpq, b")
    (verdict,) = judge(
        [the_clients_can_be_moved],
        replace(now, clients=(well, ClientSeen("web", "x", ("no", "never")))),
    )
    assert (verdict.level, verdict.reason) == ("critical", "web: no; web: never")
    assert "docs/clients.md" in verdict.remedy
