"""What a server wrote into its log since it was started, wherever that is."""

from __future__ import annotations

import time
from contextlib import suppress
from posixpath import join
from typing import NamedTuple

from ..judgement.checks.complaints import Complaint, complaints, last_lines
from ..model.dialect import as_shown
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..model.foreign import text_of
from ..wire.doors import Door
from ..wire.scripts import script_file, shell_functions
from .configured import configuration

_LIST = script_file(__file__, "server_log.sh")
_EXPANDED = shell_functions("expanded.sh") + 'expanded "$1"'

_MOST = 256 * 1024  # bytes that are read of a file: its end
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")
_BEGINS = ":  starting PostgreSQL "  # what a server logs first, from 12 on
# seconds after which it is read first: most starts are done by then, and need no log
_EARLIEST = 0.6
_APART = 0.25  # seconds between two readings
_SETTLED = 1.0  # seconds that a sentence may still turn out not to be the last word


class _File(NamedTuple):
    """A file that may be the log: `size` in bytes, `changed` in seconds of the node's clock."""

    inode: int
    size: int
    changed: int
    path: str


class ServerLog:
    """The log of one node from the moment at which this is made.

    `primary` is named in the remedies. Nothing that is asked of it raises: a log that cannot be
    read is a log that tells nothing.
    """

    def __init__(self, door: Door, primary: str) -> None:
        self._door, self._primary = door, primary
        self._began, files = self._files("")
        self._before = {file.inode: file.size for file in files}
        self._folder: str | None = None
        self._next = time.monotonic() + _EARLIEST
        self._heard = 0.0  # when something final was first heard
        self.text = ""

    def read(self) -> tuple[Complaint, ...]:
        """Read what was written since, and give its known sentences, the most telling first."""
        with suppress(Unreachable, TooSlow, CommandFailed):
            if self._folder is None:
                self._folder = self._log_directory()
            self.text = self._written()
        self._next = time.monotonic() + _APART
        return complaints(self.text, self._door.node.name, self._primary)

    def is_final(self, at_once: bool = False, may_open: bool = False) -> bool:
        """Whether it says, and has said for a second, what no waiting heals.

        Asked often, it reads seldom. `at_once` is for a server that has ended: its last word
        stands. `may_open` is for one that may well be about to open for writes.
        """
        if time.monotonic() < self._next:
            return False
        final = [complaint for complaint in self.read() if complaint.final]
        if may_open:
            final = [complaint for complaint in final if not complaint.opens]
        if not final:
            self._heard = 0.0
            return False
        self._heard = self._heard or time.monotonic()
        return at_once or time.monotonic() - self._heard >= _SETTLED

    def words(self) -> tuple[str, str]:
        """What the log says, as an addition to a sentence, and the remedy; each may be empty."""
        name = self._door.node.name
        again = "mend the cause, run this notebook again"
        if found := self.read():
            said = ". And: ".join(map(str, found[:2]))
            return f". Its log says: {said}", found[0].remedy
        if self.text:
            ends = f". Its log ends with: {last_lines(self.text)}"
            return ends, f"read the log of {name}, {again}"
        unknown = f". Where {name} writes its log is not known, or it wrote nothing since"
        return unknown, f"look into journald or syslog on {name}, {again}"

    def _files(self, folder: str) -> tuple[int, list[_File]]:
        """The node's clock in seconds, and the files."""
        node = self._door.node
        own = ""
        if node.service == "pg_ctl":
            own = f"{resolve(self._door, node.state_directory)}/server.log"
        answer = self._door.script(_LIST, node.data_directory, own, node.configuration, folder)
        return files_in(answer.lines)

    def _log_directory(self) -> str:
        node = self._door.node
        found = configuration(self._door, node.data_directory, node.config_directory).settings
        collects = as_shown("logging_collector", found.get("logging_collector", "off")) == "on"
        folder = found.get("log_directory", "")
        return join(node.data_directory, folder) if collects and folder else ""

    def _written(self) -> str:
        """The end of every file that is new or has grown.

        One that became shorter was cut, and is read whole.
        """
        parts = {}
        _, files = self._files(self._folder or "")
        for file in files:
            before = self._before.get(file.inode)
            if before is None and file.changed >= self._began:
                parts[file.inode] = since_start(self._tail(file.path, 0))
            elif before is not None and file.size != before:
                skip = before if before < file.size else 0
                parts[file.inode] = self._tail(file.path, skip)
        return "".join(parts.values())

    def _tail(self, path: str, skip: int) -> str:
        argv = (path, str(skip + 1), str(_MOST))
        answer = self._door.script('tail -c "+$2" -- "$1" | tail -c "$3"', *argv, okay=range(256))
        return text_of(answer.stdout)


def files_in(lines: list[str]) -> tuple[int, list[_File]]:
    """The node's clock in seconds, 0 where it cannot be read, and the files that may be its log.

    >>> files_in(["1795376791", "7 4096 1795376000 /d/my log", "?", "8 1 2 /d/log.gz"])
    (1795376791, [_File(inode=7, size=4096, changed=1795376000, path='/d/my log')])
    """
    if not lines:
        return 0, []
    clock = int(lines[0]) if lines[0].isdecimal() else 0
    files = []
    for line in lines[1:]:
        *numbers, path = line.split(" ", 3)
        if len(numbers) != 3 or not all(word.isdecimal() for word in numbers):
            continue
        if not path.endswith(_COMPRESSED):
            inode, size, changed = map(int, numbers)
            files.append(_File(inode, size, changed, path))
    return clock, files


def since_start(text: str) -> str:
    """A log from the last start of a server on.

    Of a file that was not seen before it, nothing else is known.

    >>> since_start("LOG:  old\\nLOG:  starting PostgreSQL 18.6 on x\\nFATAL:  new\\n")
    'LOG:  starting PostgreSQL 18.6 on x\\nFATAL:  new\\n'
    """
    begins = text.rfind(_BEGINS)
    if begins < 0:
        return text
    line = text.rfind("\n", 0, begins) + 1
    return text[line:]


def resolve(door: Door, path: str) -> str:
    """A path of the node with `~` replaced by the home of PostgreSQL's user."""
    if not path.startswith("~"):
        return path
    return door.script(_EXPANDED, path).text
