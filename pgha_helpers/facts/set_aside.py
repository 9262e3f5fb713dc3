"""Which directories were renamed aside on a node, and how large they are."""

from __future__ import annotations

from dataclasses import replace

from ..model import SetAside
from ..model.errors import CommandFailed, TooSlow, Unreachable
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

#: Whose this directory is, and on a second line why nobody should remove it now, or nothing.
#: $1 the directory, $2 the live data directory.
_USE = """
stat -c %U -- "$1" || exit
if [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]; then
  echo "it is a mount point"; exit 0
fi
real=$(readlink -f -- "$1")
for l in "$2" "$2/pg_wal" "$2"/pg_tblspc/*; do
  case "$(readlink -f -- "$l" 2>/dev/null)/" in "$real"/*) echo "it is used by $l"; exit 0;; esac
done
find /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/fd -maxdepth 1 -type l \
  -exec readlink -- {} + 2>/dev/null |
  real=$real awk '
    $0 == ENVIRON["real"] || index($0, ENVIRON["real"] "/") == 1 {
      print "it is open by a process: " $0; exit }'
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


def with_use(door: Door, kept: SetAside) -> SetAside:
    """It again, with its owner, and why it stays where something uses it.

    Raises as a command does.
    """
    script = door.script(_USE, kept.path, door.node.data_directory, within=door.patience)
    owner, *why_not = script.lines
    return replace(kept, owner=owner, stays=" ".join(why_not))
