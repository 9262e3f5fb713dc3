"""Noting on a node what a run has done.

Heads of the chain of records that no operator's machine can lose.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from ...model import Head, Note
from ...wire.doors import Door
from ...wire.scripts import shell_functions

# what a crash has torn stays a line of its own: glued to the next one, it would spoil that, too;
# what a full disk has taken of a line is taken back
_WRITE = (
    shell_functions("expanded.sh")
    + """
umask 077
directory=$(expanded "$1")
mkdir -p -- "$directory" && file="$directory/chain-$2" || exit 1
size=$(stat -c %s -- "$file" 2>/dev/null || echo 0)
torn=
[ "$size" = 0 ] || [ -z "$(tail -c 1 -- "$file")" ] || torn=torn
{ [ -z "$torn" ] || echo >> "$file"; } && cat >> "$file" && sync -- "$file" && exit 0
truncate -s "$size" -- "$file"
exit 1
"""
)


# one line a machine, replaced: the newest proves all before it
_KEEP = (
    shell_functions("expanded.sh")
    + """
umask 077
directory=$(expanded "$1")
mkdir -p -- "$directory" && file="$directory/head-$2" || exit 1
cat > "$file.new" && sync -- "$file.new" && mv -- "$file.new" "$file"
"""
)


def keep_head(door: Door, head: Head) -> None:
    """Let a node hold the newest line of a machine's sequence. Raises as a command does."""
    name = "@".join(quote(part, safe="") for part in (head.pair, head.host))
    door.script(_KEEP, door.node.state_directory, name, stdin=head.text.encode())


def note_on(door: Door, system_id: str, notes: Iterable[Note]) -> None:
    """Append these notes, flushed to disk. Raises as a command does."""
    text = "".join(note.line + "\n" for note in notes)
    if text:
        door.script(_WRITE, door.node.state_directory, system_id, stdin=text.encode())
