"""Tablespaces of a copy in place.

Each is a transfer of its own, from where it lies to where the target has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import Running
from ..model.errors import Refusal
from ..model.foreign import lines_of, text_of
from ..run.run import Run
from ..wire.doors import Door
from .queries import query
from .rsync import RsyncRoad

_LINKS = r"""find "$1/pg_tblspc/" -type l -printf '%f %l\0'"""


@dataclass(frozen=True)
class Tablespace:
    """A tablespace that lies outside the data directory.

    On the source in `location`, on the target in `target`. `inside` is the directory in it that
    belongs to this major version.
    """

    oid: int
    name: str
    location: str
    inside: str
    target: str = ""


def tablespaces_of(run: Run, source: Running) -> list[Tablespace]:
    """Those of the source. One that lies inside the data directory is copied with it."""
    return [
        Tablespace(int(row["oid"]), row["name"], row["location"], row["version"])
        for row in located(run.doors[source.node])
        if row["location"].startswith("/")
    ]


def located(door: Door) -> list[dict[str, Any]]:
    """Every tablespace of a primary with where its link leads, which is empty without one.

    Its catalog knows only where the first primary had it, up to 9.1.
    """
    rows = door.sql.read(query("tablespaces"))
    told = text_of(door.script(_LINKS, door.node.data_directory).stdout).split("\0")
    links = dict(link.partition(" ")[::2] for link in told)
    return [{**row, "location": links.get(row["oid"], "")} for row in rows]


def place_tablespaces(
    door: Door, directory: str, road: RsyncRoad, spaces: list[Tablespace]
) -> list[Tablespace]:
    """Where the target has them.

    Where its link leads, else under the same path, else (one machine) beside. Raises Refusal for a
    path that the server's tablespace_map cannot hold, and for one that is the source's own.
    """
    found = []
    for space in spaces:
        link = door.script('readlink -- "$1/pg_tblspc/$2" || :', directory, str(space.oid)).text
        beside = f"{space.location}.{door.node.name}" if road.one_machine else space.location
        target = link if link.startswith("/") else beside
        same = door.script('[ "$1" -ef "$2" ]', space.location, target, okay=(0, 1)).status == 0
        if road.one_machine and same:
            target = beside
        if set(target) & set("\\\n\r"):
            raise Refusal(
                f"tablespace {space.name} is at {target!r}: a path with a backslash or a line break"
            )
        found.append(Tablespace(space.oid, space.name, space.location, space.inside, target))
    return found


def mapped(text: str, spaces: list[Tablespace]) -> str:
    """The source's tablespace_map with the target's paths.

    The server makes its links by it when it starts.

    >>> mapped("16500 /ts/a\\n", [Tablespace(16500, "a", "/ts/a", "PG_18_1", "/ts/b")])
    '16500 /ts/b\\n'
    """
    listed = {line.split(" ", 1)[0] for line in lines_of(text)}
    return "".join(f"{space.oid} {space.target}\n" for space in spaces if str(space.oid) in listed)
