"""What a node has noted of the runs that changed its system: a line each time one began, ended, or was completed.

The file `chain-<system identifier>` lies in the node's state directory, beside the lock; each line is a Note as JSON.
"""

from __future__ import annotations

import json

from ..errors import CommandFailed
from ..model import Note
from ..wire.doors import Door

_READ = """
case "$1" in "~"*) set -- "$(getent passwd "$(id -un)" | cut -d: -f6)${1#\\~}" "$2";; esac
for file in "$1"/chain-$2; do test -e "$file" && cat -- "$file"; done; :
"""


def read_ledger(door: Door, system_id: str) -> list[Note]:
    """The notes of one system on this node, in the order in which they were written. Raises as a command does.

    Raises CommandFailed, too, for a line that is none: somebody else has written there.
    """
    return _read(door, system_id)


def read_ledgers(door: Door) -> list[Note]:
    """The notes of every system that this node has noted, system after system. Raises as read_ledger does."""
    return _read(door, "*")


def _read(door: Door, systems: str) -> list[Note]:
    answer = door.script(_READ, door.node.state_directory, systems)
    return [_note(door, line) for line in answer.stdout.decode("utf-8", "replace").splitlines()]


def _note(door: Door, line: str) -> Note:
    try:
        note = Note(**json.loads(line))
        if isinstance(note.number, int) and note.what in ("begun", "ended", "sealed"):
            return note
    except (ValueError, TypeError):
        pass
    where = f"{door.node.name}:{door.node.state_directory}"
    raise CommandFailed(f"{where} has a chain file with a line that is none: {line[:80]!r}", "see who wrote there")
