"""Pair files: found, read and validated.

What is wrong is said with the key, the value and what is allowed.
"""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ...model import Node, Pair
from ...model.errors import BadParameters
from ...model.here import here, homeless
from ..checkout import HOME
from ..finding import find_pair
from .clients import clients_nonsense, read_clients
from .fences import fences_nonsense
from .notices import in_lists, notices_nonsense
from .sentences import dataclass_in, sentence, with_units
from .texts import texts_nonsense
from .yaml_file import read_yaml


def load_pair(pair: str) -> Pair:
    """Read and validate a pair. Raises BadParameters with every complaint at once."""
    path = find_pair(pair)
    raw = read_yaml(path, "see parameters/example.yaml")
    if not raw:
        raise BadParameters(f"{path} is empty", "pgha init NAME writes one to fill in")
    clients, wrong = read_clients(raw.pop("clients", None) or [])
    try:
        found = _adapter().validate_python({**_shape(raw, path.stem), "clients": clients})
    except ValidationError as error:
        raise _complaint(path, [*_lines(error, raw), *wrong]) from None
    except ValueError as error:
        raise _complaint(path, [str(error), *wrong]) from None
    wrong += _nonsense(found)
    if wrong:
        raise _complaint(path, wrong)
    return found


@cache  # it takes longer to make than a file to read
def _adapter() -> TypeAdapter[Pair]:
    return TypeAdapter(Pair)


def _complaint(path: Path, lines: list[str]) -> BadParameters:
    return BadParameters(
        f"{path} is not a pair file:\n  - " + "\n  - ".join(lines), "see parameters/example.yaml"
    )


