"""What a copy by rsync leaves out.

Patterns are anchored, and -C is never used: it drops `core`, `tags`, `*.old`.
"""

from __future__ import annotations

from collections.abc import Iterable

from .dialect import NEWEST, spelled
from .major import Major
from .node_config import CONFIGURATION, EMPTY, LOGS, OURS, STATE

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
