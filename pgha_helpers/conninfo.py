"""How a standby reaches its primary, in libpq's words: the same text where it is written and where it is tried."""

from __future__ import annotations

import re

from .model import Node, Pair

#: The application_name of a mere proof: with the name of the node it would be taken for its standby.
PROOF = "pgha proof"
REWIND = "pgha rewind"


def conninfo(**parts: str | int) -> str:
    r"""A libpq connection string.

    >>> conninfo(host="10.0.0.1", user="")
    "host='10.0.0.1'"
    >>> print(conninfo(application_name="it's"))
    application_name='it\'s'
    """
    pairs = {key: str(value).replace("\\", "\\\\").replace("'", "\\'") for key, value in parts.items() if value}
    return " ".join(f"{key}='{value}'" for key, value in pairs.items())


def pinned(role: str = "none") -> str:
    """What a session of ours asks for when it connects: only that is stronger than ALTER DATABASE or ROLE … SET.

    Whoever owns a database could else put functions, operators and types of his own before PostgreSQL's, or have the
    session begin as another role. pg_temp is named because it else comes first. Nothing that is not in pg_catalog is
    found without its schema. A pooler takes no such options: what is asked through one qualifies every name.
    """
    return f"-c search_path=pg_catalog,pg_temp -c role={role} -c local_preload_libraries="


_PART = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\]|\\.)*))")


def parts(text: str) -> dict[str, str]:
    r"""The parts of a libpq connection string, but for its password; of a URI none are told.

    >>> parts("host='10.0.0.1' port = 5433 application_name='it\\'s' password=x")
    {'host': '10.0.0.1', 'port': '5433', 'application_name': "it's"}
    >>> parts("postgres://db0/x")
    {}
    """
    found = _PART.finditer(text) if "://" not in text else ()
    told = {part[1]: re.sub(r"\\(.)", r"\1", part[2] if part[2] is not None else part[3]) for part in found}
    return {key: value for key, value in told.items() if key != "password"}


def primary_conninfo(pair: Pair, standby: Node, application_name: str = "") -> str:
    """How this node, as a standby, reaches the other one. It names a passfile and never a password."""
    return _to_other(pair, standby, application_name or standby.name)


def source_conninfo(pair: Pair, node: Node, much: bool = False) -> str:
    """How pg_rewind on this node reads the other one's files: over SQL, by the same role and passfile.

    Unless it is to read `much`, JIT is off, which its servers know from 11 on: they would compile the query that lists
    a thousand files, for 0.35 s. A backend that has compiled reads each MB in 1.2 ms afterwards, and else in 2.4: its
    allocator keeps memory that it else gives back and asks for again (15, five runs of each, 744 MB).
    """
    options = pinned() if much else f"{pinned()} -c jit=off"
    return f"{_to_other(pair, node, REWIND)} {conninfo(dbname=pair.database, options=options)}"


def _to_other(pair: Pair, node: Node, application_name: str) -> str:
    host, port = pair.other(node.name).seen_by_peer
    return conninfo(
        host=host,
        port=port,
        user=pair.replication_user,
        application_name=application_name,
        passfile=node.passfile,
        connect_timeout=int(max(2, pair.timeouts.connect)),
    )
