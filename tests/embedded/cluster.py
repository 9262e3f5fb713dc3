"""The two PostgreSQL clusters of a lab: made once, started as they are, stopped, broken on
purpose.
"""

import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from pgha_helpers.model.dialect import NEWEST, has
from pgha_helpers.model.major import Major

from . import binaries, processes
from .errors import LabError
from .places import NodePlaces, Places
from .state import HOST, require_free, write_private

SUPERUSER = "postgres"
REPLICATION_USER = "replicator"
_FAST_SECONDS = 10.0
_IMMEDIATE_SECONDS = 3.0
_SETTINGS = """
# The lab's own settings. All others are PostgreSQL's defaults: to change them is the runbook's job.
listen_addresses = '{host}'
port = {port}
{sockets}
shared_buffers = 32MB
"""
# No line for replication: `setup` must add it, as it must on real servers.
_ACCESS = """\
# TYPE  DATABASE  USER  ADDRESS       METHOD
host    all       all   127.0.0.1/32  {method}
"""
#: pg_ctl -w of 9.0 asks there whether the server is up.
_ACCESS_BY_SOCKET = "local   all       all                 md5\n"


def write_passfiles(places: Places, programs: str = "") -> None:
    """Draw passwords for the superuser and the replication user; the operator gets both, a node
    only the latter.

    Passfiles that exist are left alone, whatever they hold.
    """
    if not places.passfile.exists():
        entries = [
            f"*:*:*:{user}:{secrets.token_urlsafe(24)}\n" for user in (SUPERUSER, REPLICATION_USER)
        ]
        write_private(places.passfile, "".join(entries))
    replication = next(line for line in _entries(places) if f":{REPLICATION_USER}:" in line)
    for node in places.nodes:
        if not node.passfile.exists():
            write_private(node.passfile, replication + "\n")
            places.own(node.passfile)
            known = programs and (Path(programs) / "postgres").exists()
            if known and not has("passfile_word", version_of(Path(programs))):
                (node.home / ".pgpass").symlink_to(node.passfile)


def make(places: Places, node: NodePlaces, programs: Path, port: int) -> None:
    """Initialise a cluster and write its configuration; a data directory that exists is never
    touched.

    Raises LabError when initdb fails.
    """
    if node.data.exists():
        return
    shutil.rmtree(node.unfinished, ignore_errors=True)
    major = version_of(programs)
    method = "scram-sha-256" if has("scram", major) else "md5"
    _initdb(places, node, programs, method)
    sockets = "unix_socket_directories = ''"
    access = _ACCESS.format(method=method)
    if not has("socket_directories", major):
        sockets = "unix_socket_directory = '/tmp'"
        access += _ACCESS_BY_SOCKET
    with (node.unfinished / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(_SETTINGS.format(host=HOST, port=port, sockets=sockets))
    (node.unfinished / "pg_hba.conf").write_text(access, "utf-8")
    node.unfinished.rename(node.data)


def start(places: Places, node: NodePlaces, programs: Path, port: int) -> None:
    """Start the node's cluster as it is; nothing to do when it runs, or when there is no cluster to
    start.

    Raises LabError when its port is taken or it does not start.
    """
    if not is_cluster(node.data):
        return
    found = processes.postgres_in(node.data)
    processes.send(found, signal.SIGCONT)
    if has_postmaster(found):
        return
    kill(node.data)
    # Nobody works in this directory now (asked of /proc). A pid file left by a crash or a reboot
    # could name a pid that a stranger has by now, and the server would refuse to start.
    (node.data / "postmaster.pid").unlink(missing_ok=True)
    require_free(port, f"PostgreSQL of {node.name}")
    binaries.run(
        places, node, programs / "pg_ctl", "start", "-w", "-D", node.data, "-l", node.server_log
    )


def version_of(programs: Path) -> Major:
    """The major version of the programs in this directory."""
    words = [programs / "postgres", "--version"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return Major.told(told) or NEWEST


def is_cluster(data_directory: Path) -> bool:
    """Whether there is something that initdb or a base backup made."""
    return (data_directory / "PG_VERSION").exists()


def has_postmaster(found: list[int]) -> bool:
    """Whether a set of PostgreSQL processes is a server, and not just backends that survived
    theirs.
    """
    return bool(set(processes.roots(found)) - set(processes.orphans(found)))


def kill(data_directory: Path) -> None:
    """Kill -9 every process of the server in this data directory. Raises LabError when one
    stays.
    """
    processes.kill_all(lambda: processes.postgres_in(data_directory))


def wreck(data_directory: Path) -> None:
    """Kill the server and make its directory useless as a cluster, as a lost disk would.

    Raises LabError when there is nothing to wreck.
    """
    kill(data_directory)
    base = data_directory / "base"
    if not base.is_dir():
        raise LabError(f"{data_directory} holds no cluster to wreck: is it wrecked already?")
    (data_directory / "global" / "pg_control").open("wb").close()
    base.rename(base.with_name("base.wrecked"))


def stop_all(home: Path) -> None:
    """Stop every server below `home`: fast, after 10 s immediate, after 3 s more with kill -9."""
    processes.send(processes.orphans(processes.postgres_below(home)), signal.SIGKILL)
    for number, within in ((signal.SIGINT, _FAST_SECONDS), (signal.SIGQUIT, _IMMEDIATE_SECONDS)):
        if processes.end_all(lambda: processes.postgres_below(home), number, within):
            return


def _entries(places: Places) -> list[str]:
    return places.passfile.read_text("utf-8").splitlines()


def _password(places: Places, user: str) -> str:
    return next(line for line in _entries(places) if f":{user}:" in line).rpartition(":")[2]


def _initdb(places: Places, node: NodePlaces, programs: Path, method: str) -> None:
    password_file = node.home / "initdb-password"
    write_private(password_file, _password(places, SUPERUSER) + "\n")
    places.own(password_file)
    options = [f"--auth={method}", "--encoding=UTF8", "--no-locale", f"--username={SUPERUSER}"]
    try:
        binaries.run(
            places,
            node,
            programs / "initdb",
            *options,
            f"--pwfile={password_file}",
            "-D",
            node.unfinished,
        )
    finally:
        password_file.unlink()
