"""Two clusters in Debian's layout, reached over OpenSSH by an account that may only become
`postgres`.

Everything that is made is of this test alone: clusters, account, sudo rule and ssh server have
names and ports drawn for it. Whatever was made is undone in reverse order, also when a later step
of the making fails.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from psycopg2.extensions import make_dsn

from pgha_helpers.monitoring.grants import printed
from pgha_helpers.run.parameters.pair_file import load_pair

from ..embedded import processes
from ..embedded.cluster import kill
from ..embedded.places import OperatorsFolder
from ..embedded.state import HOST, choose_ports, write_private

VERSION = "15"
PROGRAMS = Path("/usr/lib/postgresql") / VERSION / "bin"
NODES = ("db0", "db1")
_CONFIGURATION = Path("/etc/postgresql") / VERSION
_DATA = Path("/var/lib/postgresql") / VERSION
_LOGS = Path("/var/log/postgresql")
_REPLICATION_LINE = re.compile(r"^\w+\s+replication\s.*\n", re.MULTILINE)
_ENVIRONMENT = {
    **os.environ,
    "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Cluster:
    """One of the two clusters; `home` holds what PostgreSQL's user keeps outside the data
    directory.
    """

    name: str
    port: int

    @property
    def data(self) -> Path:
        return _DATA / self.name

    @property
    def configuration(self) -> Path:
        return _CONFIGURATION / self.name

    @property
    def home(self) -> Path:
        return _DATA / f"{self.name}.home"

    @property
    def kept_aside(self) -> list[Path]:
        """Data directories that a run has renamed."""
        return sorted(_DATA.glob(f"{self.name}.aside-*"))


@dataclass(frozen=True)
class DebianPair(OperatorsFolder):
    """The pair as its operator sees it."""

    account: str
    ssh_port: int
    clusters: Mapping[str, Cluster]

    @property
    def pair_file(self) -> Path:
        return self.folder / "debian.yaml"

    def dsn(self, *names: str) -> str:
        """A connection string that names these nodes and asks for the writable one."""
        ports = ",".join(str(self.clusters[name].port) for name in names)
        hosts = ",".join([HOST] * len(names))
        words = {"user": "postgres", "dbname": "postgres", "passfile": str(self.passfile)}
        return make_dsn(host=hosts, port=ports, target_session_attrs="read-write", **words)

    def words(self) -> dict[str, Any]:
        """What stands in the pair file."""
        return {
            "nodes": {name: self._node_words(cluster) for name, cluster in self.clusters.items()},
            "passfile": str(self.passfile),
            "records": str(self.records),
        }

    def _node_words(self, cluster: Cluster) -> dict[str, Any]:
        return {
            "host": HOST,
            "port": cluster.port,
            "data_directory": str(cluster.data),
            "config_directory": str(cluster.configuration),
            "bin_directory": str(PROGRAMS),
            "service": f"pg_ctlcluster {VERSION} {cluster.name}",
            "owner": "postgres",
            "state_directory": str(cluster.home / "state"),
            "passfile": str(cluster.home / "pgpass"),
            "ssh": {
                "host": HOST,
                "port": self.ssh_port,
                "user": self.account,
                "key": str(self.key),
                "known_hosts": str(self.known_hosts),
            },
        }


@contextmanager
def debian_pair(folder: Path) -> Iterator[DebianPair]:
    """Two running clusters that are not a pair yet, and the road to them."""
    token = f"pgha{secrets.token_hex(3)}"
    ports = choose_ports()
    clusters = {name: Cluster(f"{token}_{name}", ports[name].postgres) for name in NODES}
    pair = DebianPair(folder, token, ports["db0"].ssh, clusters)
    with ExitStack() as undo:
        _make_account(pair, undo)
        _start_sshd(pair, undo)
        _pin_host_key(pair)
        passwords = {user: secrets.token_urlsafe(24) for user in ("postgres", "replicator")}
        _make_clusters(clusters.values(), passwords, undo)
        _write_operators_files(pair, passwords)
        _allow_sudo(pair, undo)
        yield pair


def as_postgres(*argv: str) -> str:
    """Run a command as PostgreSQL's user."""
    return _run("runuser", "-u", "postgres", "--", *argv)


def make_key(path: Path) -> Path:
    """A new ssh key without a passphrase."""
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pgha test", "-f", str(path))
    return path


def _make_account(pair: DebianPair, undo: ExitStack) -> None:
    """The ssh user of the nodes: no password, no privilege."""
    # The password '*' matches nothing; useradd's default '!' would lock the account for sshd too.
    undo.callback(_remove_account, pair.account)
    _run("useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", pair.account)
    keys = Path("~" + pair.account).expanduser() / ".ssh"
    keys.mkdir(mode=0o700)
    write_private(keys / "authorized_keys", make_key(pair.key).with_suffix(".pub").read_text())
    for path in (keys, keys / "authorized_keys"):
        shutil.chown(path, pair.account, pair.account)


