"""What is a node's own is told from its files, whether a server runs there or not, and is written
through links.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgha_helpers.changes.deeds.files import write_file
from pgha_helpers.changes.deeds.node_config import _script as own_script
from pgha_helpers.facts.access import lets_in
from pgha_helpers.facts.configured import configuration
from pgha_helpers.facts.files import why_not_written
from pgha_helpers.facts.node_config import read_node_config
from pgha_helpers.model import Node, Pair
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.wire.doors import Door
from pgha_helpers.wire.pipes import LocalPipes
from pgha_helpers.wire.shell import Shell

CONF = """
# include 'nowhere.conf'
Port = 5433
include_if_exists 'etc/more.conf'
include_dir = 'conf.d'   # the last word counts
ssl_cert_file = 'certs/server.crt'
ssl_key_file = '/etc/ssl/private/key'
hba_file = 'access/hba.conf'
"""
MORE = "port = 1\ninclude '../other.conf'\nwork_mem = '4MB'\n"
AUTO = (
    "primary_conninfo = 'host=a sslrootcert=tls/root.crt passfile=''~/x'''\nlog_directory = "
    "'words'\n"
)
HBA = 'host all,"odd user" @names 10.0.0.1/32 md5\ninclude_dir hba.d\n'


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A door to this very machine, to a data directory that has a PG_VERSION and what PostgreSQL
    makes.
    """
    data = tmp_path / "data"
    for name in ("base", "global", "pg_wal", "pg_xact", "log"):
        (data / name).mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n")
    node = Node("db0", "127.0.0.1", str(data), "/nowhere", passfile=f"{data}/.pgpass")
    opened = Door(node, Pair("prod", (node, Node("db1", "127.0.0.2", "/nowhere", "/nowhere"))))
    yield opened
    opened.close()


@pytest.fixture
def data(door: Door) -> Path:
    return Path(door.node.data_directory)


def written(data: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)


def test_everything_that_the_configuration_names_is_its_own(door: Door, data: Path) -> None:
    written(
        data,
        {
            "postgresql.conf": CONF,
            "etc/more.conf": MORE,
            "other.conf": "# here",
            "access/hba.conf": HBA,
        },
    )
    written(
        data,
        {
            "conf.d/a.conf": "port = 5999",
            "conf.d/b.skipped": "port = 7",
            "conf.d/.b.conf": "port = 8",
        },
    )
    written(
        data,
        {
            "access/names": "ann\n",
            "access/hba.d/x.conf": "local all all trust\n",
            "postgresql.auto.conf": AUTO,
        },
    )
    for name in ("certs", "tls", "words", "dump", "pgha-control"):
        (data / name).mkdir()
    (data / "certs" / "server.crt").write_text("x")
    (data / ".pgpass").write_text("x")
    (data / "link.conf").symlink_to("/etc/hostname")
    found = configuration(door, str(data))
    assert found.settings["port"] == "5999" and found.settings["work_mem"] == "4MB"
    assert found.hba == str(data / "access/hba.conf")
    assert [line[0] for line in found.access] == ["host", "local"]
    own = read_node_config(door)
    assert own.home == str(data)
    assert own.named == (
        *(
            ".pgpass",
            "access",
            "certs",
            "conf.d",
            "etc",
            "link.conf",
            "other.conf",
            "postgresql.auto.conf",
            "postgresql.conf",
        ),
        "tls",
    )
    assert (own.more, own.logs, own.links) == (("dump",), ("log", "words"), ("link.conf",))


def test_certificates_by_host_are_its_own(door: Door, data: Path) -> None:
    """Those of pg_hosts.conf, from 19 on."""
    line = 'a.example,  b.example "own.crt" keys/own.key  /etc/ssl/ca.crt "echo secret" off'
    written(data, {"pg_hosts.conf": f"# HOSTNAME ...\n{line}\n", "own.crt": "x"})
    written(data, {"postgresql.conf": "", "keys/own.key": "x", "echo secret": "x"})
    assert read_node_config(door).named == ("keys", "own.crt", "pg_hosts.conf", "postgresql.conf")
    written(data, {"postgresql.conf": "hosts_file = 'other/hosts'", "other/hosts": line})
    assert "other" in read_node_config(door).named


def test_after_a_rewind_that_died_its_own_is_what_was_saved(door: Door, data: Path) -> None:
    written(data, {"postgresql.conf": "port = 5433"})
    saved = data.with_name("data.before-rewind.aside-20261129T000000Z-00c0ffee")
    (saved / "own").mkdir(parents=True)
    (data / "postgresql.conf").rename(saved / "own" / "postgresql.conf")
    data.rename(data.with_name("data.half-rewound.aside-20261129T000001Z-00c0ffee"))
    own = read_node_config(door)
    assert (own.home, own.named) == (str(saved / "own"), ("postgresql.conf",))
    data.with_name("data.half-rewound.aside-20261129T000001Z-00c0ffee").rename(data)
    assert read_node_config(door).home == str(data)


