"""Files and directories of a node, through its shell.

Written by temporary name, fsync and rename; never deleted.
"""

from __future__ import annotations

from ...facts.files import MAY_WRITE, read_file
from ...model.configuration import quoted
from ...model.errors import NotSafe
from ...wire.doors import Door

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


def write_file(door: Door, path: str, text: str, mode: str = "600") -> bool:
    """Make a file hold this text; false if it did already.

    `mode` is for a new file; an old one keeps its own. Raises NotSafe, with nothing changed, where
    it may not be written.
    """
    if text and read_file(door, path) == text:
        return False
    answer = door.script(
        MAY_WRITE + _WRITE,
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


def include_settings(door: Door, config: str, copy: str = "") -> bool:
    """Have postgresql.conf include our file of settings, where a server reads none by itself; false
    if it did already. What comes last counts.

    It lies in `config`, or in the data directory or a `copy` of it.
    """
    data = door.node.data_directory
    main = f"{config or copy or data}/postgresql.conf"
    name = door.spelled("postgresql.auto.conf")
    # beside it by its name alone: a copy is moved in
    line = f"include {quoted(f'{data}/{name}' if config else name)}"
    text = read_file(door, main)
    ours = f"# by pgha, in place of ALTER SYSTEM\n{line}\n"
    return write_file(door, main, f"{text.replace(ours, '').rstrip()}\n\n{ours}")


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
