"""Which directories were renamed aside on a node, how large they are, and whether one holds what nothing else does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from ..errors import CommandFailed, HaError, TooSlow, Unreachable
from ..model import Kept, Snapshot, Stopped
from ..plans.leftovers import age_of, size_of
from ..plans.rebuild import why_not_follow
from ..run import Run
from ..show import Table
from ..wire.doors import Door
from .disk import read_disk
from .wal import evidence

#: A kept directory lies beside the one that took its place: the data directory, its WAL, each of its tablespaces.
#: $1 data directory, $2 seconds that counting one may take, or nothing.
_LIST = """
{ readlink -m -- "$1"; for l in "$1/pg_wal" "$1"/pg_tblspc/*; do [ ! -L "$l" ] || readlink -f -- "$l"; done; } |
sort -u | while IFS= read -r home; do
  for d in "$home".aside-* "$home".removing-* "$home".forsaking-*; do
    if [ ! -d "$d" ] || [ -L "$d" ]; then continue; fi
    count=
    [ -z "$2" ] || count=$(timeout "$2" du -skx -- "$d" 2>/dev/null | cut -f1)
    echo "${count:--} $d"
  done
done
exit 0
"""

_BEGUN = {"removing": "", "forsaking": "its removal was begun with that consent"}
_PATIENCE = 5  # seconds for counting one directory


def read_kept(door: Door, sized: bool = True) -> tuple[Kept, ...]:
    """What was renamed aside on this node, the oldest first. Raises as a command does."""
    node = door.node
    seconds = str(_PATIENCE) if sized else ""
    told = door.script(_LIST, node.data_directory, seconds, within=door.patience).stdout.decode(
        "utf-8", "surrogateescape"
    )
    rows = (line.partition(" ") for line in told.splitlines())
    found = (Kept.parse(node.name, path, int(count) * 1024 if count.isdigit() else None) for count, _, path in rows)
    return tuple(sorted((kept for kept in found if kept), key=lambda kept: (kept.stamp, kept.path)))


def read_all_kept(run: Run) -> tuple[Kept, ...]:
    """What was renamed aside on both nodes; of a node whose shell does not answer, nothing is known."""

    def ask(name: str) -> tuple[Kept, ...]:
        try:
            return read_kept(run.doors[name])
        except (Unreachable, TooSlow, CommandFailed):
            return ()

    first, second = run.both(ask)
    return (*first, *second)


def kept(run: Run) -> Table:
    """The directories that are kept on both nodes: how large, since when, and the name that a removal takes."""
    rows = [(k.node, k.path, size_of(k), age_of(k)) for k in read_all_kept(run)]
    return Table(("kept on", "directory", "size", "for"), rows or [("none", "", "", "")])


def only_copies(run: Run, now: Snapshot, found: Sequence[Kept]) -> dict[str, str]:
    """By name, why a kept directory may hold the only copy of a commit; empty for one that cannot.

    A tablespace or a directory of WAL is judged as the data directory is that the same run renamed.
    """
    homes = {
        node: run.doors[node].run("readlink", "-m", "--", run.pair[node].data_directory).text for node in run.pair.names
    }
    why = {(k.node, k.run): _only_copy(run, now, k) for k in found if k.of == homes[k.node]}
    alone = "the data directory that it belongs to is not there any more"
    return {k.name: _BEGUN.get(k.state, why.get((k.node, k.run), alone)) for k in found}


def _only_copy(run: Run, now: Snapshot, kept: Kept) -> str:
    """Ask of it what is asked of a node that might follow: whether it has anything that the primary has not."""
    door, other = copy.copy(run.doors[kept.node]), run.pair.other(now.primary.node).name
    door.node = replace(door.node, data_directory=kept.path)
    try:
        disk = read_disk(door)
        if disk.control is None:
            return disk.blank
        if disk.control.system_id != now.primary.system_id:
            return f"it is another cluster, {disk.control.system_id}"
        it = Stopped(other, disk)
        first, second = (it if seen.node == other else seen for seen in now.sightings)
        as_other = replace(now, sightings=(first, second))
        found = evidence(replace(run, doors={**run.doors, other: door}), as_other, other)
        return why_not_follow(as_other, it, found) or ""
    except HaError as silence:
        return silence.what
