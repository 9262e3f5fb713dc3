"""The last steps of a copy: it becomes a backup, then a standby, then gets its control file."""

from __future__ import annotations

from collections.abc import Callable

from ....facts.rsync import NOTE, UNCONFIGURED
from ....model import DeedKind
from ....model.errors import NotAchieved
from ....model.node_config import Configured
from ....wire.attended import attend
from ....wire.scripts import script_file
from ..files import write_file
from ..flushing import flush
from ..node_config import configure
from .backup import Backup
from .copied import STAGE, Copy

#: The server is told by its links alone where its tablespaces are.
_LINK = 'rm -f -- "$1/pg_tblspc/$2" && ln -s -- "$3" "$1/pg_tblspc/$2"'
_DELIVER = script_file(__file__, "deliver.sh")


def deliver(copy: Copy, backup: Backup, own: Configured) -> None:
    """End the backup and make its copy usable, on disk before it is.

    Whoever starts it, it comes up as a standby. Raises NotAchieved.
    """
    door, directory = copy.door, copy.directory
    synced = _sync_beside(copy)
    label = backup.stop()
    words = f"make the copy in {directory} usable"
    with copy.run.deed(door.node.name, words, DeedKind.COMPLETE_COPY) as deed:
        write_file(door, f"{directory}/backup_label", label)
        for space in copy.spaces:
            door.script(_LINK, directory, str(space.oid), space.target)
        configure(copy.run, door, directory, copy.source, own)
        synced()
        door.script(_DELIVER, directory, STAGE, UNCONFIGURED, NOTE)
        deed.say(
            "wrote backup_label and the standby definition, synced the copy, delivered its "
            "control file"
        )


def _sync_beside(copy: Copy) -> Callable[[], None]:
    """Sync everything that was copied, beside what this thread goes on with.

    What it gives waits for that.
    """
    run = copy.run
    door = copy.door
    said = list[str]()
    wal = door.run("readlink", "-f", f"{copy.directory}/{door.spelled('pg_wal')}").text
    argv = [
        "sh",
        "-c",
        flush() + 'sync_all "$@"',
        "sh",
        copy.directory,
        wal,
        *(space.target for space in copy.spaces),
    ]
    coming = run.aside(lambda: attend(door, argv, said.append, run.timeouts.clone))

    def synced() -> None:
        if status := coming.result():
            raise NotAchieved(
                f"sync on {door.node.name} ended with status {status}: "
                f"{'; '.join(said[-3:]) or 'no words'}",
                "mend the cause and run this notebook again: it goes on from what was copied",
            )

    return synced
