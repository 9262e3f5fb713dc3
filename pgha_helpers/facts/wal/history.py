"""Whether a node's history is the primary's, read from the WAL of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...judgement.plans import Evidence
from ...judgement.plans.rebuild import fork_of, history_of, own_timeline
from ...model import Hung, Lsn, Position, Running, Silent, Snapshot, Stopped, dialect
from ...model.errors import CommandFailed
from ...model.positions import is_segment, segment_name
from ...model.sightings import disk_of
from ...run.run import Run
from ...wire.doors import Door
from ..queries import query
from . import record as wal
from .divergence import digest_before, same_before

#: Files of pg_wal with their sizes. The slash follows a pg_wal that is a symbolic link.
_FILES = r"""find "$1/pg_wal/" -maxdepth 1 -type f -printf '%f %s\n'"""


def read_history(
    run: Run, now: Snapshot, node: str, files: Mapping[str, Mapping[str, int]]
) -> Evidence:
    """What decides whether the node's history is the primary's.

    The evidence without what each method would cost. `files` are those of pg_wal, by node: see
    `wal_files_of_both`.
    """
    seen = now[node]
    disk = disk_of(now[node])
    if isinstance(seen, Silent | Hung) or disk is None or disk.control is None:
        return Evidence()
    assert isinstance(seen, Running | Stopped)
    ours = run.doors[now.primary.node]
    theirs = run.doors[node]
    segment = disk.control.segment
    checkpoint = segment_name(disk.control.checkpoint, segment)
    gone = not _has(files[now.primary.node], checkpoint[8:])
    timeline = _newest_timeline(files[node], seen)
    found = wal.follow_evidence(run, now, node)
    last = _last_on(theirs, seen, timeline, found.last)
    fork = fork_of(now, seen, timeline)
    same = None
    if last is not None and fork is not None:
        end = Position(timeline, last)
        same = same_before(ours, theirs, common_end(fork, end), segment)
        if same is None and _came_by_archive(theirs, common_end(fork, end), segment):
            same = bool(found.its) and found.its == found.ours
        if same and _has_come_since(ours, theirs, fork, end, now.primary.timeline, segment):
            last = Lsn(fork.lsn - 1)
    return Evidence(found.its, found.ours, last, gone, timeline, same)


def _came_by_archive(door: Door, end: Position, segment: int) -> bool:
    """Whether a node has nothing of this WAL because what an archive gives is not kept there."""
    kept = dialect.has("restored_kept", door.programs() or dialect.NEWEST)
    return not (kept or digest_before(door, end, segment))


def _has_come_since(
    ours: Door, theirs: Door, fork: Position, last: Position, timeline: int, segment: int
) -> bool:
    """Whether the primary itself has written meanwhile what the node has beyond its end.

    Two looks at once are not one: a standby that streams on a busy pair is seen later than its
    primary (seen: 206 transactions that a copy, just started, was said to have alone).
    """
    on_one_timeline = last.timeline == timeline == fork.timeline
    if not on_one_timeline or last.lsn < fork.lsn:
        return False
    primary = ours.sql.read(query("itself"))[0]
    if last.lsn >= ours.sql.position(primary["written"]):
        return False
    return same_before(ours, theirs, last, segment) is True


def common_end(fork: Position, last: Position) -> Position:
    """Up to where WAL can be the same: the fork, or the node's own end where that comes first."""
    ends_before = fork.timeline == last.timeline and last.lsn < fork.lsn
    return replace(last, lsn=Lsn(last.lsn + 1)) if ends_before else fork


def wal_files(door: Door) -> dict[str, int]:
    """Names and bytes of the files in pg_wal; empty where it cannot be read."""
    try:
        answer = door.script(_FILES, door.node.data_directory, within=door.patience)
    except CommandFailed:
        return {}
    files = {}
    for line in answer.lines:
        name, _, size = line.rpartition(" ")
        if size.isdecimal():  # somebody's file there may have any name
            files[name] = int(size)
    return files


def wal_files_of_both(run: Run) -> dict[str, dict[str, int]]:
    """The same of each node, by its name, asked at once."""
    files = run.both(lambda name: wal_files(run.doors[name]))
    return dict(zip(run.pair.names, files, strict=True))


def _has(files: Mapping[str, int], suffix: str) -> bool:
    return any(is_segment(name) and name.endswith(suffix) for name in files)


def _newest_timeline(files: Mapping[str, int], seen: Running | Stopped) -> int:
    """The newest timeline of which there is WAL of its own, or for a standby any.

    A node that died after its promotion may not have noted it yet.
    """
    if isinstance(seen, Running) and seen.writable:
        return seen.timeline
    timelines = {int(name[:8], 16) for name in files if is_segment(name)}
    if isinstance(seen, Running):
        return max({seen.timeline, *timelines})
    return own_timeline(seen.disk, timelines)


def _last_on(door: Door, seen: Running | Stopped, timeline: int, last: Lsn | None) -> Lsn | None:
    """The last record of the newest timeline; `last` is that of the control file's own."""
    disk = disk_of(seen)
    if isinstance(seen, Running) or disk is None:
        return last
    if timeline == seen.control.checkpoint.timeline:
        return last
    forks = history_of(disk.histories.get(timeline, ""))
    if not forks:
        return None
    began = max(forks.values())
    return wal.last_byte(door, Position(timeline, began), seen.control.segment)
