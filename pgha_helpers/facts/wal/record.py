"""What the WAL itself says: one record at a position, and where it ends."""

from __future__ import annotations

import re

from ...judgement.plans import Evidence
from ...model import Blank, Hung, Lsn, Position, Running, Silent, Snapshot, Stopped
from ...model.positions import segment_name
from ...model.sightings import Control, disk_of
from ...run.run import Run
from ...wire.doors import Door
from ...wire.shell import Answer

_RECORD = re.compile(r"lsn: ([0-9A-F]+/[0-9A-F]+)")
_INVALID = re.compile(r"error in WAL record at [0-9A-F]+/[0-9A-F]+:")
_MISSING = re.compile(r'could not find file "([0-9A-F]{24})"')
#: Told where to begin by name, it has to be told by name where to end, too: the last file of this
#: timeline.
_DUMP = """
last=$(ls -- "$1" | grep -E "^$2[0-9A-F]{16}$" | sort | tail -n 1)
shift 2
export TZ=UTC
"$@" "$last" | %s
"""


def follow_evidence(run: Run, now: Snapshot, node: str) -> Evidence:
    """What decides whether `node` can follow the primary.

    Both nodes' telling of its last checkpoint, and its end.
    """
    seen, disk = now[node], disk_of(now[node])
    if isinstance(seen, Silent | Hung) or disk is None or disk.control is None:
        return Evidence()
    ours, theirs = run.doors[now.primary.node], run.doors[node]
    at = disk.control.checkpoint
    segment, followed = disk.control.segment, Position(now.primary.timeline, at.lsn)
    mine = record_at(ours, at, segment) or record_at(ours, followed, segment)
    its = record_at(theirs, at, segment)  # no checkpoint there: its WAL was written over since
    return Evidence(its if "CHECKPOINT_" in its else "", mine, _last(theirs, seen, disk.control))


def _last(door: Door, seen: Running | Stopped | Blank, control: Control) -> Lsn | None:
    """Start of the last WAL record, or the last byte of it where only the record's end is known."""
    if isinstance(seen, Running):
        return Lsn(seen.position.lsn - 1)
    if control.shut_down_in_recovery:
        return Lsn(control.least_end.lsn - 1)
    return last_record(door, Position(control.checkpoint.timeline, control.redo), control.segment)


def record_at(door: Door, at: Position, segment: int, exactly: bool = True) -> str:
    """One WAL record as pg_waldump tells it; empty where the WAL is not there (any more).

    `segment`: bytes of one. It is the record that starts just there, or, where that is not asked
    for, the first whole one that starts later.
    """
    answer = door.run(
        *_waldump(door), *_from(at), "-n", "1", segment_name(at, segment), okay=range(256)
    )
    return _record(answer.text, at) if exactly else " ".join(answer.text.split())


def _waldump(door: Door) -> tuple[str, ...]:
    return door.binary("pg_waldump"), "-p", f"{door.node.data_directory}/pg_wal"


def _from(at: Position) -> tuple[str, ...]:
    """Where to begin.

    The file is always named beside it: else pg_waldump learns the size of a segment from whichever
    file it meets first, and gives up where that one is empty, as a segment is that was made ahead
    (seen on 18).
    """
    return "-t", str(at.timeline), "-s", str(at.lsn)


def _record(text: str, at: Position) -> str:
    told = " ".join(text.split())
    found = _RECORD.search(told)
    return told if found and Lsn.parse(found[1]) == at.lsn else ""


def last_record(door: Door, start: Position, segment: int) -> Lsn | None:
    """Where this node's last WAL record starts: pg_waldump reads on until none is valid.

    None if it cannot tell. WAL may also end with a segment: then nothing is complained of, or the
    next file is missing, which is an end only if no later one exists.
    """
    answer = dump(door, start, segment)
    found, missing = _RECORD.search(answer.text), _MISSING.search(answer.complaint)
    ended = (
        _INVALID.search(answer.complaint)
        or (missing and not _later(door, missing[1]))
        or not answer.complaint
    )
    if found is None or not ended:
        return None
    return Lsn.parse(found[1])


def dump(
    door: Door, start: Position, segment: int, only: str = "", through: str = "tail -n 1"
) -> Answer:
    """What is left of what pg_waldump tells from `start` on, and what it complains of at the end.

    `only` names a resource manager. `through` is a line of `sh` of our own that the telling goes
    through, on the node: by default its last line is left.
    """
    wal, kind = f"{door.node.data_directory}/pg_wal", ("-r", only) if only else ()
    argv = (
        wal,
        f"{start.timeline:08X}",
        *_waldump(door),
        *kind,
        *_from(start),
        segment_name(start, segment),
    )
    return door.script(_DUMP % through.strip(), *argv, okay=range(256), within=door.patience)


def _later(door: Door, segment: str) -> bool:
    """Whether the directory holds a segment after this one."""
    names = door.run("ls", "--", f"{door.node.data_directory}/pg_wal").lines
    return any(len(name) == len(segment) and name > segment for name in names)
