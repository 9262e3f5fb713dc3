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
    names: Names = {}
    called: dict[int, str] = {}
    for name, unsafe, foreign in (
        (node, set[Relation](), set[int]()),
        (run.pair.other(node).name, made, databases),
    ):
        wanted = {
            one
            for one in relations
            if one not in names and one not in unsafe and one.database not in foreign
        }
        with contextlib.suppress(HaError):
            there = {
                row["oid"]: row["name"]
                for row in run.doors[name].sql.read(query("databases to ask"))
            }
            called |= {
                oid: text
                for oid, text in there.items()
                if oid not in called | dict.fromkeys(foreign)
            }
            names |= _names(run.doors[name], wanted, there)
    return names, called


def _names(door: Door, wanted: set[Relation], databases: Mapping[int, str]) -> Names:
    # shared: every database knows them
    found = _known(door.sql.read, {one for one in wanted if not one.database})
    for oid in {one.database for one in wanted} & databases.keys():
        session = door.session(databases[oid])
        try:
            found |= _known(session.read, {one for one in wanted if one.database == oid})
        except HaError:  # a database that refuses us keeps its numbers, which tells enough
            continue
        finally:
            session.close()
    return found


def _known(ask: Callable[..., list[Row]], wanted: set[Relation]) -> Names:
    """What one database knows of these files of its own."""
    if not wanted:
        return {}
    by_file = {(one.tablespace, one.filenode): one for one in wanted}
    rows = ask(
        query("relations of files"),
        [[tablespace for tablespace, _ in by_file], [file for _, file in by_file]],
    )
    return {
        by_file[row["tablespace"], row["filenode"]]: RelationName(row["name"], _kind(row))
        for row in rows
    }


def _kind(row: Row) -> str:
    kind = _KINDS.get(row["kind"], "no table")
    return "catalog" if kind == "table" and row["schema"] in _CATALOGS else kind
