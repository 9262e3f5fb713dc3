"""Files and directories of a node, through its shell: written by temporary name, fsync and rename; never deleted."""

from __future__ import annotations

from ..errors import Refusal
from ..wire.doors import Door

_WRITE = """
set -e
old=$(stat -c %a -- "$1" 2>/dev/null || echo "$2")
umask 077
cat > "$1.pgha-new"
chmod "$old" "$1.pgha-new"
sync "$1.pgha-new"
mv -f -- "$1.pgha-new" "$1"
sync "$(dirname "$1")"
"""


def read_file(door: Door, path: str) -> str:
    """The text of a file, or an empty string if there is none."""
    answer = door.script('if [ -e "$1" ]; then cat -- "$1"; fi', path)
    return answer.stdout.decode("utf-8", "surrogateescape")


def write_file(door: Door, path: str, text: str, mode: str = "600") -> bool:
    """Make a file hold this text; false if it did already. `mode` is for a new file; an old one keeps its own."""
    if text and read_file(door, path) == text:
        return False
    door.script(_WRITE, path, mode, stdin=text.encode("utf-8", "surrogateescape") or b"\n")
    return True


def remove_standby_file(door: Door, name: str) -> bool:
    """Take a standby definition away; false if there was none. It is ours to write, so ours to remove."""
    path = f"{door.node.data_directory}/{name}"
    return bool(door.script('if [ -e "$1" ]; then rm -- "$1" && sync "$2" && echo gone; fi', path, _home(door)).text)


def rename(door: Door, old: str, new: str) -> None:
    """Rename a directory within its parent. Raises Refusal if the new name is taken or the old is a mount point."""
    answer = door.script(
        'if [ -e "$2" ]; then echo taken; exit 0; fi; '
        'if [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]; then echo mount; exit 0; fi; '
        'mv -T -- "$1" "$2" && sync "$(dirname "$2")" && echo done',
        *(old, new),
    )
    reasons = {
        "taken": (f"{new} exists on {door.node.name}", "move it away, then run this again"),
        "mount": (
            f"{old} on {door.node.name} is a mount point and cannot be renamed",
            "make the data directory a directory below the mount point, and say so in the pair file",
        ),
    }
    if answer.text in reasons:
        raise Refusal(*reasons[answer.text])


def _home(door: Door) -> str:
    return door.node.data_directory
