"""What a text of a pair file may be: on one line.

Where PostgreSQL is to take it for a name or an address, it must be one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from ipaddress import ip_address
from typing import Any

from ...model import Node, Pair

# bytes: PostgreSQL cuts a longer name off, and then nothing is called what was asked for
_NAME = 63
#: Words that pg_hba.conf takes for more than one host.
_MANY = ("all", "samehost", "samenet")
_NODE = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{_NAME - 1}}}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


def texts_nonsense(pair: Pair) -> Iterator[str]:
    """What is wrong in them, each as a sentence."""
    for where, text in _texts("", pair):
        if any(unicodedata.category(c) == "Cc" for c in text):
            yield f"{where}: {text!r} has a control character"
    for key in ("user", "monitor_user", "database", "replication_user"):
        name = getattr(pair, key)
        if name == "" and key == "monitor_user":
            continue
        if not 0 < len(name.encode("utf-8", "replace")) <= _NAME:
            yield f"{key}: {name!r} is no name that PostgreSQL takes: it has 1 to {_NAME} bytes"
    if "/" in pair.name or pair.name.startswith("."):
        yield (
            f"name: {pair.name!r} is a part of the names of records: without a / and no . in front"
        )
    for node in pair:
        if not _NODE.fullmatch(node.name):
            yield (
                f"nodes.{node.name}: a node's name is typed as consent, and a standby calls itself "
                f"so: letters, digits, _, - and . only, at most {_NAME}, as in db0 or pg-berlin-1"
            )
        yield from _addresses_nonsense(node)


def _addresses_nonsense(node: Node) -> Iterator[str]:
    """The address by which the other node comes becomes a line of pg_hba.conf.

    A word there can mean everybody.
    """
    for key in ("host", "peer_host"):
        value = getattr(node, key)
        if value.startswith("/") and key == "host" and node.peer_host:
            continue  # the directory of a Unix socket, which only this machine uses
        if value and not _is_one_host(value):
            yield f"nodes.{node.name}.{key}: {value!r} is not the address or the name of one host"


def _is_one_host(text: str) -> bool:
    """Whether it is one address without a mask, or one name.

    >>> [_is_one_host(text)
    ... for text in ("10.0.0.1", "fe80::1", "db0.example", "10.0.0.0/8", "all", ".example", "a,b")]
    [True, True, True, False, False, False, False]
    """
    try:
        return not getattr(ip_address(text), "scope_id", None)
    except ValueError:
        return bool(_HOST.fullmatch(text)) and text.lower() not in _MANY


def _texts(where: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a pair with its key; an entry of a list goes by its name, if it has one."""
    if isinstance(value, str):
        yield where, value
    elif is_dataclass(value):
        for key in fields(value):
            yield from _texts(f"{where}.{key.name}".lstrip("."), getattr(value, key.name))
    elif isinstance(value, tuple):
        for number, inner in enumerate(value, 1):
            yield from _texts(f"{where}.{getattr(inner, 'name', number)}", inner)
