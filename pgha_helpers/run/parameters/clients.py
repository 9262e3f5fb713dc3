"""The `clients:` of a pair file: each entry by its kind, and what the types cannot say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...model import Client, Command, Pair, Pgbouncer, Ssh
from ...model.clients import KINDS, PLACEHOLDERS
from .sentences import sentence, with_units


def read_clients(raw: Any) -> tuple[tuple[Client, ...], list[str]]:
    """The entries that can be read, in their order, and a sentence for each fault of the others."""
    if not isinstance(raw, list):
        return (), [
            (
                f"clients: a list of entries is needed, found {raw!r}: as in "
                "- {name: app, kind: libpq, dsn: …}, one a line"
            )
        ]
    found, wrong = [], list[str]()
    for number, entry in enumerate(raw, 1):
        try:
            found.append(_read(entry, number))
        except ValidationError as error:
            wrong += dict.fromkeys(_sentences(entry, error))
        except ValueError as error:
            wrong.append(str(error))
    return tuple(found), wrong


def _read(entry: Any, number: int) -> Client:
    if not isinstance(entry, dict) or not entry.get("name"):
        raise ValueError(
            f"clients: entry {number} has no name: as in - {{name: app, kind: libpq, dsn: …}}"
        )
    kind, path = entry.get("kind"), f"clients.{entry['name']}."
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(KINDS)}"
        raise ValueError(f"{path}kind: {kind!r} is wrong: {hint}")
    found: Client = TypeAdapter(KINDS[kind]).validate_python(with_units(KINDS[kind], entry, path))
    return found


def _sentences(entry: Any, error: ValidationError) -> Iterator[str]:
    owner = KINDS[entry["kind"]]
    for fault in error.errors():
        where = [str(part) for part in fault["loc"] if not str(part)[:1].isupper()]
        kind = Ssh if where[:-1] == ["ssh"] else owner
        yield sentence(
            ".".join(["clients", str(entry["name"]), *where]),
            where[-1] if where else "",
            fault,
            kind,
        )


def clients_nonsense(pair: Pair) -> Iterator[str]:
    """What is wrong in entries that can be read."""
    names = [client.name for client in pair.clients]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"clients: {name!r} is the name of {names.count(name)} entries"
    for client in pair.clients:
        here = f"clients.{client.name}"
        if client.name in (*pair.names, "clients"):
            yield f"{here}: the name is taken; give it another one"
        yield from _dsn_nonsense(f"{here}.dsn", client.dsn)
        if isinstance(client, Pgbouncer | Command):
            yield from _place_nonsense(here, client, pair)
        if isinstance(client, Pgbouncer):
            yield from _pgbouncer_nonsense(here, client)
        if isinstance(client, Command):
            yield from _command_nonsense(here, client)
    yield from _shared_files(pair)


def _dsn_nonsense(here: str, dsn: str) -> Iterator[str]:
    from ...wire.sql import keywords  # psycopg2 is loaded only where there is one to read

    if not dsn:
        return
    try:
        told = keywords(dsn)
    except ValueError as error:
        yield f"{here}: it is {error}"
        return
    if secret := {"password", "sslpassword"} & told.keys():
        yield f"{here}: it holds a {secret.pop()}: secrets belong in a passfile or the environment"
    if "passfile" in told:
        yield f"{here}: passfile is a key beside dsn, so that its passwords are kept out of records"


def _place_nonsense(here: str, client: Pgbouncer | Command, pair: Pair) -> Iterator[str]:
    if client.node and client.node not in pair.names:
        yield (
            f"{here}.node: {client.node!r} is not one of {' and '.join(pair.names)}; for "
            "another host write ssh:"
        )
    if client.node and client.ssh:
        yield f"{here}: node and ssh cannot both be told"


def _pgbouncer_nonsense(here: str, client: Pgbouncer) -> Iterator[str]:
    for key in ("file", "bin_directory"):
        value = getattr(client, key)
        if value and not value.startswith("/"):
            yield f"{here}.{key}: {value!r} must be an absolute path"
    for name in {*client.databases} & {*client.readers}:
        yield (
            f"{here}: {name!r} cannot follow both the primary (databases) and the standby (readers)"
        )
    if "*" in (*client.databases, *client.readers):
        yield f"{here}: '*' cannot be paused: give each database a line of its own in {client.file}"
    if not 0 < client.wait < client.pause:
        yield (
            f"{here}: wait ({client.wait:g} s) must be more than 0 s and less than pause "
            f"({client.pause:g} s)"
        )


def _command_nonsense(here: str, client: Command) -> Iterator[str]:
    for key in ("redirect", "check"):
        if not getattr(client, key):
            yield f"{here}.{key}: is empty; it is a list of arguments, the program first"
    for word in _texts((client.redirect, client.check, client.undo)):
        for name in set(re.findall(r"\{(\w+)\}", word)) - set(PLACEHOLDERS):
            if near := get_close_matches(name, PLACEHOLDERS, 1, 0.75):
                yield f"{here}: there is no {{{name}}}; did you mean {{{near[0]}}}?"


def _shared_files(pair: Pair) -> Iterator[str]:
    files = [(c.node, c.ssh, c.file) for c in pair.clients if isinstance(c, Pgbouncer)]
    for place in dict.fromkeys(place for place in files if files.count(place) > 1):
        yield (
            f"clients: {files.count(place)} entries rewrite {place[2]}; make them one, with "
            "all its databases"
        )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _texts(inner)
