"""What the files in a loser's WAL are called.

Asked of the loser if it answers, else of the other node. A file that was made after the fork is
another table's on the other node, or nobody's: it keeps its number there. What was there at the
fork is the same on both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

from ....model.errors import HaError
from ....model.losses import Relation, RelationName
from ....run.run import Run
from ....wire.doors import Door
from ....wire.sql import Row
from ...queries import query

Names = dict[Relation, RelationName]
_KINDS = {"r": "table", "m": "table", "t": "toast"}
_CATALOGS = ("pg_catalog", "information_schema")


def name_all(
    run: Run, node: str, relations: Iterable[Relation], made: set[Relation], databases: set[int]
) -> tuple[Names, dict[int, str]]:
    """Names of these relations, and of databases by oid, as far as anybody can tell.

    `made` and `databases` are what the loser made after the fork.
    """
    relations = set(relations)
    names: Names = {}
    called: dict[int, str] = {}
    with contextlib.suppress(HaError):
        called = _databases(run.doors[node])
        names = _names(run.doors[node], relations, called)
    other = run.doors[run.pair.other(node).name]
    with contextlib.suppress(HaError):
        there = _databases(other)
        foreign = {one for one in relations if one in made or one.database in databases}
        found = _names(other, relations - names.keys() - foreign, there)
        common = {oid: name for oid, name in there.items() if oid not in databases}
        return found | names, common | called
    return names, called


def _databases(door: Door) -> dict[int, str]:
    """The names of a node's databases, by oid."""
    rows = door.sql.read(query("databases to ask"))
    return {row["oid"]: row["name"] for row in rows}


def _names(door: Door, wanted: set[Relation], databases: Mapping[int, str]) -> Names:
    shared = {one for one in wanted if not one.database}  # every database knows them
    found = _known(door.sql.read, shared)
    for oid in {one.database for one in wanted} & databases.keys():
        inside = {one for one in wanted if one.database == oid}
        # a database that refuses us keeps its numbers, which tells enough
        with contextlib.suppress(HaError), contextlib.closing(door.session(databases[oid])) as sql:
            found |= _known(sql.read, inside)
    return found


def _known(ask: Callable[..., list[Row]], wanted: set[Relation]) -> Names:
    """What one database knows of these files of its own."""
    if not wanted:
        return {}
    by_file = {(one.tablespace, one.filenode): one for one in wanted}
    tablespaces = [tablespace for tablespace, _ in by_file]
    files = [file for _, file in by_file]
    found = {}
    for row in ask(query("relations of files"), [tablespaces, files]):
        relation = by_file[row["tablespace"], row["filenode"]]
        found[relation] = RelationName(row["name"], _kind(row))
    return found


def _kind(row: Row) -> str:
    kind = _KINDS.get(row["kind"], "no table")
    if kind == "table" and row["schema"] in _CATALOGS:
        return "catalog"
    return kind
