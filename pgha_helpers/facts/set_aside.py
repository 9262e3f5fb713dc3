"""Which directories were renamed aside on a node, and how large they are."""

from __future__ import annotations

from ..judgement.plans.leftovers import age_of, held_back, size_of, unused_slots
from ..model import SetAside, Snapshot
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..model.show import Table
from ..run.run import Run
from ..wire.doors import Door

#: A kept directory lies beside the one that took its place: the data directory, its WAL, each of
#: its tablespaces. Where that is a mount point, or nobody may make anything beside it, it lies
#: inside. Segments that were never archived are kept beside the data directory, too, and what a
#: rewind would have overwritten or has left half done.
#: $1 data directory, $2 seconds that counting one may take, or nothing.
_LIST = """
data=$(readlink -m -- "$1")
{
  echo "$data"
  echo "$data.unarchived"
  echo "$data.before-rewind"
  echo "$data.half-rewound"
  for l in "$1/pg_wal" "$1"/pg_tblspc/*; do [ ! -L "$l" ] || readlink -f -- "$l"; done
} |
sort -u | while IFS= read -r home; do
  for d in "$home".aside-* "$home".removing-* "$home".forsaking-* \
    "$home"/pgha.aside-* "$home"/pgha.removing-* "$home"/pgha.forsaking-*; do
    if [ ! -d "$d" ] || [ -L "$d" ]; then continue; fi
    count=
    [ -z "$2" ] || count=$(timeout "$2" du -skx -- "$d" 2>/dev/null | cut -f1)
    echo "${count:--} $d"
  done
done
exit 0
"""

_PATIENCE = 5  # seconds for counting one directory


def read_kept(door: Door, sized: bool = True) -> tuple[SetAside, ...]:
    """What was renamed aside on this node, the oldest first. Raises as a command does."""
    node = door.node
    seconds = str(_PATIENCE) if sized else ""
    rows = (
        line.partition(" ")
        for line in door.script(_LIST, node.data_directory, seconds, within=door.patience).lines
    )
    found = (
        SetAside.parse(node.name, path, int(count) * 1024 if count.isdecimal() else None)
        for count, _, path in rows
    )
    return tuple(sorted((kept for kept in found if kept), key=lambda kept: (kept.stamp, kept.path)))


def read_all_kept(run: Run, sized: bool = True) -> tuple[SetAside, ...]:
    """What was renamed aside on both nodes.

    Of a node whose shell does not answer, nothing is known. To count sizes may take seconds a
    directory.
    """

    def ask(name: str) -> tuple[SetAside, ...]:
        try:
            return read_kept(run.doors[name], sized)
        except (Unreachable, TooSlow, CommandFailed):
            return ()

    first, second = run.both(ask)
    return (*first, *second)


def left_over(run: Run, now: Snapshot) -> Table:
    """What earlier runs have left on both nodes, and how to let it go.

    Unused slots, directories renamed aside.
    """
    slots = [
        (
            seen.node,
            f"slot {slot.name}",
            held_back(seen, slot),
            f"rebuild with drop_slots={slot.name}",
        )
        for seen, slot in unused_slots(now)
    ]
    kept = [
        (k.node, k.path, f"{size_of(k)}, for {age_of(k)}", f"rebuild with remove_kept={k.name}")
        for k in read_all_kept(run)
    ]
    return Table(
        ("left over on", "what", "how much", "to let it go"),
        [*slots, *kept] or [("none", "", "", "")],
    )
