"""The text of configuration files: pure functions from the old text to the new."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

from . import dialect
from .conninfo import primary_conninfo
from .errors import BadParameters
from .foreign import identifier
from .major import Major
from .pair import Node, Pair

_BEGIN, _END = "# pgha begin", "# pgha end"
#: What a node's own definition says of an archive, up to 11: it stays the node's own.
ARCHIVE_WORDS = ("restore_command", "archive_cleanup_command", "recovery_end_command")
_SETTING = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*=?")


def quoted(value: str) -> str:
    """A value as postgresql.conf and recovery.conf want it.

    >>> quoted("it's")
    "'it''s'"
    """
    if "\n" in value or "\r" in value:
        raise BadParameters(
            f"{value!r} has a line break, which PostgreSQL's configuration cannot hold"
        )
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def with_settings(text: str, settings: Mapping[str, str | None]) -> str:
    """postgresql.auto.conf with these settings; None removes one. What else is in it stays.

    >>> with_settings("# keep\\nport = '1'\\nwork_mem = '4MB'\\n", {"port": "2", "work_mem": None})
    "# keep\\nport = '2'\\n"
    """
    kept = [line for line in text.splitlines() if _name(line) not in settings]
    added = [f"{name} = {quoted(value)}" for name, value in settings.items() if value is not None]
    return "\n".join([*kept, *added]) + "\n"


def _name(line: str) -> str:
    match = _SETTING.match(line)
    return match[1].lower() if match else ""


def standby_settings(
    pair: Pair,
    standby: Node,
    major: Major,
    further: Mapping[str, str] | None = None,
    archive: Mapping[str, str] | None = None,
) -> dict[str, str | None]:
    """The standby definition: settings from 12 on, before the lines of recovery.conf, in which
    those of an `archive` stand, too (see ARCHIVE_WORDS). `further` is as in `primary_conninfo`.

    What could end recovery early is set to nothing, not only left out: it might stand in
    postgresql.conf, and would promote the standby.
    """
    told: dict[str, str | None] = {
        "primary_conninfo": primary_conninfo(pair, standby, major, further=further),
        "primary_slot_name": standby.slot if dialect.has("slots", major) else None,
        "recovery_target_timeline": "latest",
    }
    if not dialect.has("standby_signal", major):
        trigger = dialect.trigger_file(major) or None
        return {"standby_mode": "on", **told, "trigger_file": trigger, **(archive or {})}
    targets = (f"recovery_target_{kind}" for kind in ("lsn", "name", "time", "xid"))
    told |= dict.fromkeys(("recovery_target", *targets), "")
    if dialect.has("promote_trigger_file", major):
        told["promote_trigger_file"] = ""
    return told


def with_definition(text: str, settings: Mapping[str, str | None], major: Major) -> str:
    """The file of a standby's definition (see dialect.definition_file), of which this is the text:
    a recovery.conf is written anew.
    """
    if dialect.has("standby_signal", major):
        return with_settings(text, settings)
    anew = with_settings("# Written by pgha.", settings)
    return anew if dialect.has("recovery_escapes", major) else anew.replace("\\\\", "\\")


def hba_address(host: str) -> tuple[str, str]:
    """A host as pg_hba.conf names it, and as pg_hba_file_rules shows it.

    An address with its mask, or a name.

    >>> hba_address("10.0.0.1"), hba_address("db1.example")
    (('10.0.0.1/32', '10.0.0.1'), ('db1.example', 'db1.example'))
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host, host
    return f"{address}/{address.max_prefixlen}", str(address)


def hba_block(pair: Pair, method: str, kind: str = "host") -> str:
    """Lines that let each node replicate and be rewound from the other.

    The same on both, so that roles can change.
    """
    lines = [
        (
            f"{kind} {database} {identifier(pair.replication_user)} "
            f"{hba_address(node.seen_by_peer[0])[0]} {method}"
        )
        for database in ("replication", identifier(pair.database))
        for node in pair
    ]
    return "\n".join(
        [
            f"{_BEGIN}: {' and '.join(pair.names)} replicate from each other",
            *dict.fromkeys(lines),
            _END,
        ]
    )


def with_hba(text: str, block: str) -> str:
    """pg_hba.conf with our block on top.

    The first matching line wins, and a reject may stand below.

    >>> with_hba("local all all trust\\n", "# pgha begin: x\\nhost a\\n# pgha end")
    '# pgha begin: x\\nhost a\\n# pgha end\\nlocal all all trust\\n'
    >>> with_hba(_, "# pgha begin: y\\n# pgha end")
    '# pgha begin: y\\n# pgha end\\nlocal all all trust\\n'
    """
    rest = re.sub(rf"^{_BEGIN}.*?^{_END}\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return f"{block}\n{rest}"


def settings_to_raise(own: Mapping[str, str], primary: Mapping[str, str]) -> dict[str, str | None]:
    """Settings in which the copy must not be below the primary, to replay and to succeed it.

    >>> settings_to_raise({"max_connections": "50", "wal_level": "minimal"},
    ... {"max_connections": "100", "wal_level": "replica", "wal_keep_size": "512",
    ... "wal_retrieve_retry_interval": "100"}) # doctest: +NORMALIZE_WHITESPACE
    {'max_connections': '100', 'wal_level': 'replica', 'wal_keep_size': '512',
    'wal_retrieve_retry_interval': '100'}
    """
    raised = dialect.lower(own, primary, dialect.CHANGES_PLACES)
    keeps = ("wal_keep_size", "wal_keep_segments")
    also = (*keeps, "wal_retrieve_retry_interval", dialect.TITLES)
    return {**raised, **{name: primary[name] for name in also if name in primary}}
