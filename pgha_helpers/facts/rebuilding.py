"""What decides a rebuild, read from both nodes: where their WAL parts, and what each method would find and cost."""

from __future__ import annotations

from dataclasses import replace

from ..errors import CommandFailed
from ..model import Hung, Lsn, Position, Running, Silent, Snapshot, Stopped
from ..model.losses import Losses
from ..model.sightings import disk_of
from ..plans import Evidence
from ..plans.rebuild import Weights, fork_of, history_of
from ..run import Run
from ..wire.doors import Door
from . import wal
from .copying import read_copying
from .losses import losses
from .parting import parting, same_before
from .queries import query
from .rewinding import read_rewinding
from .rsync import road

#: Files of pg_wal with their sizes. The slash follows a pg_wal that is a symbolic link.
_FILES = r"""find "$1/pg_wal/" -maxdepth 1 -type f -printf '%f %s\n'"""


def evidence(run: Run, now: Snapshot, node: str) -> Evidence:
    """Everything that decides how `node` can become a standby of the primary, as far as it can be read."""
    seen, primary = now[node], now.primary
    ours, theirs = run.doors[primary.node], run.doors[node]
    source = wal_files(ours)
    database = int(ours.sql.read(query("size"))[0]["size"])
    weights, disk = Weights(database, sum(source.values())), disk_of(seen)
    if isinstance(seen, Silent):
        return Evidence(weights=weights)
    way = road(run, node)
    why_not, how = (way, "") if isinstance(way, str) else ("", str(way))
    found = Evidence(weights=weights, copying=read_copying(run, node, primary), rsync=why_not, road=how)
    if isinstance(seen, Hung) or disk is None or disk.control is None:
        return found
    assert isinstance(seen, Running | Stopped)
    files, segment = wal_files(theirs), disk.control.segment
    timeline = _newest(files, seen)
    told = wal.evidence(run, now, node)
    last = _last_on(theirs, seen, timeline, told.last)
    gone = not _has(source, wal.segment_name(disk.control.checkpoint, segment)[8:])
    found = replace(found, its=told.its, ours=told.ours, last=last, timeline=timeline, gone=gone)
    formal = fork_of(now, seen, timeline)
    if last is None or formal is None:
        return found
    end = last if formal.timeline == timeline and last < formal.lsn else formal.lsn
    found = replace(found, same=same_before(ours, theirs, Position(formal.timeline, end), segment))
    beyond = last >= formal.lsn or formal.timeline != timeline
    if not beyond and found.same and found.agree is not False:
        return found
    fork: Position | None = formal
    if timeline == primary.timeline or not found.same or found.agree is False:  # then no history file tells where
        fork = parting(ours, theirs, Position(formal.timeline, end), segment, files)
    if fork is None:
        return found
    diverged = Position(timeline, last)
    found = replace(found, parted=fork, left=losses_of(run, node, fork, diverged, segment))
    asked = read_rewinding(ours, theirs, primary, disk.control, fork, diverged, (source, files), run.pair)
    span = max(0, int(last) - int(asked.checkpoint or fork.lsn))
    return replace(found, rewinding=asked, weights=replace(weights, diverged=span))


def losses_of(run: Run, node: str, fork: Position, last: Position, segment: int) -> Losses | None:
    """What the node has beyond the fork, up to its last record; None where its WAL cannot be listed.

    To read that may take minutes: what this run has read already is not read again, unless more has come since.
    """
    had = run.had
    if had and (had.node, had.fork, had.end.timeline) == (node, fork, last.timeline) and had.end.lsn > last.lsn:
        return had
    try:
        run.had = losses(run, node, fork, segment)
    except CommandFailed:
        return None
    return run.had


def wal_files(door: Door) -> dict[str, int]:
    """Names and bytes of the files in pg_wal; empty where it cannot be read."""
    try:
        lines = door.script(_FILES, door.node.data_directory, within=door.patience).text.splitlines()
    except CommandFailed:
        return {}
    return {name: int(size) for name, _, size in (line.partition(" ") for line in lines)}


def _has(files: dict[str, int], suffix: str) -> bool:
    return any(len(name) == 24 and name.endswith(suffix) for name in files)


def _newest(files: dict[str, int], seen: Running | Stopped) -> int:
    """The newest timeline of which there is WAL: a node that died after its promotion may not have noted it yet."""
    at = seen.timeline if isinstance(seen, Running) else seen.control.checkpoint.timeline
    return max([at, *(int(name[:8], 16) for name in files if len(name) == 24)])


def _last_on(door: Door, seen: Running | Stopped, timeline: int, last: Lsn | None) -> Lsn | None:
    """The last record of the newest timeline; `last` is that of the control file's own."""
    disk = disk_of(seen)
    if isinstance(seen, Running) or disk is None or timeline == seen.control.checkpoint.timeline:
        return last
    began = max(history_of(disk.histories.get(timeline, "")).values(), default=None)
    if began is None:
        return None
    return wal.last_record(door, Position(timeline, began), seen.control.segment)
