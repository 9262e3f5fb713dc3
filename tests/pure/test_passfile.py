"""Two superuser passwords in the operator's passfile, and one cluster after a setup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from pgha_helpers.changes.deeds.access import _put_first
from pgha_helpers.facts.access import login_to_copy, with_login
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.model import Pair, passfile
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.run.parameters.pair_file import load_pair

_ONE = r"10.0.0.1:5432:*:postgres:o\:ld" + "\n"
_OTHER = "10.0.0.2:5432:*:postgres:new\n"
_PLAN = Plan("setup", "db1", "db0", "setup", steps=("Copy db0",))


@pytest.fixture
def prod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A pair whose passfile is not written yet."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    nodes = {
        name: {"host": host, "data_directory": "/data", "bin_directory": "/bin"}
        for name, host in (("db0", "10.0.0.1"), ("db1", "10.0.0.2"))
    }
    (path := tmp_path / "prod.yaml").write_text(
        yaml.safe_dump({"nodes": nodes, "passfile": str(tmp_path / "pgpass")})
    )
    return load_pair(str(path))


def test_one_password_for_both_asks_for_nothing(
    prod: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for well in ("", _OTHER, "*:*:*:postgres:one\n", _ONE + _OTHER.replace("new", r"o\:ld")):
        Path(prod.passfile).write_text(well)
        assert login_to_copy(prod, "db0") == ""
        assert with_login(prod, _PLAN) == _PLAN
    Path(prod.passfile).write_text(_ONE + _OTHER)
    monkeypatch.setenv("PGPASSWORD", "that of both")
    assert login_to_copy(prod, "db0") == ""


def test_the_copy_is_opened_by_the_password_of_the_kept_cluster(prod: Pair) -> None:
    """In every database that had a line of its own, and no other role's line is in its shadow."""
    of_app = "10.0.0.1:*:app:postgres:third\n"
    repl = "10.0.0.2:5432:replication:replicator:repl\n"
    (file := Path(prod.passfile)).write_text(of_app + _ONE + "*:*:*:*:any\n" + _OTHER + repl)
    lines = login_to_copy(prod, "db0")
    assert lines.splitlines() == [
        "10.0.0.2:5432:app:postgres:third",
        r"10.0.0.2:5432:*:postgres:o\:ld",
        "10.0.0.2:5432:*:postgres:any",
    ]
    _put_first(file, lines)
    for database in ("app", "postgres"):
        there, here = (
            passfile.password(str(file), host, "5432", database, "postgres")
            for host in ("10.0.0.1", "10.0.0.2")
        )
        assert there == here
    assert file.read_text().endswith(_OTHER + repl)  # nothing is taken away
    assert login_to_copy(prod, "db0") == ""


def test_a_node_without_a_line_gets_one(prod: Pair) -> None:
    Path(prod.passfile).write_text(_ONE)
    assert login_to_copy(prod, "db0") == r"10.0.0.2:5432:*:postgres:o\:ld" + "\n"


def test_a_passfile_that_is_a_link_stays_one_and_keeps_its_mode(tmp_path: Path) -> None:
    (real := tmp_path / "real").write_bytes(b"a:1:*:caf\xe9:x\n")
    real.chmod(0o600)
    (link := tmp_path / "link").symlink_to("real")
    _put_first(link, "b:1:*:ann:y\n")
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o600
    assert real.read_bytes() == b"b:1:*:ann:y\na:1:*:caf\xe9:x\n"
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}


def test_the_plan_says_it_or_refuses(prod: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(prod.passfile).write_text(_ONE + _OTHER)
    (*_, step) = with_login(prod, _PLAN).steps
    assert step == f"Put the password of postgres on db0 first for db1, too, in {prod.passfile}"
    assert with_login(prod, _PLAN).consent == _PLAN.consent
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(NotSafe, match=r"another password for it in .*, which may not be written"):
        with_login(prod, _PLAN)
