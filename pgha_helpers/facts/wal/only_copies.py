"""Whether a directory that was renamed aside holds what nothing else does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from ...judgement.plans.rebuild import why_not_follow
from ...model import SetAside, Snapshot, Stopped
from ...model.errors import HaError
from ...model.positions import is_segment
from ...run.run import Run
from ...run.seen import Seen
from ...wire.doors import Door
from ..disk import read_disk
from .history import read_history, wal_files_of_both

#: What is no data directory can be judged by that alone which the same run renamed with it.
_ALONE = "no data directory that the same run renamed lies there, to be asked what it holds"
#: Half of one is judged as the whole was, when pgha 0.1 began to remove it.
_BEGUN = {"removing": "", "forsaking": "it was known for that when its removal was begun"}


def only_copies(run: Run, now: Snapshot, found: Sequence[SetAside]) -> dict[SetAside, str]:
    """Why each kept directory may hold the only copy of a commit; empty for one that cannot.

    A tablespace or a directory of WAL is judged as the data directory is that the same run renamed.
    """
    homes = {node: _home(run, node) for node in {kept.node for kept in found}}
    data_directories = [kept for kept in found if kept.of == homes[kept.node]]
    why = {(kept.node, kept.run): _only_copy(run, now, kept) for kept in data_directories}
    reasons = {}
    for kept in found:
        of_its_run = why.get((kept.node, kept.run), _ALONE)
        reasons[kept] = _BEGUN.get(kept.state, of_its_run)
    return reasons


def _home(run: Run, node: str) -> str:
    door = run.doors[node]
    return door.run("readlink", "-m", "--", door.node.data_directory).text


def _only_copy(run: Run, now: Snapshot, kept: SetAside) -> str:
    """Ask of it what is asked of a node that might follow.

    Whether it has anything that the primary has not.
    """
    door = copy.copy(run.doors[kept.node])
    other = run.pair.other(now.primary.node).name
    door.node = replace(door.node, data_directory=kept.path)
    try:
        disk = read_disk(door)
        if disk.control is None:
            return disk.blank
        if disk.control.system_id != now.primary.system_id:
            return f"it is another cluster, {disk.control.system_id}"
        newest = _newest_timeline(door)
        known = disk.control.checkpoint.timeline
        if newest > known:  # a promotion is in the control file only after its first checkpoint
            return (
                f"it has WAL of timeline {newest}, of which its control file, on {known}, "
                "does not know yet"
            )
        it = Stopped(other, disk)
        first, second = (it if seen.node == other else seen for seen in now.sightings)
        as_other = replace(now, sightings=(first, second))
        run = replace(run, doors={**run.doors, other: door}, seen=Seen())
        found = read_history(run, as_other, other, wal_files_of_both(run))
        return why_not_follow(as_other, it, found) or ""
    except HaError as silence:
        return silence.what


def _newest_timeline(door: Door) -> int:
    names = door.run("ls", "--", door.wal).lines
    timelines = [int(name[:8], 16) for name in names if is_segment(name)]
    return max(timelines, default=0)
