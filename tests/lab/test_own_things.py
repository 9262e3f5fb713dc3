"""A node's own things stay its own, by whatever road it gets a copy of the other one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from pgha_helpers.changes.deeds.rewind import overwriting
from pgha_helpers.model.errors import NotAchieved, NotSafe

from .. import embedded as labs
from ..embedded import Lab
from .losers import left_behind
from .runs import carry_out, to_promote
from .servers import ask, wait_for_answer, writable

pytestmark = pytest.mark.usefixtures("has_rsync")
OF_BOTH = ("conf.d", "certs", "server.key")


def furnish(pair: Lab, node: str) -> None:
    """Give a stopped node a configuration that lies about: a folder with its port, certificates, a
    managed file.
    """
    data, home = pair.node(node).data_directory, pair.node(node).home
    port = f"port = {pair.node(node).port}"
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        conf = data / name
        conf.write_text(re.sub(r"(?m)^port = .*\n", "", conf.read_text()))
    with (data / "postgresql.conf").open("a") as file:
        file.write("include_dir = 'conf.d'\nssl_cert_file = 'certs/its.crt'\n")
    (data / "postgresql.conf").chmod(0o640)
    for name, words in {
        "conf.d/10-port.conf": f"{port}\n",
        f"conf.d/20-{node}.conf": f"cluster_name = '{node}'\n",
        "certs/its.crt": f"of {node}",
        f"certs/{node}.pem": f"of {node}",
        "server.key": f"of {node}",
        f"note-of-{node}": node,
        "log/old.log": node,
    }.items():
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_text(words)
    (data / "server.key").chmod(0o600)
    managed = home / "managed.conf"
    (data / "pg_hba.conf").rename(managed)
    managed.chmod(0o640)
    (data / "pg_hba.conf").symlink_to("../managed.conf")
    owner = home.stat()
    for path in [managed, *data.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def things(pair: Lab, node: str) -> dict[str, tuple[str, str]]:
    """What is there of it, with modes and contents; of postgresql.auto.conf only that it is
    there.
    """
    data = pair.node(node).data_directory
    names = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf", *OF_BOTH, f"note-of-{node}"]
    found = {}
    for name in names:
        for path in [data / name, *sorted((data / name).rglob("*"))]:
            content = ""
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = path.read_text()
            found[str(path.relative_to(data))] = (oct(path.lstat().st_mode), content)
    return found


def serves(pair: Lab, node: str, primary: str) -> None:
    """It answers on its own port under its own name, and streams."""
    assert writable(pair) == [primary]
    assert ask(pair, node, "select current_setting('cluster_name'), pg_is_in_recovery()") == [
        (node, True)
    ]
    streams = "select state from pg_stat_replication"
    wait_for_answer(pair, primary, streams, "streaming")


@pytest.fixture
def furnished(own_pair: Lab) -> Lab:
    for node in ("db1", "db0"):
        own_pair.kill(node)
        furnish(own_pair, node)
    labs.up(own_pair.folder)
    ask(own_pair, "db0", "create table t (word text)")
    return own_pair


def test_its_own_things_survive_every_road_there_and_back(furnished: Lab) -> None:
    """After a clone db1 had the primary's port and certificate, and was told that somebody else
    listens there.
    """
    pair = furnished
    before = {node: things(pair, node) for node in ("db0", "db1")}
    assert before["db0"].keys() != before["db1"].keys()
    for method in ("clone", "rsync"):
        if method == "rsync":
            pair.kill("db1")
        carry_out(pair, "rebuild", "rebuild db1", method=method)
        serves(pair, "db1", "db0")
        assert things(pair, "db1") == before["db1"], method
        assert not (pair.node("db1").data_directory / "log" / "old.log").exists(), (
            "the primary's log does not come"
        )
    for new, old in (("db1", "db0"), ("db0", "db1")):
        carry_out(pair, "promote", to_promote(new))
        serves(pair, old, new)
        assert {node: things(pair, node) for node in before} == before, new
    managed = pair.node("db0").home / "managed.conf"
    assert "# pgha begin" in managed.read_text() and oct(managed.stat().st_mode) == "0o100640"


@pytest.mark.parametrize("crash", [True, False], ids=["crashed", "stopped cleanly"])
def test_its_own_things_survive_a_rewind(furnished: Lab, crash: bool) -> None:
    """pg_rewind takes a link for something else, writes over what both have, and deletes what only
    the node has.
    """
    pair = furnished
    before = {node: things(pair, node) for node in ("db0", "db1")}
    left_behind(pair, crash=crash)
    carry_out(pair, "rebuild", "rebuild db0, leave 3 transactions", method="rewind")
    serves(pair, "db0", "db1")
    assert {node: things(pair, node) for node in before} == before
    assert (pair.node("db0").data_directory / "log" / "old.log").read_text() == "db0"


def test_a_node_without_anything_gets_files_for_the_primarys_links(empty: Lab) -> None:
    """pg_basebackup leaves links out, and there was no pg_hba.conf by which anybody could come
    in.
    """
    pair = empty
    data, managed = pair.node("db0").data_directory, pair.node("db0").home / "managed.conf"
    (data / "pg_hba.conf").rename(managed)
    managed.chmod(0o640)
    (data / "pg_hba.conf").symlink_to("../managed.conf")
    before = managed.read_text()
    carry_out(pair, "setup", "setup db1")
    assert (
        (data / "pg_hba.conf").is_symlink()
        and before in managed.read_text()
        and "# pgha begin" in managed.read_text()
    )
    assert oct(managed.stat().st_mode) == "0o100640"
    theirs = pair.node("db1").data_directory / "pg_hba.conf"
    assert theirs.is_file() and not theirs.is_symlink() and before in theirs.read_text()
    assert theirs.stat().st_mode & 0o077 in (0, 0o040)


def test_files_that_would_end_a_setup_half_way_are_refused_before_it(empty: Lab) -> None:
    """A passfile that libpq ignores, and a managed file that may not be written, with the lines to
    put there.
    """
    pair = empty
    passfile = pair.node("db1").home / "pgpass"
    passfile.chmod(0o644)
    with pytest.raises(
        NotSafe, match=r"pgpass is ignored, because others may read it \(mode 0644\): chmod 600"
    ):
        carry_out(pair, "setup", "setup db1")
    passfile.chmod(0o600)
    data, place = pair.node("db0").data_directory, pair.home / "managed"
    place.mkdir(mode=0o755)
    managed = place / "hba.conf"
    managed.write_text((data / "pg_hba.conf").read_text())
    managed.chmod(0o644)
    (data / "pg_hba.conf").unlink()
    (data / "pg_hba.conf").symlink_to(managed)
    if os.geteuid() != 0:
        pytest.skip("needs root, for a file that is somebody else's")
    os.chown(place, 0, 0)
    os.chown(managed, 0, 0)
    with pytest.raises(
        NotSafe, match=r"hba\.conf belongs to root, and .* may not write it"
    ) as refused:
        carry_out(pair, "setup", "setup db1")
    block = str(refused.value)[str(refused.value).index("# pgha begin") :]
    assert "replicator" in block
    assert ask(pair, "db0", "select count(*)::int from pg_roles where rolname = 'replicator'") == [
        (0,)
    ]
    managed.write_text(block + "\n" + managed.read_text())
    ask(pair, "db0", "select pg_reload_conf()")
    carry_out(pair, "setup", "setup db1")  # the remedy
    assert (Path(managed).stat().st_uid, (data / "pg_hba.conf").is_symlink()) == (0, True)


def test_its_own_things_survive_a_rewind_that_dies(
    furnished: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node was cloned then, with the primary's configuration: its own was in what had been
    saved.
    """
    pair = furnished
    before = things(pair, "db0")
    left_behind(pair)
    really = overwriting._pg_rewind

    def fails(*given: Any) -> list[str]:
        return really(*given) if len(given) == 5 else ["false"]

    monkeypatch.setattr(overwriting, "_pg_rewind", fails)
    with pytest.raises(NotAchieved, match="must never be started"):
        carry_out(pair, "rebuild", "rebuild db0, leave 3 transactions", method="rewind")
    carry_out(pair, "rebuild", "rebuild db0", method="clone")
    serves(pair, "db0", "db1")
    assert things(pair, "db0") == before
