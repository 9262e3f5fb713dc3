"""What a copy of the primary would need on a node: SQL on the primary, one script on the node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..judgement.plans.copying import Copying, Half, Part
from ..model import Disk, Running
from ..model.dialect import NEWEST, has
from ..model.errors import NotSafe, understood
from ..model.foreign import Told, blocks_of, lines_of, whole
from ..run.run import Run
from ..wire.doors import Door
from ..wire.scripts import script_file
from .disk import read_disk
from .queries import query
from .tablespaces import links_of, located

_SCRIPT = script_file(__file__, "copying.sh")
#: A name and its value for each that is told. No data directory is read, and no server runs.
_BUILT = """
program=$1; shift
for name; do
  value=$("$program" -D / -c config_file=/dev/null -C "$name" 2>/dev/null) && echo "$name $value"
done
exit 0
"""
_SEGMENTS = 4  # WAL that a copy always brings along; how much is written meanwhile nobody knows


def read_copying(run: Run, name: str, primary: Running, disk: Disk | None = None) -> Copying:
    """Ask the primary what there is to copy, and the node where it would go.

    `disk` is the node's, where it was just read. Raises NotSafe for a tablespace whose path no
    script can carry; Unreachable, TooSlow, QueryFailed or CommandFailed where one of the two does
    not answer.
    """
    door, source = run.doors[name], run.doors[primary.node]
    inside, elsewhere, version = _sizes(located(source), primary)
    wal = _SEGMENTS * int(primary.settings["wal_segment_size"])
    disk = disk or read_disk(door)
    same = disk.control and disk.control.system_id == primary.system_id
    asked = [
        door.node.data_directory,
        version,
        "same" if same else "",
        f"{primary.timeline:08X}",
        "half" if disk.half else "",
        door.node.state_directory,
    ]
    for row in elsewhere:
        asked += [row["oid"], row["location"]]
    answer = door.script(_SCRIPT, *asked, within=door.patience)
    with understood(name, "the answer of facts/copying.sh"):
        found = parse_copying(answer.text, name, inside, wal, version, elsewhere)
    unlike = _built_otherwise(door, source)
    return replace(found, lacking=why_no_basebackup(door, source), unlike=unlike)


def _built_otherwise(door: Door, source: Door) -> tuple[str, ...]:
    """Sizes with which the node's programs were built, and the primary's were not: a copy of that
    would not start there. What a program does not tell (before 9.2) is not known.
    """
    rows = source.sql.read(query("how it was built"))
    if not has("postgres_c", door.programs() or NEWEST):
        return ()
    ours = {row["name"]: str(row["setting"]) for row in rows}
    told = Told(door.script(_BUILT, door.binary("postgres"), *ours).lines)
    theirs = {name: told.one(name) for name in ours}
    return tuple(
        f"PostgreSQL there was built with {name} {theirs[name]}, and {source.node.name} with {size}"
        for name, size in ours.items()
        if theirs[name] not in (size, "")
    )


def why_no_basebackup(door: Door, source: Door) -> str:
    """Why the node cannot make a copy of `source` with pg_basebackup; empty where it can."""
    major = door.programs() or NEWEST
    if not has("pg_basebackup", major):
        return f"pg_basebackup of {major} cannot make this copy"
    if not has("backup_maps", major) and links_of(source):
        return f"pg_basebackup of {major} maps no tablespaces"
    if "pg_basebackup" not in door.lacking():
        return ""
    return f"pg_basebackup is not in {door.node.bin_directory} of {door.node.name}"


def _sizes(rows: list[dict[str, Any]], primary: Running) -> tuple[int, list[dict[str, Any]], str]:
    """Bytes in the data directory, the tablespaces elsewhere, and their directory's name.

    From 15 on a tablespace may lie in place, below the data directory: its location is then no
    absolute path.
    """
    elsewhere = [row for row in rows if row["location"].startswith("/")]
    for row in elsewhere:
        if any(ord(letter) < 32 for letter in row["location"]):
            raise NotSafe(
                f"{primary.node} has a tablespace at {row['location']!r}", "move it to a plain path"
            )
    inside = _bytes_of(rows) - _bytes_of(elsewhere)
    return inside, elsewhere, str(rows[0]["version"])


def _bytes_of(tablespaces: list[dict[str, Any]]) -> int:
    return sum(int(row["size"]) for row in tablespaces)


def parse_copying(
    text: str, node: str, inside: int, wal: int, version: str, tablespaces: list[dict[str, Any]]
) -> Copying:
    """Read the answer of copying.sh.

    Sizes are bytes, `tablespaces` the primary's rows in the order that was asked. Raises ValueError
    for an answer of another form.

    >>> told = "data /d/main\\ndevice 7\\nfree 2 4096\\nhalf 4 7 /d/main.clone-00c0ffee\\n"
    >>> seen = parse_copying(told, "db1", 100, 50, "PG_18_1", [])
    >>> seen.data.beside, seen.data.free, seen.data.needed, seen.halves
    ('/d/main', 8192, 150, (Half(path='/d/main.clone-00c0ffee', bytes=4096, device='7'),))
    """
    lines = lines_of(text)
    words = Told(lines)
    words.need("data")
    wal_inside = 0 if words.all("wal") else wal
    found: dict[str, list[Part]] = {"data": [], "wal": [], "tablespace": []}
    for kind, path, facts in _parts(lines):
        if kind == "tablespace":
            next_ones = tablespaces[len(found[kind]) :]
            part = _tablespace(path, version, next_ones)
        elif kind == "wal":
            part = {"what": "pg_wal", "needed": wal, "beside": path}
        else:
            needed = inside + wal_inside
            part = {"what": "the data directory", "needed": needed, "beside": path}
        found[kind].append(Part(path=path, **part, **facts))
    return Copying(
        node,
        inside + _bytes_of(tablespaces),
        found["data"][0],
        tuple(found["tablespace"]),
        found["wal"][0] if found["wal"] else None,
        tuple(map(_half, words.all("half"))),
        words.all("begun"),
        left=words.one("left"),
        state=words.one("state"),
        foreign=words.all("foreign"),
    )


def _tablespace(path: str, version: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the next tablespace that was asked for, the first of `rows`."""
    if not rows:
        raise ValueError(f"a tablespace that was not asked for: {path!r}")
    return {
        "what": f"tablespace {rows[0]['name']}",
        "needed": int(rows[0]["size"]),
        "source": rows[0]["location"],
        "beside": f"{path}/{version}",
    }


def _half(words: str) -> Half:
    kilobytes, device, path = [*words.split(" ", 2), "", ""][:3]
    size = whole(kilobytes or "0", "kilobytes") * 1024
    return Half(path, size, device)


def _parts(lines: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, path and what is told of each part."""
    begins = ("data ", "wal ", "tablespace ")
    starts = [at for at, line in enumerate(lines) if line.startswith(begins)]
    ends = [*starts[1:], len(lines)]
    for start, end in zip(starts, ends, strict=True):
        kind, _, path = lines[start].partition(" ")
        if not path.startswith("/"):
            raise ValueError(f"{kind}: an absolute path is expected, found {path!r}")
        words = Told(lines[start + 1 : end])
        yield kind, path, _part(words)


def _part(words: Told) -> dict[str, Any]:
    """What is told of one part, under the names of Part's fields."""
    there = words.one("there") or "0"
    return {
        "device": words.need("device"),
        "free": blocks_of(words.need("free")),
        "there": whole(there, "kilobytes") * 1024,
        "obstacle": ", and ".join(dict.fromkeys(words.all("obstacle"))),
        "mounted": words.one("mounted") == "yes",
        "obstacle_here": ", and ".join(dict.fromkeys(words.all("here"))),
    }
