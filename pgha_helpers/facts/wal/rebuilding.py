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
from .divergence import Parting, find_divergence
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
    found = replace(
        read_history(run, now, node, files),
        weights=_weights(database, files[primary.node], files[node]),
        rates=run.history.rates(),
    )
    way = rsync_road(run, node)
    why_not = way if isinstance(way, str) else ""
    found = replace(found, rsync=why_not, road="" if why_not else str(way))
    door = run.doors[node]
    disk = disk_of(now[node])
    keys = read_keys(run, node)
    found = replace(
        found,
        nothing=isinstance(now[node], Blank) and holds_nothing(run, node),
        connection=try_connection(door, run.pair, primary.system_id, keys),
        misdefined=misdefined(now, node),
        copying=read_copying(run, node, primary, disk),
    )
    if disk and disk.control:
        start = read_start(door, runs=isinstance(now[node], Running))
        found = replace(found, start=start)
    return _diverged(run, now, node, found, files)


def _weights(database: int, primary: dict[str, int], node: dict[str, int]) -> Weights:
    """Bytes that each method would have to move, by the files of WAL that both have."""
    new = [count for name, count in primary.items() if name not in node]
    return Weights(database, sum(primary.values()), sum(new))


def misdefined(now: Snapshot, node: str) -> str:
    """In what a standby that streams is not as we would write it down.

    Empty where it is, or does not stream.
    """
    if not streams_to(now.primary, node) or len(now.standbys) != 1:
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
    seen = now[node]
    disk = disk_of(now[node])
    primary = now.primary
    if not isinstance(seen, Running | Stopped) or disk is None or disk.control is None:
        return found
    fork = fork_of(now, seen, found.timeline)
    if found.last is None or fork is None:
        return found
    last = Position(found.timeline, found.last)
    differ = not found.same or found.agree is False
    beyond = last.lsn >= fork.lsn or fork.timeline != last.timeline
    if not beyond and not differ:
        return found
    ours = run.doors[primary.node]
    theirs = run.doors[node]
    parting = Parting(fork, known=True)
    if last.timeline == primary.timeline or differ:  # then no history file tells where
        parting = find_divergence(ours, theirs, common_end(fork, last), disk.control.segment)
    grows = isinstance(seen, Running) and seen.writable
    left = losses_of(run, node, parting, last, disk.control, grows)
    if not parting.known:
        return replace(found, left=left if left and left.some else None)
    parted = parting.at
    rewinding = read_rewinding(ours, theirs, primary, disk.control, parted, last, files, run)
    overwritten = max(0, int(last.lsn) - int(rewinding.checkpoint or parted.lsn))
    weights = replace(found.weights, diverged=overwritten)
    return replace(found, parted=parted, left=left, rewinding=rewinding, weights=weights)


def losses_of(
    run: Run, node: str, parting: Parting, last: Position, control: Control, grows: bool
) -> Losses | None:
    """What the node has from the parting on, up to its last record.

    None where its WAL cannot be listed. WAL that ends before what its control file tells of is told
    as `unread`: the newest of it is not there; and so is a parting that may lie earlier.

    To read that may take minutes: what this run has read already is not read again, unless more has
    come since. Of one that takes writes (`grows`) more comes all the time: it has at least what was
    read, and is read once it is stopped.
    """
    fork, had = parting.at, run.seen.losses
    if had and (had.node, had.fork) == (node, fork):
        whole = had.end.timeline == last.timeline and had.end.lsn > last.lsn
        if grows or whole:
            return had
    try:
        found = losses(run, node, fork, control.segment, last.timeline)
    except CommandFailed:
        return None
    least = control.least_end
    if found.end.timeline == least.timeline and found.end.lsn < least.lsn:
        short = (
            f"{node}: its WAL ends at {found.end}, and its control file tells of {least}: "
            "the newest is not there"
        )
        found = replace(found, unread=(*found.unread, short))
    if not parting.known:
        gone = f"no WAL is left to compare from before {fork}: it may have parted earlier"
        found = replace(found, unread=(f"{node}: {gone}", *found.unread))
    run.seen.losses = found
    return found