def _shape(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """From the file's shape (nodes under their names, units) to the model's. Raises ValueError."""
    nodes = raw.get("nodes")
    if not isinstance(nodes, dict) or len(nodes) != 2:
        named = ", ".join(map(str, nodes)) if isinstance(nodes, dict) else ""
        found = named or ("none" if not nodes else repr(nodes))
        raise ValueError(
            f"nodes: exactly two are needed, each by its name, found {found}: {_TWO_NODES}"
        )
    for key, value in nodes.items():
        if not isinstance(value, dict):
            raise ValueError(
                f"nodes.{key}: its keys are written below it, found {value!r}: as in {_A_NODE}"
            )
    listed = []
    for key, value in nodes.items():
        listed.append(with_units(Node, {"name": str(key), **value}, f"nodes.{key}."))
    witnesses = raw.get("witnesses") or ()
    shaped: dict[str, Any] = with_units(
        Pair, {"name": name, **in_lists(raw), "nodes": listed, "witnesses": witnesses}, ""
    )
    return shaped


_A_NODE = "{host: 10.0.0.10, data_directory: /var/lib/postgresql/18/main, …}"
_TWO_NODES = f"as in db0: {_A_NODE} and db1: {{host: 10.0.0.11, …}}"


def _lines(error: ValidationError, raw: dict[str, Any]) -> list[str]:
    """Each complaint as a sentence that names the key and its value."""
    seen = []
    for fault in error.errors():
        if _is_of_another_form(fault):
            continue
        where = [p for p in fault["loc"] if not (isinstance(p, str) and _is_type(p))]
        keys = [_entry_name(raw, where[0], p) if n == 1 else str(p) for n, p in enumerate(where)]
        seen.append(sentence(".".join(keys), str(keys[-1]) if keys else "", fault, _owner(where)))
    return list(dict.fromkeys(seen))


def _is_type(part: str) -> bool:
    """Whether a part of a complaint's place is one of the types that a value may have."""
    return part[:1].isupper() or part == "str"


def _is_of_another_form(fault: Any) -> bool:
    """Whether it complains that a value which may be a text or have keys is not the other one."""
    types = [part for part in fault["loc"] if isinstance(part, str) and _is_type(part)]
    is_text = fault["type"] == "string_type"
    is_keys = fault["type"].startswith("dataclass")
    if not types or not (is_text or is_keys):
        return False
    return isinstance(fault["input"], dict) == (types[-1] == "str")


def _owner(where: list[Any]) -> Any:
    """The dataclass whose key the complaint is about."""
    owner: Any = Pair
    for number, part in enumerate(where[:-1]):
        if number == 1 and where[0] in _LISTS:
            owner = get_args(get_type_hints(Pair)[where[0]])[0]
        elif part in get_type_hints(owner):
            owner = dataclass_in(get_type_hints(owner)[part]) or owner
    return owner


_LISTS = ("nodes", "witnesses")
_HIGHEST_PORT = 65535


def _entry_name(raw: dict[str, Any], key: Any, index: Any) -> str:
    """The name of a node, or of a witness that has one; of anything else what it is."""
    if key not in _LISTS or not isinstance(index, int):
        return str(index)
    if key == "nodes":
        return str(list(raw["nodes"])[index])
    entry = raw[key][index] if isinstance(raw.get(key), list) else None
    named = isinstance(entry, dict) and entry.get("name")
    return str(named) if named else str(index + 1)


def _nonsense(pair: Pair) -> Iterator[str]:
    """What the types cannot say."""
    a, b = pair.nodes
    if (a.host, a.port) == (b.host, b.port):
        yield f"nodes: {a.name} and {b.name} have the same address {a.host}:{a.port}"
    if a.slot == b.slot:
        yield (
            f"nodes: {a.name} and {b.name} would share the slot {a.slot}; give them more "
            "different names"
        )
    if pair.preferred and pair.preferred not in pair.names:
        yield f"preferred: {pair.preferred!r} is not one of {' and '.join(pair.names)}"
    yield from _files_nonsense(pair)
    yield from texts_nonsense(pair)
    yield from _ports_nonsense("", pair)
    for node in pair:
        yield from _node_nonsense(node)
    yield from clients_nonsense(pair)
    yield from fences_nonsense(pair)
    yield from notices_nonsense(pair)


def _ports_nonsense(where: str, value: Any) -> Iterator[str]:
    """Every port is one; a node's peer_port may be 0, for the same as port."""
    for key in fields(value):
        inner, path = getattr(value, key.name), f"{where}{key.name}"
        if key.name in ("port", "peer_port"):
            lowest = 1 if key.name == "port" else 0
            if not lowest <= inner <= _HIGHEST_PORT:
                yield f"{path}: {inner} is no port: it may be {lowest} to {_HIGHEST_PORT}"
        elif is_dataclass(inner):
            yield from _ports_nonsense(f"{path}.", inner)
        elif isinstance(inner, tuple):
            for one in inner:
                if is_dataclass(one):
                    yield from _ports_nonsense(f"{path}.{getattr(one, 'name', '')}.", one)


def _files_nonsense(pair: Pair) -> Iterator[str]:
    for key in ("signing_key", "allowed_signers"):
        value = getattr(pair, key)
        if value and not os.path.isfile(here(value)):  # noqa: PTH113 - of a name too long pathlib raises
            yield f"{key}: there is no file {value!r}"
    for key, value in (("records", pair.records or str(HOME)), ("passfile", pair.passfile)):
        if homeless(value):
            yield f"{key}: {value!r} begins with the home of a user who has none on this machine"
    if pair.records_group:
        try:
            grp.getgrnam(pair.records_group)
        except (KeyError, ValueError):  # the latter of a name with a NUL
            yield f"records_group: there is no group {pair.records_group!r} on this machine"


def _peer_ssh_nonsense(node: Any) -> Iterator[str]:
    """Its words become arguments of the ssh program.

    ssh takes one that begins with a dash for an option.
    """
    for key in ("host", "user", "key", "known_hosts"):
        value, where = getattr(node.peer_ssh, key), f"nodes.{node.name}.peer_ssh.{key}"
        if key in ("host", "user") and (value.startswith("-") or set(value) & set(" '\"@/[]")):
            yield f"{where}: {value!r} is not a {key} that ssh takes"
        if (
            key in ("key", "known_hosts")
            and value
            and not (value.startswith(("/", "~/")) and '"' not in value)
        ):
            yield (
                f"{where}: {value!r} must be an absolute path on the other node, or begin with "
                "~/, without a quote"
            )


_PATHS = {
    "data_directory": "/var/lib/postgresql/18/main",
    "bin_directory": "/usr/lib/postgresql/18/bin",
    "config_directory": "/etc/postgresql/18/main",
    "passfile": "/var/lib/postgresql/.pgpass",
}
#: PostgreSQL opens a passfile by the very name that it is given: nobody expands a ~ there.
_EMPTY = {"passfile": "; empty is .pgpass in the home of PostgreSQL's user there"}


def _node_nonsense(node: Any) -> Iterator[str]:
    for key in _PATHS:
        value = getattr(node, key)
        if value and not value.startswith("/"):
            yield (
                f"nodes.{node.name}.{key}: {value!r} must be an absolute path on the node, as in "
                f"{_PATHS[key]}{_EMPTY.get(key, '')}"
            )
    if node.state_directory != "~" and not node.state_directory.startswith(("/", "~/")):
        yield (
            f"nodes.{node.name}.state_directory: {node.state_directory!r} must be an absolute "
            "path, or begin with ~/"
        )
    if node.peer_ssh:
        yield from _peer_ssh_nonsense(node)
    if isinstance(node.service, str):
        words = node.service.split()
        if words != ["pg_ctl"] and not (len(words) == 3 and words[0] == "pg_ctlcluster"):
            yield (
                f"nodes.{node.name}.service: {node.service!r} may be pg_ctl, pg_ctlcluster VERSION "
                "NAME, or start and stop commands"
            )
