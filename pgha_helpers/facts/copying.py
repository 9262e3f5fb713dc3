"""What a copy of the primary would need on a node: SQL on the primary, one script on the node."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ..judgement.plans.copying import Copying, Half, Part
from ..model import Disk, Running
from ..model.errors import NotSafe, understood
from ..model.foreign import Told, blocks_of, lines_of, whole
from ..run.run import Run
from .disk import read_disk
from .queries import query

_SEGMENTS = 4  # WAL that a copy always brings along; how much is written meanwhile nobody knows


def read_copying(run: Run, name: str, primary: Running, disk: Disk | None = None) -> Copying:
    """Ask the primary what there is to copy, and the node where it would go.

    `disk` is the node's, where it was just read. Raises NotSafe for a tablespace whose path no
    script can carry; Unreachable, TooSlow, QueryFailed or CommandFailed where one of the two does
    not answer.
    """
    door, sql = run.doors[name], run.doors[primary.node].sql
    inside, elsewhere, version = _sizes(sql.read(query("tablespaces")), primary)
    disk = disk or read_disk(door)
    same = "same" if disk.control and disk.control.system_id == primary.system_id else ""
    half, wal = "half" if disk.half else "", _SEGMENTS * int(primary.settings["wal_segment_size"])
    arguments = [word for row in elsewhere for word in (row["oid"], row["location"])]
    about = (version, same, f"{primary.timeline:08X}", half, door.node.state_directory)
    told = door.script(
        _script(), door.node.data_directory, *about, *arguments, within=door.patience
    )
    with understood(name, "the answer of facts/copying.sh"):
        return parse_copying(told.text, name, inside, wal, version, elsewhere)


@cache
def _script() -> str:
    return Path(__file__).with_name("copying.sh").read_text("utf-8")


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
    inside = sum(int(row["size"]) for row in rows) - sum(int(row["size"]) for row in elsewhere)
    return inside, elsewhere, str(rows[0]["version"])


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
            part = _tablespace(path, version, tablespaces[len(found[kind]) :])
        elif kind == "wal":
            part = {"what": "pg_wal", "needed": wal, "beside": path}
        else:
            needed = inside + wal_inside
            part = {"what": "the data directory", "needed": needed, "beside": path}
        found[kind].append(Part(path=path, **part, **facts))
    return Copying(
        node,
        inside + sum(int(row["size"]) for row in tablespaces),
        found["data"][0],
        tuple(found["tablespace"]),
        next(iter(found["wal"]), None),
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


def _half(told: str) -> Half:
    kilobytes, device, path = [*told.split(" ", 2), "", ""][:3]
    return Half(path, whole(kilobytes or "0", "kilobytes") * 1024, device)


def _parts(lines: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, path and what is told of each part."""
    starts = [
        at for at, line in enumerate(lines) if line.startswith(("data ", "wal ", "tablespace "))
    ]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        kind, _, path = lines[start].partition(" ")
        if not path.startswith("/"):
            raise ValueError(f"{kind}: an absolute path is expected, found {path!r}")
        told = Told(lines[start + 1 : end])
        yield (
            kind,
            path,
            {
                "device": told.need("device"),
                "free": blocks_of(told.need("free")),
                "there": whole(told.one("there") or "0", "kilobytes") * 1024,
                "obstacle": ", and ".join(dict.fromkeys(told.all("obstacle"))),
                "obstacle_here": ", and ".join(dict.fromkeys(told.all("here"))),
            },
        )
