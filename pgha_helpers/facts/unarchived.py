"""Which segments of a node wait for its archiver, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence

from ..judgement.plans.unarchived import Unarchived, sort_unarchived
from ..model import Running, Snapshot
from ..model.errors import CommandFailed, TooSlow, Unreachable
from ..model.foreign import whole
from ..model.sightings import disk_of
from ..run.run import Run

#: Only a server with archive_mode makes these files; the segment itself must still be there to be
#: kept.
_READY = """
cd "$1/pg_wal" 2>/dev/null || exit 0
for f in archive_status/*.ready; do
  name=${f#archive_status/}; name=${name%.ready}
  [ ! -f "$name" ] || echo "$name"
done
exit 0
"""


#: Of these segments, how many bytes do not lie in a directory of ours yet. $1 data directory, $2...
#: names.
COUNT = """
data=$(readlink -m -- "$1"); shift
lacking=0
for name; do
  there=
  for d in "$data".unarchived.aside-*; do
    if cmp -s -- "$data/pg_wal/$name" "$d/$name"; then there=yes; fi
  done
  [ -n "$there" ] || lacking=$((lacking + $(stat -c %s -- "$data/pg_wal/$name")))
done
free=$(($(df -Pk -- "$(dirname "$data")" | awk 'NR == 2 { print $4 }') * 1024))
"""
_LACKING = 'if [ $((free)) -lt $((lacking + lacking / 10)) ]; then echo "$lacking"; fi\n'


def without_room(run: Run, node: str, names: Sequence[str]) -> int:
    """Bytes of these segments that are to be kept beside the directory and do not fit; else 0."""
    if not names:
        return 0
    directory = run.pair[node].data_directory
    answer = run.doors[node].script(f"{COUNT}{_LACKING}", directory, *names)
    if not answer.text:
        return 0
    return whole(answer.text, "bytes that are lacking")


def read_unarchived(run: Run, now: Snapshot, node: str) -> Unarchived:
    """What `node` closed and never archived.

    Nothing of one whose archiver still works on it, or that cannot be read. A server that runs is
    read, too: it is about to be stopped or restarted as a standby, which archives nothing.
    """
    seen = now[node]
    disk = disk_of(now[node])
    if disk is None or disk.control is None or len(now.primaries) != 1:
        return Unarchived()
    if isinstance(seen, Running) and seen.settings.get("archive_mode") == "always":
        return Unarchived()
    try:
        answer = run.doors[node].script(_READY, run.pair[node].data_directory)
    except (Unreachable, TooSlow, CommandFailed):
        return Unarchived()
    return sort_unarchived(now, answer.lines, disk.control.segment)
