"""What in a data directory is PostgreSQL's, and what is the node's own.

A node's own is what its configuration is made of and names, wherever that lies on top of its data
directory, and whatever else lies there that the other node does not have. It stays with the node,
whatever copy of the other one it gets by whatever road. The other one's configuration comes only to
a node that has nothing of its own; what else lies on top there may hold an extension's data, and
comes with the databases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .dialect import NEWEST, OLDEST, spelled

#: Directories that a standby begins with empty; links to other file systems, on either node, stay
#: what they are.
EMPTY = (
    *("pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify"),
    *("pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"),
)
#: State of one server, or of one backup. The control file is delivered by itself, last.
STATE = (
    *(
        "global/pg_control",
        "postmaster.pid",
        "postmaster.opts",
        "current_logfiles",
        "current_logfiles.tmp",
    ),
    *(
        "standby.signal",
        "recovery.signal",
        "recovery.conf",
        "recovery.done",
        "promote",
        "fallback_promote",
    ),
    *("backup_label", "backup_label.old", "tablespace_map", "tablespace_map.old"),
    *("backup_manifest", "backup_manifest.tmp", "postgresql.auto.conf.tmp", "logrotate"),
)
#: The databases themselves.
DATA = (
    *(
        "PG_VERSION",
        "base",
        "global",
        "pg_commit_ts",
        "pg_logical",
        "pg_multixact",
        "pg_stat",
        "pg_tblspc",
    ),
    *("pg_twophase", "pg_xact"),
)
LOGS = ("log", "pg_log")
#: By these names a node's own, whether anything says so or not.
CONFIGURATION = ("*.conf", "conf.d", "server.crt", "server.key", "root.crt", "root.crl")
#: What a run of ours has left on its way.
OURS = ("pgha-*", "pgha.*", "*.pgha-new", "*.pgha", "lost+found")
_POSTGRESQLS = frozenset(
    spelled(name, major) for name in (*EMPTY, *STATE, *DATA, *LOGS) for major in (OLDEST, NEWEST)
)


@dataclass(frozen=True)
class NodeConfig:
    """Names on top of a node's data directory, which is `home`; empty where there is no cluster.

    `named` is its configuration and what that names, `more` whatever else is not PostgreSQL's,
    `logs` where it writes its log, and `links` those of all these that are symbolic links. `hba` is
    the path of its pg_hba.conf.
    """

    home: str = ""
    named: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    hba: str = ""

    def rest(self, other: NodeConfig) -> tuple[str, ...]:
        """What is the node's own beside what is named: the other node has nothing of that name."""
        return tuple(name for name in self.more if name not in other.more)


def node_config_of(
    home: str,
    homes: Collection[str],
    top: Mapping[str, str],
    paths: Iterable[str],
    log: str,
    hba: str,
) -> NodeConfig:
    """Tell what is a node's own.

    `homes` are the ways to spell the data directory, `top` is what lies there with its kind as
    `find` tells it, `paths` is what the configuration names, and `log` its log_directory.

    >>> top = {"base": "d", "postgresql.conf": "f", "certs": "d",
    ... "pg_hba.conf": "l", "dump": "f", "logs": "d"}
    >>> node_config_of("/d", ["/d"], top, ["/d/certs/a.crt", "/etc/x", "/d/base/x"],
    ... "/d/logs", "/d/pg_hba.conf") # doctest: +NORMALIZE_WHITESPACE
    NodeConfig(home='/d', named=('certs', 'pg_hba.conf', 'postgresql.conf'), more=('dump',),
    logs=('logs',),
        links=('pg_hba.conf',), hba='/d/pg_hba.conf')
    """
    top = {name: kind for name, kind in top.items() if "\n" not in name}
    logs = {*LOGS, *_tops([log], homes)} & top.keys()
    logs -= _POSTGRESQLS - {*LOGS}
    named = _matching(top, CONFIGURATION) | {*_tops(paths, homes)} & top.keys()
    named -= _POSTGRESQLS | logs
    ours = _matching(top, OURS)
    more = top.keys() - named - logs - ours - _POSTGRESQLS
    links = {name for name in named | more if top[name] == "l"}
    return NodeConfig(
        home,
        named=tuple(sorted(named - ours)),
        more=tuple(sorted(more)),
        logs=tuple(sorted(logs)),
        links=tuple(sorted(links)),
        hba=hba,
    )


def _matching(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    return {name for name in names for pattern in patterns if fnmatchcase(name, pattern)}


def _tops(paths: Iterable[str], homes: Collection[str]) -> Iterable[str]:
    """The names on top of the data directory under which these paths lie; of a relative one its
    own.
    """
    for path in paths:
        if path and path[0] != "/":
            inside = [path]
        else:
            inside = [path[len(h) + 1 :] for h in homes if path.startswith(f"{h}/")]
        yield from (name.split("/")[0] for name in inside if name and not name.startswith(".."))


@dataclass(frozen=True)
class NodeConfigs:
    """What is each node's own: `mine` of the one that gets a copy, `theirs` of the source."""

    mine: NodeConfig
    theirs: NodeConfig

    @property
    def foreign(self) -> tuple[str, ...]:
        """What of the source's must not come along.

        Its logs, and its own where the node has its own.
        """
        return (*self.theirs.logs, *(self.theirs.named if self.mine.home else ()))


@dataclass(frozen=True)
class Configured:
    """By what configuration a copy is started: the node's own where it `stays`, else the source's.

    `has` is what the node's own would start with, by name, as far as that is known.
    """

    stays: bool = False
    has: Mapping[str, str] = field(default_factory=dict)
