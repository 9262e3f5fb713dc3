"""How a standby reaches its primary, in libpq's words: the same text where it is written and where
it is tried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from . import Node, Pair
from .dialect import has
from .major import Major

#: The application_name of a mere proof: with the name of the node it would be taken for its
#: standby.
PROOF = "pgha proof"
REWIND = "pgha rewind"

#: What a definition says by us, and an address that would go on where a `host` has changed.
_OURS = ("host", "hostaddr", "port", "user", "application_name")
#: What names something of the very machine on which it is said: the other node's is of no use.
_ITS_OWN = ("passfile", "service", "servicefile")
#: What says how strong the guard of a connection is; the other words of TLS say by which files and
#: versions.
_STRENGTH = ("sslmode", "gssencmode", "channel_binding")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def conninfo(**parts: str | int) -> str:
    r"""A libpq connection string.

    >>> conninfo(host="10.0.0.1", user="")
    "host='10.0.0.1'"
    >>> print(conninfo(application_name="it's"))
    application_name='it\'s'
    """
    pairs = {
        key: str(value).replace("\\", "\\\\").replace("'", "\\'")
        for key, value in parts.items()
        if value
    }
    return " ".join(f"{key}='{value}'" for key, value in pairs.items())


def pinned(role: str = "none") -> str:
    """What a session of ours asks for when it connects: only that is stronger than ALTER DATABASE
    or ROLE … SET.

    Whoever owns a database could else put functions, operators and types of his own before
    PostgreSQL's, or have the session begin as another role. pg_temp is named because it else comes
    first. Nothing that is not in pg_catalog is found without its schema. A pooler takes no such
    options: what is asked through one qualifies every name.
    """
    return f"-c search_path=pg_catalog,pg_temp -c role={role} -c local_preload_libraries="


_PART = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\]|\\.)*))")


def parts(text: str) -> dict[str, str]:
    r"""The parts of a libpq connection string, or of a URI, but for its passwords.

    >>> parts("host='10.0.0.1' port = 5433 application_name='it\\'s' password=x")
    {'host': '10.0.0.1', 'port': '5433', 'application_name': "it's"}
    >>> parts("postgres://ann:x@db0:5433,db1/app?sslmode=require")
    {'host': 'db0,db1', 'port': '5433,', 'user': 'ann', 'dbname': 'app', 'sslmode': 'require'}
    """
    if re.match(r"\s*postgres(ql)?://", text):
        told = _uri_parts(text.strip())
    else:
        found = _PART.finditer(text)
        told = {
            part[1]: re.sub(r"\\(.)", r"\1", part[2] if part[2] is not None else part[3])
            for part in found
        }
    return {key: value for key, value in told.items() if key not in ("password", "sslpassword")}


def _uri_parts(text: str) -> dict[str, str]:
    head, _, query = text.partition("://")[2].partition("?")
    netloc, _, dbname = head.partition("/")
    who, _, where = netloc.rpartition("@")
    places = [
        place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "")
        for place in where.split(",")
    ]
    told = {
        "host": ",".join(unquote(host.strip("[]")) for host, _, _ in places),
        "port": ",".join(port for _, _, port in places),
        "user": unquote(who.partition(":")[0]),
        "dbname": unquote(dbname),
    }
    return {key: value for key, value in told.items() if value.strip(",")} | dict(parse_qsl(query))


def further_parameters(own: str, other: str = "", dbname: str = "") -> dict[str, str]:
    """What a node's definition goes on to say beyond what we write: by its own former one, else by
    the other node's.

    The stronger guard of the two is taken, with the node's own files where it names some: a
    definition that was copied, or written by an older release, must not end what is encrypted and
    verified now. `dbname` is for a definition that needs one and has none.

    >>> further_parameters("host=a sslmode=prefer keepalives_idle=5",
    ... "host=b sslmode=verify-full sslrootcert=/ca passfile=/p")
    {'keepalives_idle': '5', 'sslmode': 'verify-full', 'sslrootcert': '/ca'}
    >>> further_parameters("sslmode=verify-full sslrootcert=/mine",
    ... "sslmode=require sslcert=/theirs", "app")
    {'dbname': 'app', 'sslmode': 'verify-full', 'sslrootcert': '/mine'}
    """
    told, lent = parts(own), parts(other)
    mine = {key: told[key] for key in told if key not in _OURS}
    theirs = {key: lent[key] for key in lent if key not in (*_OURS, *_ITS_OWN)}
    stronger: dict[str, str] = {}
    if _strength(theirs) > _strength(mine):
        stronger = {key: theirs[key] for key in _STRENGTH if key in theirs}
    elif any(map(_is_guard, mine)):
        theirs = {key: value for key, value in theirs.items() if not _is_guard(key)}
    found = {"dbname": dbname} | theirs | mine | stronger
    # in one order, or a walreceiver starts anew for it
    return {key: found[key] for key in sorted(found) if found[key]}


def _is_guard(key: str) -> bool:
    return key.startswith("ssl") or key in (*_STRENGTH, "require_auth")


def _strength(told: Mapping[str, str]) -> tuple[int, bool, bool]:
    """How well a connection is guarded, to be compared. Without a word it is libpq's `prefer`,
    which guards nothing.
    """
    mode = told.get("sslmode", "prefer")
    rank = max(_MODES.index(mode), 2) if mode in _MODES else 2
    return rank, told.get("gssencmode") == "require", told.get("channel_binding") == "require"


def primary_conninfo(
    pair: Pair,
    standby: Node,
    major: Major,
    application_name: str = "",
    further: Mapping[str, str] | None = None,
) -> str:
    """How this node, as a standby, reaches the other one. It names a passfile and never a password.

    `further` is what its definition goes on to say, as `further_parameters` tells.
    """
    name = application_name or standby.name
    return conninfo(**_to_other(pair, standby, major, name, further or {}))


def source_conninfo(
    pair: Pair,
    node: Node,
    major: Major,
    much: bool = False,
    further: Mapping[str, str] | None = None,
) -> str:
    """How pg_rewind on this node reads the other one's files: over SQL, by the same role and
    passfile.

    Unless it is to read `much`, JIT is off where there is one: its servers would compile
    the query that lists a thousand files, for 0.35 s. A backend that has compiled reads each MB in
    1.2 ms afterwards, and else in 2.4: its allocator keeps memory that it else gives back and asks
    for again (15, five runs of each, 744 MB).
    """
    options = f"{pinned()} -c jit=off" if has("jit", major) and not much else pinned()
    told = _to_other(pair, node, major, REWIND, further or {}) | {
        "dbname": pair.database,
        "options": options,
    }
    return conninfo(**{key: value for key, value in told.items() if key != "replication"})


def _to_other(
    pair: Pair, node: Node, major: Major, application_name: str, further: Mapping[str, str]
) -> dict[str, str | int]:
    host, port = pair.other(node.name).seen_by_peer
    told: dict[str, str | int] = {"host": host, "port": port, "user": pair.replication_user}
    if has("application_name", major):
        told["application_name"] = application_name
    passfile = node.passfile if has("passfile_word", major) else ""
    told |= {"passfile": passfile, "connect_timeout": int(max(2, pair.timeouts.connect))}
    told.update(further)
    return {**told, **({"passfile": passfile} if passfile else {})}
