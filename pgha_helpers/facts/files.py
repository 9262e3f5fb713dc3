"""Files of a node: their text, their real place, and whether they may be written."""

from __future__ import annotations

from ..model.foreign import text_of
from ..wire.doors import Door

#: A link is followed and stays. The file is replaced in one step by one of the same mode and group;
#: where it is not ours to replace, because of its owner or its directory, and may be written, it is
#: written in place, by one write, which keeps its owner, too. Status 9: neither can be done, and
#: why.
MAY_WRITE = """
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


def read_file(door: Door, path: str) -> str:
    """The text of a file, or an empty string if there is none."""
    answer = door.script('if [ -e "$1" ]; then cat -- "$1"; fi', path)
    return text_of(answer.stdout)


def why_not_written(door: Door, path: str) -> str:
    """Why `changes.deeds.files` could not write there; empty where it could."""
    answer = door.script(MAY_WRITE, path, "600", okay=(0, 9))
    return answer.complaint if answer.status else ""


def real_path(door: Door, path: str) -> str:
    """The directory itself where a path names a symbolic link: of a link, the target is renamed."""
    return door.run("readlink", "-m", "--", path).text