def test_a_copy_gets_modes_links_and_folders_and_nothing_of_the_source(
    door: Door, data: Path, tmp_path: Path
) -> None:
    written(
        data,
        {"postgresql.conf": "mine", "conf.d/a.conf": "mine", "dump": "small", "server.key": "mine"},
    )
    (data / "server.key").chmod(0o640)
    (data / "pg_hba.conf").symlink_to("../managed")
    (data / "large").write_bytes(b"x" * 2**20)
    copy = tmp_path / "copy"
    for name in ("conf.d", "base", "log"):
        (copy / name).mkdir(parents=True)
    for name in (
        "conf.d/theirs.conf",
        "server.key",
        "pg_hba.conf",
        "theirs.crt",
        "log/theirs",
        "postgresql.conf",
    ):
        (copy / name).write_text("theirs")
    argv = [str(copy), str(data), "512", "2", "4", "log", "theirs.crt"]
    argv += ["conf.d", "pg_hba.conf", "postgresql.conf", "server.key", "dump", "large"]
    for _ in range(2):
        assert door.script(own_script(), *argv).text == "large"
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*")) == [
        *("base", "conf.d", "conf.d/a.conf", "dump", "pg_hba.conf", "postgresql.conf", "server.key")
    ]
    assert (copy / "pg_hba.conf").readlink() == Path("../managed")
    assert (copy / "server.key").stat().st_mode & 0o777 == 0o640
    assert (copy / "postgresql.conf").read_text() == "mine"


def test_a_file_is_written_through_its_link_and_keeps_its_mode(
    door: Door, data: Path, tmp_path: Path
) -> None:
    """A link's own mode is 0777: the file that replaced it could be written by everybody."""
    managed = tmp_path / "managed.conf"
    managed.write_text("before, and longer")
    managed.chmod(0o640)
    link = data / "pg_hba.conf"
    link.symlink_to("../managed.conf")
    assert why_not_written(door, str(link)) == ""
    assert write_file(door, str(link), "after\n") and not write_file(door, str(link), "after\n")
    assert (
        link.is_symlink()
        and managed.read_text() == "after\n"
        and managed.stat().st_mode & 0o777 == 0o640
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "managed.conf"]
    (data / "null").symlink_to("/dev/null")
    with pytest.raises(NotSafe, match=r"/dev/null is not a file"):
        write_file(door, str(data / "null"), "x")
    (data / "loop").symlink_to("loop")
    with pytest.raises(NotSafe, match="a link, and leads nowhere"):
        write_file(door, str(data / "loop"), "x")
    write_file(door, str(data / "fresh"), "x")
    assert (data / "fresh").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("lines", "so"),
    [
        (
            "hostssl replication,postgres replicator 127.0.0.1/32 cert\nhost all all 127.0.0.2 "
            "255.255.255.255 md5",
            False,
        ),
        ("hostssl replication,postgres replicator 127.0.0.1/32 cert\ninclude_dir more", True),
        ("host replication,postgres replicator 127.0.0.1/32 reject\ninclude_dir more", False),
        ("", False),
    ],
)
def test_whoever_lets_the_nodes_in_already_is_seen(
    door: Door, data: Path, lines: str, so: bool
) -> None:
    written(
        data,
        {
            "pg_hba.conf": lines,
            "more/x.conf": "host postgres,replication replicator 127.0.0.2/32 md5\n",
        },
    )
    assert lets_in(configuration(door, str(data)).access, door._pair) == so


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_what_cannot_stay_somebody_elses_is_nobodys_to_read(door: Door) -> None:
    """A key of root's that its group may read is refused by the server once it is PostgreSQL's."""
    door.shell = Shell(
        "db0", lambda command: LocalPipes("runuser", "-u", "nobody", "--", "sh", "-c", command), 5
    )
    with tempfile.TemporaryDirectory() as place:
        home, copy = Path(place) / "home", Path(place) / "copy"
        for path in (Path(place), home, copy):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        (home / "server.key").write_text("x")
        (home / "server.key").chmod(0o644)
        door.script(own_script(), str(copy), str(home), "1", "0", "1", "server.key")
        assert (copy / "server.key").stat().st_mode & 0o777 == 0o600
        assert (copy / "server.key").owner() == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_what_belongs_to_somebody_else_is_written_in_place_or_refused(door: Door) -> None:
    door.shell = Shell(
        "db0", lambda command: LocalPipes("runuser", "-u", "nobody", "--", "sh", "-c", command), 5
    )
    with tempfile.TemporaryDirectory() as place:
        theirs, link = Path(place) / "managed.conf", Path(place) / "pg_hba.conf"
        theirs.parent.chmod(0o755)
        theirs.write_text("before, and longer\n")
        link.symlink_to(theirs)
        assert "belongs to root, and nobody may not write it" in why_not_written(door, str(link))
        with pytest.raises(NotSafe, match=r"managed\.conf belongs to root"):
            write_file(door, str(link), "after\n")
        assert theirs.read_text() == "before, and longer\n"
        theirs.chmod(0o666)
        inode = theirs.stat().st_ino
        write_file(door, str(link), "after\n")
        assert (theirs.read_text(), theirs.stat().st_uid, theirs.stat().st_ino) == (
            "after\n",
            0,
            inode,
        )
