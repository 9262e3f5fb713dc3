"""How one node's rsync can read the other node's data directory.

By a path of the same machine, or over ssh.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from ..model import Ssh
from ..model.errors import CommandFailed, HaError, understood
from ..model.foreign import Told, lines_of, whole
from ..run.run import Run
from ..wire.doors import Door
from .queries import query

#: The same directory is told by the kernel that runs there and by device and inode: two containers
#: on one machine may well have two directories under one path, and even two copies of one cluster
#: in them.
_LOOK = """
ids() { stat -L -c %d:%i -- "$1" "$1/global/pg_control" 2>/dev/null | tr '\\n' ' '; }
echo "boot $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
echo "directory $(ids "$1")"
echo "own $(ids "${2:-/dev/null}")"
if [ -r "$1/PG_VERSION" ] && [ -r "$1/global/pg_control" ] && [ -x "$1/base" ]; then
  echo "readable yes"
fi
echo "rsync $(rsync --version 2>/dev/null | awk 'NR == 1 { print $3 }')"
"""
#: In a directory that was empty, as long as half a copy is in it: it has no configuration of its
#: own yet.
UNCONFIGURED = "pgha-without-configuration"
#: In a directory that is being copied into: where its control file and its WAL are kept; see
#: actions/rsync/aside.sh.
NOTE = "pgha-moved-aside"
_NOTHING = """
[ ! -e "$1" ] || [ -e "$1/$2" ] ||
  [ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ]
"""
_OLDEST = (3, 1)  # the first with --info=progress2


@dataclass(frozen=True)
class Place:
    """What a shell says of the source's data directory.

    Whose kernel, which directory, and which rsync is there. `own` is the data directory of the node
    whose shell it is, told as the source's is.
    """

    boot: str = ""
    directory: str = ""
    readable: bool = False
    rsync: tuple[int, ...] = ()
    own: str = ""

    @property
    def same(self) -> tuple[str, str]:
        """Equal for two shells that see the very same directory."""
        return self.boot, self.directory


@dataclass(frozen=True)
class RsyncRoad:
    """A way from the node's rsync to the source's files.

    `ssh` is empty where they lie on the same machine. `one_machine` is true where both nodes'
    shells run under one kernel, over ssh as well.
    """

    directory: str
    one_machine: bool
    host: str = ""
    ssh: tuple[str, ...] = field(default=())

    def to(self, path: str) -> str:
        """A path of the source as rsync takes it."""
        return f"{self.host}:{path}" if self.host else path

    @property
    def options(self) -> tuple[str, ...]:
        """Options of rsync for this road.

        Paths with spaces and quotes are sent apart from the command line.
        """
        return ("-s", "-e", " ".join(map(_quoted, self.ssh))) if self.ssh else ()

    def __str__(self) -> str:
        return f"over ssh from {self.host}" if self.host else "on one machine"


def rsync_road(run: Run, name: str) -> RsyncRoad | str:
    """How `name` can copy the other node's files by rsync, or why it cannot."""
    source = run.pair.other(name)
    try:
        both = run.both(
            lambda each: _look(
                run.doors[each], source.data_directory, run.pair[each].data_directory
            )
        )
        truth, here = both if source.name == run.pair.names[0] else both[::-1]
        if why_not := _why_not_copied(run, name, truth, here):
            return why_not
        if source.peer_ssh:
            return _over_ssh(run, name, source.peer_ssh, truth, here)
    except HaError as error:
        return error.what
    if not here.boot or here.boot != truth.boot:
        return (
            f"{name} and {source.name} are two machines, and {source.name} has no peer_ssh in "
            "the pair file"
        )
    if here.same != truth.same or not here.readable:
        return f"PostgreSQL's user on {name} cannot read {source.data_directory} of {source.name}"
    return RsyncRoad(source.data_directory, True)


def estimate(run: Run, source: str) -> int:
    """Bytes of every database of `source`: what a copy has to read, and at most has to move."""
    return int(run.doors[source].sql.read(query("size"))[0]["size"])


def holds_nothing(run: Run, name: str) -> bool:
    """Whether the data directory is absent or empty, or holds half a copy that began so.

    It may be copied into.
    """
    return (
        run.doors[name]
        .script(_NOTHING, run.pair[name].data_directory, UNCONFIGURED, okay=(0, 1))
        .status
        == 0
    )


