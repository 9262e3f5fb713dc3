"""Files and directories of a node, through its shell.

Written by temporary name, fsync and rename; never deleted.
"""

from __future__ import annotations

from ...model.errors import NotSafe
from ...model.foreign import text_of
from ...wire.doors import Door

#: A link is followed and stays. The file is replaced in one step by one of the same mode and group;
#: where it is not ours to replace, because of its owner or its directory, and may be written, it is
#: written in place, by one write, which keeps its owner, too. Status 9: neither can be done, and
#: why.
_MAY = """
no() { echo "$*" >&2; exit 9; }
path=$(readlink -f -- "$1") || no "$1 is a link, and leads nowhere that $(id -un) can see"
if [ -e "$path" ] && [ ! -f "$path" ]; then no "$path is not a file"; fi
home=$(dirname -- "$path") mode=$2 group= inside=
if [ -e "$path" ]; then
  mode=$(stat -c %a -- "$path") group=$(stat -c %g -- "$path")
  if [ "$(stat -c %u -- "$path")" != "$(id -u)" ] || [ ! -w "$home" ]; then
    [ -w "$path" ] || no "$path belongs to $(stat -c %U -- "$path"), and $(id -un) may not write it"
    inside=yes
  fi
elif [ ! -w "$home" ]; then no "$(id -un) may not write in $home"; fi
"""
_WRITE = """
umask 077
new=$path.pgha-new
if [ -n "$inside" ]; then new=$(mktemp) || exit; fi
set -e
cat > "$new" || { rm -f -- "$new"; echo "$path cannot be written" >&2; exit 1; }
if [ -z "$inside" ] && { [ -z "$group" ] || chgrp "$group" "$new" 2>/dev/null; }; then
  chmod "$mode" "$new"
  sync "$new"
  mv -f -- "$new" "$path"
  sync "$home"
else
  [ -w "$path" ] || { rm -f -- "$new"; no "$path: its group cannot be kept by $(id -un)"; }
  dd if="$new" of="$path" bs=16M conv=notrunc 2>/dev/null
  truncate -s "$(stat -c %s -- "$new")" -- "$path"
  sync "$path"
  rm -f -- "$new"
fi
"""


def read_file(door: Door, path: str) -> str:
    """The text of a file, or an empty string if there is none."""
    answer = door.script('if [ -e "$1" ]; then cat -- "$1"; fi', path)
    return text_of(answer.stdout)


def why_not_written(door: Door, path: str) -> str:
    """Why `write_file` could not write there; empty where it could."""
    answer = door.script(_MAY, path, "600", okay=(0, 9))
    return answer.complaint if answer.status else ""


def write_file(door: Door, path: str, text: str, mode: str = "600") -> bool:
    """Make a file hold this text; false if it did already.

    `mode` is for a new file; an old one keeps its own. Raises NotSafe, with nothing changed, where
    it may not be written.
    """
    if text and read_file(door, path) == text:
        return False
    answer = door.script(
        _MAY + _WRITE,
        path,
        mode,
        okay=(0, 9),
        stdin=text.encode("utf-8", "surrogateescape") or b"\n",
    )
    if answer.status:
        raise NotSafe(
            f"{path} of {door.node.name} cannot be written: {answer.complaint}",
            "let PostgreSQL's user write it, or change it yourself, then run this notebook again",
        )
    return True


def remove_standby_file(door: Door, name: str) -> bool:
    """Take a standby definition away; false if there was none.

    It is ours to write, so ours to remove.
    """
    home = door.node.data_directory
    return bool(
        door.script(
            'if [ -e "$1/$2" ]; then rm -- "$1/$2" && sync "$1" && echo gone; fi', home, name
        ).text
    )


def real_path(door: Door, path: str) -> str:
    """The directory itself where a path names a symbolic link: of a link, the target is renamed."""
    return door.run("readlink", "-m", "--", path).text
