"""What the WAL itself says: one record at a position, and where it ends."""

from __future__ import annotations

import re
from dataclasses import replace

from ...judgement.plans import Evidence
from ...model import Blank, Hung, Lsn, Position, Running, Silent, Snapshot, Stopped, dialect
from ...model.dialect import NEWEST, page_headers
from ...model.disk import Control
from ...model.positions import segment_name
from ...model.sightings import disk_of
from ...run.run import Run
from ...wire.doors import Door
from ...wire.shell import Answer
from .by_bytes import behind
from .waldump import waldump

_RECORD = re.compile(r"lsn: ([0-9A-F]+/[0-9A-F]+)")
_LENGTH = re.compile(r"len \(rec/tot\): +\d+/ *(\d+),.* lsn: ([0-9A-F]+/[0-9A-F]+)")
_NAME = re.compile(r"rmgr: (\S+) +len \(rec/tot\): +\d+/ *(\d+), .* desc: (\S+)")
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
    seen = now[node]
    disk = disk_of(now[node])
    if isinstance(seen, Silent | Hung) or disk is None or disk.control is None:
        return Evidence()
    ours = run.doors[now.primary.node]
    theirs = run.doors[node]
    at = disk.control.checkpoint
    segment = disk.control.segment
    followed = Position(now.primary.timeline, at.lsn)
    our_record = record_at(ours, at, segment) or record_at(ours, followed, segment)
    its_record = record_at(theirs, at, segment)
    if "CHECKPOINT_" not in its_record:  # its WAL was written over since, or came from an archive
        its_record = _noted(theirs, disk.control, our_record)
    return Evidence(its_record, our_record, _last(theirs, seen, disk.control))


def _noted(door: Door, control: Control, ours: str) -> str:
    """Its last checkpoint by its control file, where a segment that came from an archive is not
    kept: the primary's record, where that says the same. Empty where the primary has none.
    """
    if not ours or dialect.has("restored_kept", door.programs() or NEWEST):
        return ""
    words = f"redo {control.redo}; tli {control.checkpoint.timeline}; xid 0:{control.xid};"
    return ours if words in ours else words


def _last(door: Door, seen: Running | Stopped | Blank, control: Control) -> Lsn | None:
    """The last byte of the last WAL record."""
    if isinstance(seen, Running):
        return Lsn(seen.position.lsn - 1)
    if control.shut_down_in_recovery:
        return Lsn(control.least_end.lsn - 1)
    start = Position(control.checkpoint.timeline, control.redo)
    if control.ended_in_recovery and not dialect.has("restored_kept", door.programs() or NEWEST):
        least = control.least_end.lsn
        start = replace(start, lsn=Lsn(max(start.lsn, least - least % control.segment)))
    return last_byte(door, start, control.segment)


def record_at(door: Door, at: Position, segment: int, exactly: bool = True) -> str:
    """One WAL record as pg_waldump tells it; empty where the WAL is not there (any more).

    `segment`: bytes of one. It is the record that starts just there, or, where that is not asked
    for, the first whole one that starts later.
    """
    name = segment_name(at, segment)
    answer = door.run(*_waldump(door), *_from(at), "-n", "1", name, okay=range(256))
    record = " ".join(answer.text.split())
    found = _RECORD.search(record)
    if exactly and not (found and Lsn.parse(found[1]) == at.lsn):
        return ""
    return record


def name_of(record: str) -> str:
    """What a record is, for people: pg_waldump's own line is for whoever knows its columns.

    >>> name_of("rmgr: XLOG len (rec/tot): 114/ 114, tx: 0, lsn: 0/03000060, prev 0/03000028, "
    ... "desc: CHECKPOINT_SHUTDOWN redo 0/3000060; tli 1")
    'XLOG CHECKPOINT_SHUTDOWN of 114 bytes'
    >>> name_of("nothing of that kind")
    'a record'
    """
    found = _NAME.search(record)
    return f"{found[1]} {found[3].rstrip(':')} of {found[2]} bytes" if found else "a record"


def _waldump(door: Door) -> tuple[str, ...]:
    return *waldump(door), "-p", door.wal


def _from(at: Position) -> tuple[str, ...]:
    """Where to begin.

    The file is always named beside it: else pg_waldump learns the size of a segment from whichever
    file it meets first, and gives up where that one is empty, as a segment is that was made ahead
    (seen on 18).
    """
    return "-t", str(at.timeline), "-s", str(at.lsn)


def last_byte(door: Door, start: Position, segment: int) -> Lsn | None:
    """The last byte of this node's last WAL record: pg_waldump reads on until none is valid.

    None if it cannot tell. WAL may also end with a segment: then nothing is complained of, or the
    next file is missing, which is an end only if no later one exists.
    """
    answer = dump(door, start, segment)
    last = _LENGTH.search(answer.text)
    if last is None or not _is_end(door, answer.complaint):
        return None
    headers = page_headers(door.programs() or NEWEST)
    return Lsn(behind(Lsn.parse(last[2]), int(last[1]), segment, headers) - 1)


def _is_end(door: Door, complaint: str) -> bool:
    """Whether what pg_waldump complains of is the end of all WAL."""
    if not complaint or _INVALID.search(complaint):
        return True
    missing = _MISSING.search(complaint)
    return missing is not None and not _later(door, missing[1])


def dump(
    door: Door, start: Position, segment: int, only: str = "", through: str = "tail -n 1"
) -> Answer:
    """What is left of what pg_waldump tells from `start` on, and what it complains of at the end.

    `only` names a resource manager. `through` is a line of `sh` of our own that the telling goes
    through, on the node: by default its last line is left.
    """
    argv = [door.wal, f"{start.timeline:08X}", *_waldump(door)]
    if only:
        argv += ["-r", only]
    argv += [*_from(start), segment_name(start, segment)]
    return door.script(_DUMP % through.strip(), *argv, okay=range(256), within=door.patience)


def _later(door: Door, segment: str) -> bool:
    """Whether the directory holds a segment after this one."""
    names = door.run("ls", "--", door.wal).lines
    segments = [name for name in names if len(name) == len(segment)]
    return any(name > segment for name in segments)
