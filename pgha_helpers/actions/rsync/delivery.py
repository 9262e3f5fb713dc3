"""The last steps of a copy: what makes it a backup, what makes it a standby, and only then its control file."""

from __future__ import annotations

from collections.abc import Mapping

from ...facts.rsync import MARK
from ..clone import configure
from ..files import write_file
from ..flushing import SYNC
from .backup import BackupFiles
from .copied import STAGE, Copy
from .tablespaces import mapped

_DELIVER = """
set -e
cd "$1"
rm -f -- "$3"
mv -T -- "$2/global/pg_control" global/pg_control
rmdir -- "$2/global" "$2"
sync -f global
"""


def deliver(copy: Copy, files: BackupFiles, own: Mapping[str, str]) -> None:
    """Make a finished copy usable, on disk before it is: whoever starts it then, it comes up as a standby."""
    door, directory = copy.door, copy.directory
    with copy.run.deed(door.node.name, f"make the copy in {directory} usable") as deed:
        write_file(door, f"{directory}/backup_label", files.label)
        if text := mapped(files.tablespace_map, list(copy.spaces)):
            write_file(door, f"{directory}/tablespace_map", text)
        configure(copy.run, door, directory, copy.source, own)
        wal = door.run("readlink", "-f", f"{directory}/pg_wal").text
        places = (directory, wal, *(space.target for space in copy.spaces))
        door.script(SYNC, *places, within=copy.run.timeouts.clone)
        door.script(_DELIVER, directory, STAGE, MARK)
        deed.say("wrote backup_label and the standby definition, synced the copy, delivered its control file")
