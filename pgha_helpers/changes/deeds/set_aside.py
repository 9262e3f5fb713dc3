"""Directories that were renamed aside are removed.

By their exact path, with consent, once the pair is whole.
"""

from __future__ import annotations

from ...model import DeedKind, SetAside
from ...model.errors import NotAchieved, Refusal
from ...run.run import Run

#: Why this directory may not go, or nothing. $1 the directory, $2 the live data directory.
_WHY_NOT = """
if [ -L "$1" ] || [ ! -d "$1" ]; then echo "is not a directory"; exit 0; fi
if [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]; then
  echo "is a mount point"; exit 0
fi
real=$(readlink -f -- "$1")
for l in "$2" "$2/pg_wal" "$2"/pg_tblspc/*; do
  case "$(readlink -f -- "$l" 2>/dev/null)/" in "$real"/*) echo "is used by $l"; exit 0;; esac
done
find /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/fd -maxdepth 1 -type l \
  -exec readlink -- {} + 2>/dev/null |
  real=$real awk '
    $0 == ENVIRON["real"] || index($0, ENVIRON["real"] "/") == 1 {
      print "is open by a process: " $0; exit }'
exit 0
"""

#: Renamed first, so that nobody takes half of it for the whole, whatever happens meanwhile.
_REMOVE = """
set -e
if [ "$1" != "$2" ]; then [ ! -e "$2" ]; mv -T -- "$1" "$2"; sync "$(dirname "$2")"; fi
rm -rf --one-file-system -- "$2"
sync "$(dirname "$2")"
[ ! -e "$2" ]
"""


def remove(run: Run, kept: SetAside, only_copy: bool) -> None:
    """Remove a kept directory for good; one whose removal was begun is removed further.

    Raises Failure where something still uses it, NotAchieved where it is not gone after all.
    """
    door = run.doors[kept.node]
    with run.deed(kept.node, f"remove {kept.path_as('aside')}", DeedKind.REMOVE_KEPT) as deed:
        # the last look before what cannot be undone
        if SetAside.parse(kept.node, kept.path) is None:
            raise Refusal(f"{kept.path} has not the name of a directory that was renamed aside")
        if door.run("test", "-e", kept.path, okay=(0, 1)).status:
            deed.already(f"{kept.path} was gone")
            return
        if why_not := door.script(
            _WHY_NOT, kept.path, door.node.data_directory, within=door.patience
        ).text:
            raise Refusal(
                f"{kept.path} on {kept.node} {why_not}",
                "end that first, then run this notebook again",
            )
        doomed = kept.path
        if kept.state == "aside":
            doomed = kept.path_as("forsaking" if only_copy else "removing")
        answer = door.script(_REMOVE, kept.path, doomed, within=run.timeouts.clone, okay=range(256))
        if answer.status:
            raise NotAchieved(
                f"{doomed} on {kept.node} is not gone: "
                f"{answer.complaint or 'something is left of it'}",
                "mend the cause, then run this notebook again with the same words",
            )
        deed.say(f"removed {kept.path_as('aside')} for good")
