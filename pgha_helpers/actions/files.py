"""Files and directories of a node, through its shell: written by temporary name, fsync and rename; never deleted."""

from __future__ import annotations

from ..foreign import text_of
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
    return text_of(answer.stdout)


def write_file(door: Door, path: str, text: str, mode: str = "600") -> bool:
    """Make a file hold this text; false if it did already. `mode` is for a new file; an old one keeps its own."""
    if text and read_file(door, path) == text:
        return False
    door.script(_WRITE, path, mode, stdin=text.encode("utf-8", "surrogateescape") or b"\n")
    return True


def remove_standby_file(door: Door, name: str) -> bool:
    """Take a standby definition away; false if there was none. It is ours to write, so ours to remove."""
    home = door.node.data_directory
    return bool(door.script('if [ -e "$1/$2" ]; then rm -- "$1/$2" && sync "$1" && echo gone; fi', home, name).text)


def real_path(door: Door, path: str) -> str:
    """The directory itself where a path names a symbolic link: of a link, the target is renamed."""
    return door.run("readlink", "-m", "--", path).text
