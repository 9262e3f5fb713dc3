"""What the WAL itself says: one record at a position, and where it ends."""

from __future__ import annotations

import re

from ..model import Blank, Hung, Lsn, Running, Silent, Snapshot, Stopped
from ..model.sightings import Control, disk_of
from ..plans import Evidence
from ..run import Run
from ..wire.doors import Door

_RECORD = re.compile(r"lsn: ([0-9A-F]+/[0-9A-F]+)")
_INVALID = re.compile(r"error in WAL record at [0-9A-F]+/[0-9A-F]+:")
_MISSING = re.compile(r'could not find file "([0-9A-F]{24})"')
_SOON = """
turn=0
until "$1" -p "$2" -t "$3" -s "$4" -n 1 2>/dev/null; do
  turn=$((turn + 1))
  [ "$turn" -ge 60 ] && break
done
"""
_DUMP = '"$1" -p "$2" -t "$3" -s "$4" | tail -n 1'


def evidence(run: Run, now: Snapshot, node: str) -> Evidence:
    """What decides whether `node` can follow the primary: both nodes' telling of its last checkpoint, and its end."""
    seen, disk = now[node], disk_of(now[node])
    if isinstance(seen, Silent | Hung) or disk is None or disk.control is None:
        return Evidence()
    ours, theirs = run.doors[now.primary.node], run.doors[node]
    at = disk.control.checkpoint
    mine = record_at(ours, at.timeline, at.lsn) or record_at(ours, now.primary.timeline, at.lsn)
    return Evidence(record_at(theirs, at.timeline, at.lsn), mine, _last(theirs, seen, disk.control))


def _last(door: Door, seen: Running | Stopped | Blank, control: Control) -> Lsn | None:
    """Start of the last WAL record, or the last byte of it where only the record's end is known."""
    if isinstance(seen, Running):
        return Lsn(seen.position.lsn - 1)
    if control.shut_down_in_recovery:
        return Lsn(control.least_end.lsn - 1)
    return last_record(door, control.checkpoint.timeline, control.redo)


def record_at(door: Door, timeline: int, lsn: Lsn) -> str:
    """One WAL record as pg_waldump tells it; empty where the WAL is not there (any more)."""
    answer = door.run(
        *(door.binary("pg_waldump"), "-p", f"{door.node.data_directory}/pg_wal"),
        *("-t", str(timeline), "-s", str(lsn), "-n", "1"),
        okay=range(256),
    )
    found = _RECORD.search(answer.text)
    return " ".join(answer.text.split()) if found and Lsn.parse(found[1]) == lsn else ""


def record_soon(door: Door, timeline: int, lsn: Lsn) -> str:
    """The same, asked again and again for a third of a second, because the record may be on its way."""
    directory = f"{door.node.data_directory}/pg_wal"
    argv = (door.binary("pg_waldump"), directory, str(timeline), str(lsn))
    told = " ".join(door.script(_SOON, *argv, okay=range(256)).text.split())
    found = _RECORD.search(told)
    return told if found and Lsn.parse(found[1]) == lsn else ""


def last_record(door: Door, timeline: int, start: Lsn) -> Lsn | None:
    """Where this node's last WAL record starts: pg_waldump reads on until none is valid. None if it cannot tell.

    WAL may also end with a segment. Then the next file is missing, which is an end only if no later one exists.
    """
    wal = f"{door.node.data_directory}/pg_wal"
    argv = (door.binary("pg_waldump"), wal, str(timeline), str(start))
    answer = door.script(_DUMP, *argv, okay=range(256), within=door.patience)
    found, missing = _RECORD.search(answer.text), _MISSING.search(answer.complaint)
    if found is None or not (_INVALID.search(answer.complaint) or (missing and not _later(door, wal, missing[1]))):
        return None
    return Lsn.parse(found[1])


def _later(door: Door, wal: str, segment: str) -> bool:
    """Whether the directory holds a segment after this one."""
    names = door.run("ls", "--", wal).text.split()
    return any(len(name) == len(segment) and name > segment for name in names)
