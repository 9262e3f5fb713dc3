"""Tablespaces of a copy by rsync.

Each is a transfer of its own, from where it lies to where the target has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import Running
from ..model.foreign import text_of
from ..run.run import Run
from ..wire.doors import Door
from .queries import query
from .rsync import RsyncRoad

_LINKS = r"""find "$1/pg_tblspc/" -type l -printf '%f %l\0' 2>/dev/null || :"""


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
    links = links_of(door)
    return [{**row, "location": links.get(row["oid"], "")} for row in rows]


def links_of(door: Door) -> Mapping[str, str]:
    """Where each tablespace of a node lies, by its oid, whether its server runs or not."""
    told = text_of(door.script(_LINKS, door.node.data_directory).stdout).split("\0")
    return dict(link.split(" ", 1) for link in told if link)


def place_tablespaces(
    door: Door, directory: str, road: RsyncRoad, spaces: list[Tablespace]
) -> list[Tablespace]:
    """Where the target has them.

    Where its link leads, else under the same path, else (one machine) beside.
    """
    found = []
    for space in spaces:
        link = door.script('readlink -- "$1/pg_tblspc/$2" || :', directory, str(space.oid)).text
        beside = f"{space.location}.{door.node.name}" if road.one_machine else space.location
        target = link if link.startswith("/") else beside
        same = door.script('[ "$1" -ef "$2" ]', space.location, target, okay=(0, 1)).status == 0
        if road.one_machine and same:
            target = beside
        found.append(Tablespace(space.oid, space.name, space.location, space.inside, target))
    return found
