"""How one node's rsync can read the other node's data directory.

By a path of the same machine, or over ssh.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from ..model import Ssh
from ..model.dialect import NEWEST, has
from ..model.errors import CommandFailed, HaError, understood
from ..model.foreign import Told, lines_of, whole
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .queries import query

_LOOK = script_file(__file__, "rsync.sh")
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
    whose shell it is, told as the source's is, and `label` names the exclusive backup that is open.
    """

    boot: str = ""
    directory: str = ""
    readable: bool = False
    rsync: tuple[int, ...] = ()
    own: str = ""
    label: str = ""

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
        if not self.ssh:
            return ()
        words = " ".join(map(_quoted, self.ssh))
        return ("-s", "-e", words)

    def __str__(self) -> str:
        return f"over ssh from {self.host}" if self.host else "on one machine"


def rsync_road(run: Run, name: str) -> RsyncRoad | str:
    """How `name` can copy the other node's files by rsync, or why it cannot."""
    source = run.pair.other(name)

    def look(each: str) -> Place:
        return _look(run.doors[each], source.data_directory, run.pair[each].data_directory)

    try:
        truth, here = run.both(look)
        if source.name != run.pair.names[0]:
            truth, here = here, truth
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
    row = run.doors[source].sql.read(query("size"))[0]
    return int(row["size"])


def holds_nothing(run: Run, name: str) -> bool:
    """Whether the data directory is absent or empty, or holds half a copy that began so.

    It may be copied into.
    """
    directory = run.pair[name].data_directory
    answer = run.doors[name].script(_NOTHING, directory, UNCONFIGURED, okay=(0, 1))
    return answer.status == 0


def bytes_there(run: Run, name: str) -> int:
    """What lies in the data directory, in bytes of its disk; 0 where it does not exist."""
    door = run.doors[name]
    count = '[ ! -d "$1" ] || du -sk -- "$1"'
    answer = door.script(count, door.node.data_directory, within=door.patience)
    if not answer.text:
        return 0
    with understood(name, "what du says of its data directory"):
        return 1024 * whole(answer.text.split()[0], "kilobytes")


def ssh_words(ssh: Ssh, seconds: float) -> tuple[str, ...]:
    """The ssh program with its options, host left out: no questions, no unknown host, no agent.

    >>> ssh_words(Ssh("db0", user="postgres", key="/k 1"), 3)[-5:]
    ('-o', 'IdentitiesOnly=yes', '-o', 'IdentityFile="/k 1"', '-x')
    """
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _file(ssh.known_hosts),
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "IdentityAgent": "none",
        "ConnectTimeout": str(max(1, round(seconds))),
        "ServerAliveInterval": "10",
        "Port": str(ssh.port),
    }
    if ssh.user:
        options["User"] = ssh.user
    if ssh.key:
        options |= {"IdentitiesOnly": "yes", "IdentityFile": _file(ssh.key)}
    words = ["ssh"]
    for key, value in options.items():
        words += ["-o", f"{key}={value}"]
    return (*words, "-x")


def _file(path: str) -> str:
    """A path as a value of ssh_config: quoted, and without the tokens that ssh would expand."""
    return '"' + path.replace("%", "%%") + '"'


def _quoted(word: str) -> str:
    """A word as rsync's -e takes it.

    It knows quotes, doubled inside themselves, and no backslashes.
    """
    return "'" + word.replace("'", "''") + "'"


def _look(door: Door, directory: str, own: str) -> Place:
    answer = door.script(_LOOK, directory, own)
    return read_place(answer.text)


def read_place(text: str) -> Place:
    """Read the answer of the look.

    >>> read_place("boot b1\\ndirectory 1:2 1:3 \\nown 1:4 1:5 \\nreadable yes\\nrsync v3.2.7\\n")
    Place(boot='b1', directory='1:2 1:3', readable=True, rsync=(3, 2, 7), own='1:4 1:5', label='')
    """
    lines = [line.strip() for line in lines_of(text)]
    words = Told(lines)
    numbers = words.one("rsync").lstrip("v").split(".")
    return Place(
        words.one("boot"),
        words.one("directory"),
        words.one("readable") == "yes",
        tuple(int(number) for number in numbers if number.isdecimal()),
        words.one("own"),
        words.one("label"),
    )


def _why_not_copied(run: Run, name: str, truth: Place, here: Place) -> str:
    source = run.pair.other(name)
    for node, place in ((source.name, truth), (name, here)):
        if not place.rsync:
            return f"there is no rsync on {node}"
        if place.rsync < _OLDEST:
            return f"the rsync on {node} is older than 3.1"
    if len(truth.directory.split()) != 2:
        return f"{source.data_directory} of {source.name} cannot be looked at"
    if (here.boot, here.own) == truth.same:
        return f"the data directories of {name} and {source.name} are one and the same"
    exclusive = not has("non_exclusive_backup", run.doors[source.name].programs() or NEWEST)
    if exclusive and truth.label and not truth.label.startswith("pgha "):
        return (
            f"somebody else's backup {truth.label!r} is open on {source.name}, which takes one "
            "at a time: wait for its end, or there: select pg_stop_backup()"
        )
    return ""


def _over_ssh(run: Run, name: str, ssh: Ssh, truth: Place, here: Place) -> RsyncRoad | str:
    source = run.pair.other(name)
    words = ssh_words(ssh, run.timeouts.connect)
    command = shlex.join(("sh", "-c", _LOOK, "sh", source.data_directory))
    try:
        answer = run.doors[name].run(*words, ssh.host, command)
    except CommandFailed as error:
        why = error.what.rpartition(" ended with status ")[2]
        user = ssh.user or "its own user"
        return (
            f"{name} cannot reach {source.name} by peer_ssh ({user}@{ssh.host}:{ssh.port}): {why}"
        )
    there = read_place(answer.text)
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


#: A file that is also linked from elsewhere, or is read-only, is not written into: it is written
#: beside and renamed.
_MUST_BE_NEW = r"""
for d; do
  [ ! -d "$d" ] || find "$d" -mindepth 2 -type f \( -links +1 -o ! -writable \) -print -quit
done
"""


def may_be_written_into(door: Door, *places: str) -> bool:
    """Whether writing into the files of these directories hurts nobody else."""
    return not door.script(_MUST_BE_NEW, *places, within=door.patience).text
