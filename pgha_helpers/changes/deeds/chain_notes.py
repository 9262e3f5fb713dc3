"""Noting on a node what a run has done.

Heads of the chain of records that no operator's machine can lose.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from ...model import Head, Note
from ...wire.doors import Door
from ...wire.scripts import shell_functions

_PLACE = (
    shell_functions("expanded.sh")
    + """
umask 077
directory=$(expanded "$1")
mkdir -p -- "$directory" && file="$directory/$2" || exit 1
"""
)

# what a crash has torn stays a line of its own: glued to the next one, it would spoil that, too;
# what a full disk has taken of a line is taken back
_WRITE = (
    _PLACE
    + """
size=$(stat -c %s -- "$file" 2>/dev/null || echo 0)
torn=
[ "$size" = 0 ] || [ -z "$(tail -c 1 -- "$file")" ] || torn=torn
{ [ -z "$torn" ] || echo >> "$file"; } && cat >> "$file" && sync -- "$file" && exit 0
truncate -s "$size" -- "$file"
exit 1
"""
)


# two runs of a machine may end at the same time
_KEEP = (
    _PLACE
    + """
new="$file.new-$$"
cat > "$new" && sync -- "$new" && mv -- "$new" "$file" && exit 0
rm -f -- "$new"
exit 1
"""
)


def keep_heads(door: Door, heads: Iterable[Head]) -> None:
    """Let a node hold these lines of one machine's sequence instead of those that it held.

    The last one is the newest. Raises as a command does.
    """
    *_, newest = kept = list(heads)
    name = "@".join(quote(part, safe="") for part in (newest.pair, newest.host))
    text = "\n".join(head.text for head in kept)
    door.script(_KEEP, door.node.state_directory, f"head-{name}", stdin=text.encode())


def note_on(door: Door, system_id: str, notes: Iterable[Note]) -> None:
    """Append these notes, flushed to disk. Raises as a command does."""
    text = "".join(note.line + "\n" for note in notes)
    if text:
        door.script(_WRITE, door.node.state_directory, f"chain-{system_id}", stdin=text.encode())
