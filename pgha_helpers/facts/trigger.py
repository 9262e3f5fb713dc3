"""A file that would promote a standby as soon as it is started.

Left by an earlier failover, or by a hand.
"""

from __future__ import annotations

from ..model import Disk, dialect
from ..wire.doors import Door

#: $1 data directory, $2 the file; or nothing, $3 postgres and $4 where its configuration is. A path
#: may be relative. To ask postgres takes 20 ms, and what we write into postgresql.auto.conf
#: overrules all others.
_WAITS = """
cd "$1" || exit
file=$2
if [ -n "$3" ] && ! grep -qsx "promote_trigger_file = ''" postgresql.auto.conf; then
  file=$("$3" -D "$4" -C promote_trigger_file 2>/dev/null)
fi
[ -z "$file" ] || [ ! -e "$file" ] || printf '%s' "$file"
"""


def waiting_trigger(door: Door, disk: Disk) -> str:
    """The trigger file that this stopped standby's definition names, if it exists; else nothing.

    Tried on 11: a server that finds it opens for writes right after its start, and removes it.
    """
    if not disk.standby_files:
        return ""
    named = disk.recovery.get("trigger_file", "")
    postgres = door.binary("postgres") if dialect.has("promote_trigger_file", disk.programs) else ""
    return door.script(
        _WAITS, door.node.data_directory, named, postgres, door.node.configuration
    ).text
