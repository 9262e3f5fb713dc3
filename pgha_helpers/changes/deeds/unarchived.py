"""Segments that were never archived are copied beside before their node becomes a standby.

A standby recycles them unarchived: archive_mode=on does nothing there, and the .ready files are
passed over.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ...facts.unarchived import COUNT, read_unarchived
from ...model import DeedKind, Snapshot
from ...model.errors import Refusal
from ...model.foreign import whole
from ...model.set_aside import STAMP
from ...model.show import size
from ...run.run import Run

#: $1 the time and the run, $2 data directory, $3... names. Done when every one of them lies in a
#: directory of ours.
_KEEP = f"""
set -e
stamp=$1; shift
{COUNT}
[ "$lacking" != 0 ] || exit 0
aside=$data.unarchived.aside-$stamp new=$data.unarchived.new
if [ "$free" -lt $((lacking + lacking / 10)) ]; then echo "lacking $lacking"; exit 0; fi
rm -rf -- "$new"
mkdir -m 700 -- "$new"
for name; do cp -p -- "$data/pg_wal/$name" "$new/$name"; sync "$new/$name"; done
sync "$new"
mv -T -- "$new" "$aside"
sync "$(dirname "$aside")"
echo "kept $aside"
"""


def keep_unarchived(run: Run, node: str, now: Snapshot) -> None:
    """Copy what was never archived, and lies before the fork, into a directory beside.

    Raises Refusal without room.
    """
    names = read_unarchived(run, now, node).before
    if not names:
        return
    with run.deed(
        node,
        f"keep what was never archived: {', '.join(names[:3])}{'…' if len(names) > 3 else ''}",
        DeedKind.KEEP_UNARCHIVED,
    ) as deed:
        argv = (f"{datetime.now(UTC):{STAMP}}-{run.id}", run.pair[node].data_directory, *names)
        word, _, rest = (
            run.doors[node].script(_KEEP, *argv, within=run.timeouts.clone).text.partition(" ")
        )
        if word == "lacking":
            lacking = whole(rest, "bytes")
            raise Refusal(
                f"there is no room on {node} for a copy of what was never archived "
                f"({size(lacking)})",
                "archive them, or make room, then run this notebook again",
            )
        if word != "kept":
            deed.already("what was never archived was kept")
            return
        deed.say(f"kept what was never archived, {len(names)} of WAL's segments, as {rest}")
