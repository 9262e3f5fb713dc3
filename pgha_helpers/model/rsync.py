"""rsync: what a copy by it leaves out, and what it says while it works and at its end.

Patterns are anchored, and -C is never used: it drops `core`, `tags`, `*.old`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .dialect import NEWEST, spelled
from .major import Major
from .node_config import CONFIGURATION, EMPTY, LOGS, OURS, STATE
from .show import size

_PROGRESS = re.compile(r"^([\d,]+)\s+\d+%\s")
_FIELDS = {
    "Total bytes sent": "sent",
    "Total bytes received": "received",
    "Literal data": "literal",
    "Number of regular files transferred": "files",
}
_STATISTIC = re.compile(rf"^({'|'.join(_FIELDS)}): *([\d,]+)")

#: Anywhere. They may go with a directory that goes: a protected one would keep the directory of a
#: dropped database.
ANYWHERE = ("-p pgsql_tmp*", "-p pg_internal.init*")


def data_filters(
    logs: Iterable[str],
    own: Iterable[str] | None,
    tablespaces: Iterable[int],
    major: Major = NEWEST,
) -> list[str]:
    """Filter rules for the data directory itself, as rsync's --filter takes them.

    `logs` and `own` are names on top of either node's data directory, see `model.own`; None where
    the target has nothing of its own, and gets the source's configuration. `tablespaces` are the
    oids of those that lie elsewhere; `major` is that of both servers. What the source does not have
    there stays on the target.

    >>> [rule for rule in data_filters([], [], [], Major.parse("9.6")) if "log" in rule]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['- /pg_xlog', '- /current_logfiles', '- /current_logfiles.tmp', '- /logrotate', '- /log',
     '- /pg_log']
    >>> rules = data_filters(["my log"], ["conf"], [16500])
    >>> [rule for rule in rules if "conf" in rule or "my" in rule or "165" in rule]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['- /pg_tblspc/16500', '- /recovery.conf', '- /postgresql.auto.conf.tmp', '- /my log', '-
    /*.conf', '- /conf.d',
     '- /conf']
    """
    empty = (spelled(name, major) for name in EMPTY)
    names = [*empty, *(f"pg_tblspc/{oid}" for oid in tablespaces), *STATE, *LOGS, *logs]
    rules = [
        *ANYWHERE,
        *(f"- {anchored(name)}" for name in dict.fromkeys(names)),
        *(f"- /{name}" for name in OURS),
    ]
    if own is not None:
        patterns = (*(f"/{name}" for name in CONFIGURATION), *map(anchored, own))
        rules += [f"- {pattern}" for pattern in dict.fromkeys(patterns)]
    return [*rules, "P /*"]


def anchored(path: str) -> str:
    """A pattern for exactly this path below the top of the transfer.

    A backslash quotes only where a wildcard stands.

    >>> anchored("log"), anchored("odd [1]"), anchored("a\\\\b")
    ('/log', '/odd \\\\[1]', '/a\\\\b')
    """
    if set(path) & set("*?["):
        path = "".join(f"\\{c}" if c in "*?[\\" else c for c in path)
    return f"/{path}"


@dataclass(frozen=True)
class Moved:
    """Bytes of one or more transfers.

    Over the wire in both directions, and of file contents that were new.
    """

    sent: int = 0
    received: int = 0
    literal: int = 0
    files: int = 0

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            self.sent + other.sent,
            self.received + other.received,
            self.literal + other.literal,
            self.files + other.files,
        )

    @property
    def wire(self) -> int:
        """Bytes that went from one rsync to the other, and back."""
        return self.sent + self.received

    def __str__(self) -> str:
        return (
            f"{self.files} files were new or different, {size(self.literal)} of them sent, "
            f"{size(self.wire)} in all"
        )


def progress(line: str) -> int | None:
    """Bytes done, of a line of --info=progress2; None for another line.

    >>> progress("1,238,099 100%  146.38kB/s    0:00:08  (xfr#5, to-chk=169/396)")
    1238099
    >>> progress("rsync: opendir failed")
    """
    match = _PROGRESS.match(line.strip())
    return int(match[1].replace(",", "")) if match else None


def with_statistic(moved: Moved, line: str) -> Moved | None:
    """The sum with what a line of --stats says; None for another line.

    >>> with_statistic(Moved(), "Literal data: 8,192 bytes")
    Moved(sent=0, received=0, literal=8192, files=0)
    """
    match = _STATISTIC.match(line.strip())
    if not match:
        return None
    return replace(moved, **{_FIELDS[match[1]]: int(match[2].replace(",", ""))})