def bytes_there(run: Run, name: str) -> int:
    """What lies in the data directory, in bytes of its disk; 0 where it does not exist."""
    door = run.doors[name]
    told = door.script(
        '[ ! -d "$1" ] || du -sk -- "$1"', door.node.data_directory, within=door.patience
    ).text
    with understood(name, "what du says of its data directory"):
        return 1024 * whole(told.split()[0], "kilobytes") if told else 0


def ssh_words(ssh: Ssh, seconds: float) -> tuple[str, ...]:
    """The ssh program with its options, host left out: no questions, no unknown host, no agent.

    >>> ssh_words(Ssh("db0", user="postgres", key="/k 1"), 3)[-5:]
    ('-o', 'IdentitiesOnly=yes', '-o', 'IdentityFile="/k 1"', '-x')
    """
    told = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _file(ssh.known_hosts),
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "IdentityAgent": "none",
        "ConnectTimeout": str(max(1, round(seconds))),
        "ServerAliveInterval": "10",
        "Port": str(ssh.port),
        **({"User": ssh.user} if ssh.user else {}),
        **({"IdentitiesOnly": "yes", "IdentityFile": _file(ssh.key)} if ssh.key else {}),
    }
    return (
        "ssh",
        *(word for key, value in told.items() for word in ("-o", f"{key}={value}")),
        "-x",
    )


def _file(path: str) -> str:
    """A path as a value of ssh_config: quoted, and without the tokens that ssh would expand."""
    return '"' + path.replace("%", "%%") + '"'


def _quoted(word: str) -> str:
    """A word as rsync's -e takes it.

    It knows quotes, doubled inside themselves, and no backslashes.
    """
    return "'" + word.replace("'", "''") + "'"


def _look(door: Door, directory: str, own: str) -> Place:
    return read_place(door.script(_LOOK, directory, own).text)


def read_place(text: str) -> Place:
    """Read the answer of the look.

    >>> read_place("boot b1\\ndirectory 1:2 1:3 \\nown 1:4 1:5 \\nreadable yes\\nrsync v3.2.7\\n")
    Place(boot='b1', directory='1:2 1:3', readable=True, rsync=(3, 2, 7), own='1:4 1:5')
    """
    words = Told([line.strip() for line in lines_of(text)])
    numbers = words.one("rsync").lstrip("v").split(".")
    return Place(
        words.one("boot"),
        words.one("directory"),
        words.one("readable") == "yes",
        tuple(int(number) for number in numbers if number.isdecimal()),
        words.one("own"),
    )


def _why_not_copied(run: Run, name: str, truth: Place, here: Place) -> str:
    source = run.pair.other(name)
    for node, place in ((source.name, truth), (name, here)):
        if place.rsync < _OLDEST:
            if not place.rsync:
                return f"there is no rsync on {node}"
            return f"the rsync on {node} is older than 3.1"
    if len(truth.directory.split()) != 2:
        return f"{source.data_directory} of {source.name} cannot be looked at"
    if (here.boot, here.own) == truth.same:
        return f"the data directories of {name} and {source.name} are one and the same"
    return ""


def _over_ssh(run: Run, name: str, ssh: Ssh, truth: Place, here: Place) -> RsyncRoad | str:
    source, timeouts = run.pair.other(name), run.timeouts
    words = ssh_words(ssh, timeouts.connect)
    command = shlex.join(("sh", "-c", _LOOK, "sh", source.data_directory))
    told = (
        f"{name} cannot reach {source.name} by peer_ssh "
        f"({ssh.user or 'its own user'}@{ssh.host}:{ssh.port})"
    )
    try:
        there = read_place(run.doors[name].run(*words, ssh.host, command).text)
    except CommandFailed as error:
        return f"{told}: {error.what.rpartition(' ended with status ')[2]}"
    if there.same != truth.same:
        return (
            f"peer_ssh of {source.name} leads {name} to another directory than "
            f"{source.data_directory} there"
        )
    if not there.readable:
        return f"the user of peer_ssh cannot read {source.data_directory} of {source.name}"
    if there.rsync < _OLDEST:
        return f"there is no rsync 3.1 or newer on the PATH that peer_ssh finds on {source.name}"
    host = f"[{ssh.host}]" if ":" in ssh.host else ssh.host
    return RsyncRoad(source.data_directory, here.boot == truth.boot, host, words)
