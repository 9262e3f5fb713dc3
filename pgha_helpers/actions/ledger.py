"""Noting on a node what a run has done: heads of the chain of records that no operator's machine can lose."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Note
from ..wire.doors import Door

# what a full disk or a crash has torn stays a line of its own: glued to the next one, it would spoil that, too
_WRITE = """
umask 077
case "$1" in "~"*) set -- "$(getent passwd "$(id -un)" | cut -d: -f6)${1#\\~}" "$2";; esac
mkdir -p -- "$1" && file="$1/chain-$2" || exit 1
if [ -s "$file" ] && [ -n "$(tail -c 1 -- "$file")" ]; then echo >> "$file" || exit 1; fi
cat >> "$file" && sync -- "$file"
"""


def note_on(door: Door, system_id: str, notes: Iterable[Note]) -> None:
    """Append these notes, flushed to disk. Raises as a command does."""
    text = "".join(note.line + "\n" for note in notes)
    if text:
        door.script(_WRITE, door.node.state_directory, system_id, stdin=text.encode())
