"""What a copy by rsync leaves out. Patterns are anchored, and -C is never used: it drops `core`, `tags`, `*.old`."""

from __future__ import annotations

from collections.abc import Iterable

#: Directories that a standby begins with empty; links to other file systems, on either node, stay what they are.
EMPTY = (
    *("pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify"),
    *("pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"),
)
#: State of one server, or of one backup. The control file is delivered by itself, last.
STATE = (
    *("global/pg_control", "postmaster.pid", "postmaster.opts", "current_logfiles", "current_logfiles.tmp"),
    *("standby.signal", "recovery.signal", "recovery.conf", "recovery.done", "promote", "fallback_promote"),
    *("backup_label", "backup_label.old", "tablespace_map", "tablespace_map.old"),
    *("backup_manifest", "backup_manifest.tmp", "postgresql.auto.conf.tmp", "logrotate"),
)
_OURS = ("/pgha-*", "/pgha.*", "/*.pgha-new", "/*.pgha")
_LOGS = ("log", "pg_log")
_CONFIGURATION = ("/*.conf", "/conf.d", "/server.crt", "/server.key", "/root.crt", "/root.crl")
#: Anywhere. They may go with a directory that goes: a protected one would keep the directory of a dropped database.
ANYWHERE = ("-p pgsql_tmp*", "-p pg_internal.init*")


def data_filters(logs: Iterable[str], configuration: Iterable[str], tablespaces: Iterable[int], own: bool) -> list[str]:
    """Filter rules for the data directory itself, as rsync's --filter takes them.

    `logs` and `configuration` are paths below the source's data directory, `tablespaces` the oids of those that
    lie elsewhere; `own` says that the target keeps its own configuration. What the source does not have at the top of
    its data directory stays on the target: it may be configuration.

    >>> rules = data_filters(["my log"], ["conf/a.conf"], [16500], own=True)
    >>> [rule for rule in rules if "conf" in rule or "my" in rule or "165" in rule]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['- /pg_tblspc/16500', '- /recovery.conf', '- /postgresql.auto.conf.tmp', '- /my log', '- /*.conf', '- /conf.d',
     '- /conf']
    """
    names = [*EMPTY, *(f"pg_tblspc/{oid}" for oid in tablespaces), *STATE, *_LOGS, *logs]
    rules = [*ANYWHERE, *(f"- {anchored(name)}" for name in dict.fromkeys(names)), *(f"- {name}" for name in _OURS)]
    if own:
        tops = dict.fromkeys(anchored(path.split("/")[0]) for path in configuration)
        rules += [f"- {pattern}" for pattern in dict.fromkeys((*_CONFIGURATION, *tops))]
    return [*rules, "P /*"]


def anchored(path: str) -> str:
    """A pattern for exactly this path below the top of the transfer. A backslash quotes only where a wildcard stands.

    >>> anchored("log"), anchored("odd [1]"), anchored("a\\\\b")
    ('/log', '/odd \\\\[1]', '/a\\\\b')
    """
    if set(path) & set("*?["):
        path = "".join(f"\\{c}" if c in "*?[\\" else c for c in path)
    return f"/{path}"
