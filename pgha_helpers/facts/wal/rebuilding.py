"""What decides a rebuild, read from both nodes.

Where their WAL parts, and what each method would find and cost.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ...judgement.checks import DEFINED
from ...judgement.plans import Evidence
from ...judgement.plans.rebuild import Weights, fork_of
from ...model import Blank, Control, Position, Running, Silent, Snapshot, Stopped
from ...model.errors import CommandFailed, NotSeen
from ...model.losses import Losses
from ...model.sightings import disk_of
from ...model.snapshot import streams_to
from ...run.run import Run
from ..connection import read_keys, try_connection
from ..copying import read_copying
from ..rsync import estimate, holds_nothing, rsync_road
from ..starting import read_start
from .divergence import parting
from .history import common_end, read_history, wal_files, wal_files_of_both
from .losses import losses
from .rewinding import read_rewinding


def rebuild_evidence(run: Run, now: Snapshot, node: str) -> Evidence:
    """Everything readable that decides how `node` can become a standby of the primary."""
    primary = now.primary
    database = estimate(run, primary.node)
    if isinstance(now[node], Silent):
        wal = sum(wal_files(run.doors[primary.node]).values())
        return Evidence(weights=Weights(database, wal), rates=run.history.rates())
    files = wal_files_of_both(run)
    ours, its = (files[name] for name in (primary.node, node))
    new = sum(count for name, count in ours.items() if name not in its)
    weights = Weights(database, sum(ours.values()), new)
    way = rsync_road(run, node)
    why_not, how = (way, "") if isinstance(way, str) else ("", str(way))
    found = replace(
        read_history(run, now, node, files),
        weights=weights,
        rates=run.history.rates(),
        rsync=why_not,
        road=how,
    )
    door, disk = run.doors[node], disk_of(now[node])
    nothing = isinstance(now[node], Blank) and holds_nothing(run, node)
    connection = try_connection(door, run.pair, primary.system_id, read_keys(run, node))
    found = replace(found, connection=connection, misdefined=misdefined(now, node), nothing=nothing)
    copying = read_copying(run, node, primary, disk)
    start = read_start(door, runs=isinstance(now[node], Running)) if disk and disk.control else None
    return _diverged(run, now, node, replace(found, copying=copying, start=start), files)


def misdefined(now: Snapshot, node: str) -> str:
    """In what a standby that streams is not as we would write it down.

    Empty where it is, or does not stream.
    """
    if not (streams_to(now.primary, node) and len(now.standbys) == 1):
        return ""
    reasons = []
    for check in DEFINED:
        with contextlib.suppress(NotSeen, ValueError):  # what cannot be told needs no rebuild
            reasons.append(check(now))
    return "; ".join(filter(None, reasons))


def _diverged(
    run: Run, now: Snapshot, node: str, found: Evidence, files: dict[str, dict[str, int]]
) -> Evidence:
    """The same with what lies beyond the fork, and with what a rewind would need."""
    seen, disk, primary = now[node], disk_of(now[node]), now.primary
    if (
        not isinstance(seen, Running | Stopped)
        or disk is None
        or disk.control is None
        or found.last is None
    ):
        return found
    fork, last, segment = (
        fork_of(now, seen, found.timeline),
        Position(found.timeline, found.last),
        disk.control.segment,
    )
    if fork is None:
        return found
    beyond = last.lsn >= fork.lsn or fork.timeline != last.timeline
    if not beyond and found.same and found.agree is not False:
        return found
    ours, theirs = run.doors[primary.node], run.doors[node]
    parted = fork
    # then no history file tells where
    if last.timeline == primary.timeline or not found.same or found.agree is False:
        where = parting(ours, theirs, common_end(fork, last), segment, files[node])
        if where is None:
            return found
        parted = where
    grows = isinstance(seen, Running) and seen.writable
    found = replace(
        found, parted=parted, left=losses_of(run, node, parted, last, disk.control, grows)
    )
    asked = read_rewinding(ours, theirs, primary, disk.control, parted, last, files, run)
    span = max(0, int(last.lsn) - int(asked.checkpoint or parted.lsn))
    return replace(found, rewinding=asked, weights=replace(found.weights, diverged=span))


def losses_of(
    run: Run, node: str, fork: Position, last: Position, control: Control, grows: bool
) -> Losses | None:
    """What the node has beyond the fork, up to its last record.

    None where its WAL cannot be listed. WAL that ends before what its control file tells of is told
    as `unread`: the newest of it is not there.

    To read that may take minutes: what this run has read already is not read again, unless more has
    come since. Of one that takes writes (`grows`) more comes all the time: it has at least what was
    read, and is read once it is stopped.
    """
    had = run.seen.losses
    if grows and had and (had.node, had.fork) == (node, fork):
        return had
    if (
        had
        and (had.node, had.fork, had.end.timeline) == (node, fork, last.timeline)
        and had.end.lsn > last.lsn
    ):
        return had
    try:
        found = losses(run, node, fork, control.segment)
    except CommandFailed:
        return None
    least = control.least_end
    if found.end.timeline == least.timeline and found.end.lsn < least.lsn:
        short = (
            f"{node}: its WAL ends at {found.end}, and its control file tells of {least}: "
            "the newest is not there"
        )
        found = replace(found, unread=(*found.unread, short))
    run.seen.losses = found
    return found