def _remove_account(name: str) -> None:
    answer = subprocess.run(["id", "-u", name], capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        processes.kill_all(lambda: _processes_of(int(answer.stdout)))
        _run("userdel", "--remove", name)
        (Path("/run/sudo/ts") / name).unlink(missing_ok=True)


def _processes_of(uid: int) -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _owner(path) == uid]


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def _allow_sudo(pair: DebianPair, undo: ExitStack) -> None:
    """What `pgha grants` prints, and nothing else."""
    rule = Path("/etc/sudoers.d") / pair.account
    undo.callback(rule.unlink, missing_ok=True)
    write_private(rule, printed(load_pair(str(pair.pair_file)), ["sudoers"]), mode=0o440)
    _run("visudo", "-c", "-q", "-f", str(rule))


def _start_sshd(pair: DebianPair, undo: ExitStack) -> None:
    """An ssh server of the test's own: own port, own host key, own configuration, this one
    account.
    """
    _make_directory_of_sshd(undo)
    configuration = pair.folder / "sshd_config"
    configuration.write_text(
        f"ListenAddress {HOST}\nPort {pair.ssh_port}\nHostKey "
        f"{make_key(pair.folder / 'host_key')}\nPidFile none\n"
        f"AllowUsers {pair.account}\nPasswordAuthentication no\nKbdInteractiveAuthentication "
        "no\nUsePAM no\n"
    )
    words = ["/usr/sbin/sshd", "-D", "-f", str(configuration), "-E", str(pair.folder / "sshd.log")]
    server = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    undo.callback(_end, server)


def _make_directory_of_sshd(undo: ExitStack) -> None:
    """sshd wants /run/sshd, which Debian's service makes at boot; here that service may never have
    run.
    """
    directory = Path("/run/sshd")
    if not directory.exists():
        directory.mkdir(mode=0o755)
        undo.callback(directory.rmdir)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    server.wait(10)


def _pin_host_key(pair: DebianPair) -> None:
    """What the operator does once, by hand: scan, and compare with the fingerprint seen on the node
    itself.
    """
    pair.known_hosts.write_text(_until(lambda: _scan(pair.ssh_port), "sshd does not answer"))
    scanned = _run("ssh-keygen", "-l", "-f", str(pair.known_hosts)).split()[1]
    on_the_node = _run("ssh-keygen", "-l", "-f", str(pair.folder / "host_key.pub")).split()[1]
    assert scanned == on_the_node


def _scan(port: int) -> str:
    words = ["ssh-keyscan", "-t", "ed25519", "-p", str(port), HOST]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def _make_clusters(
    clusters: Iterable[Cluster], passwords: Mapping[str, str], undo: ExitStack
) -> None:
    """Both at the same time: most of it is waiting."""
    for cluster in clusters:
        undo.callback(_drop_cluster, cluster)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda cluster: _make_cluster(cluster, passwords), clusters))


def _make_cluster(cluster: Cluster, passwords: Mapping[str, str]) -> None:
    """A cluster as Debian makes it, but for the lines that let everybody replicate over
    loopback.
    """
    _make_home(cluster, passwords)
    secret = cluster.home / "initdb-password"
    _write_for_postgres(secret, passwords["postgres"] + "\n")
    _run(
        "pg_createcluster",
        VERSION,
        cluster.name,
        "-p",
        str(cluster.port),
        "--",
        f"--pwfile={secret}",
    )
    secret.unlink()
    access = cluster.configuration / "pg_hba.conf"
    access.write_text(_REPLICATION_LINE.sub("", access.read_text()))
    as_postgres("pg_ctlcluster", VERSION, cluster.name, "start")


def _make_home(cluster: Cluster, passwords: Mapping[str, str]) -> None:
    """What ~postgres is on a real node: both nodes are one machine here, so each gets a directory
    of its own.
    """
    cluster.home.mkdir(mode=0o700)
    shutil.chown(cluster.home, "postgres", "postgres")
    _write_for_postgres(cluster.home / "pgpass", f"*:*:*:replicator:{passwords['replicator']}\n")


def _write_for_postgres(path: Path, text: str) -> None:
    write_private(path, text)
    shutil.chown(path, "postgres", "postgres")


def _write_operators_files(pair: DebianPair, passwords: Mapping[str, str]) -> None:
    databases = {"postgres": "*", "replicator": "replication"}
    lines = [
        f"{HOST}:{cluster.port}:{databases[user]}:{user}:{password}\n"
        for cluster in pair.clusters.values()
        for user, password in passwords.items()
    ]
    write_private(pair.passfile, "".join(lines))
    pair.pair_file.write_text(yaml.safe_dump(pair.words(), sort_keys=False))


def _drop_cluster(cluster: Cluster) -> None:
    """Remove the cluster, whatever became of it, and every directory that a run has put beside
    it.
    """
    kill(cluster.data)
    words = ["pg_dropcluster", "--stop", VERSION, cluster.name]
    subprocess.run(words, capture_output=True, check=False, env=_ENVIRONMENT)
    for path in (*_DATA.glob(f"{cluster.name}*"), cluster.configuration):
        shutil.rmtree(path, ignore_errors=True)
    for path in _LOGS.glob(f"postgresql-{VERSION}-{cluster.name}.log*"):
        path.unlink()


def _run(*argv: str) -> str:
    answer = subprocess.run(argv, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    assert answer.returncode == 0, (
        f"{argv[0]} ended with {answer.returncode}: {answer.stderr}{answer.stdout}"
    )
    return answer.stdout


def _until(ask: Callable[[], str], complaint: str, within: float = 10.0) -> str:
    """The first answer that is not empty."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)
    return answer
