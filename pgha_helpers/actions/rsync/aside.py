"""What a copy in place must not meet: the target's own control file, WAL and slots, moved aside and kept."""

from __future__ import annotations

from datetime import UTC, datetime

from ...model.kept import STAMP
from ...run import Run
from ...wire.doors import Door

#: The control file goes first: without it nobody can start what is there, and it is seen as no cluster. What is moved
#: stays on its file system; where the directory is a mount point (its parent is another one), inside it. A
#: backup_label of ours is that of a copy which did not get its control file.
_ASIDE = """
set -e
cd "$1"
stamp=$2
mounted() { # a bind mount of the same file system shows its device, and a move out of it would copy
  mountpoint -q -- "$1" 2>/dev/null || [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]
}
place() { if mounted "$1"; then printf '%s\\n' "$1/pgha-$stamp"; else printf '%s\\n' "$1.$stamp"; fi; }
keep() {
  if [ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name 'pgha-*' ! -name lost+found ${2:+! -name $2} -print -quit)" ]
  then return; fi
  mkdir -p -- "$3"
  find "$1" -mindepth 1 -maxdepth 1 ! -name 'pgha-*' ! -name lost+found ${2:+! -name $2} -exec mv -t "$3" -- {} +
  sync -f "$3"
}
home=$(place "$1")
to=$home/pg_wal
if [ -e global/pg_control ]; then
  mkdir -p -- "$home/global"
  mv -T global/pg_control "$home/global/pg_control"
  sync -f global "$home/global"
fi
if [ -d pg_wal ]; then
  wal=$(readlink -f pg_wal)
  if [ -L pg_wal ] || mounted "$wal"; then to=$(place "$wal"); fi
  keep "$wal" archive_status "$to"
  if [ -d "$wal/archive_status" ]; then keep "$wal/archive_status" '' "$to/archive_status"; fi
fi
if [ -d pg_replslot ]; then keep pg_replslot '' "$home/pg_replslot"; fi
if grep -qs '^LABEL: pgha ' backup_label; then rm -f backup_label tablespace_map; fi
for file in recovery.signal recovery.done promote fallback_promote backup_manifest backup_label tablespace_map; do
  if [ -e "$file" ]; then mkdir -p -- "$home"; mv -T "$file" "$home/$file"; fi
done
sync -f .
for kept in "$home" "$to"; do
  case "$kept" in "$home"/*) ;; *) if [ -e "$kept" ]; then printf '%s\\n' "$kept"; fi;; esac
done
"""


def move_aside(run: Run, name: str, target: str) -> None:
    """Move what would be replayed, or would let half a copy start, to a place beside that is never deleted.

    May be run again: what an earlier run has moved is left where it is.
    """
    stamp = f"aside-{datetime.now(UTC):{STAMP}}-{run.id}"
    with run.deed(name, f"move the WAL and the control file of {target} aside") as deed:
        kept = move(run.doors[name], target, stamp)
        if kept:
            deed.say(f"moved WAL and control file aside, kept in {' and '.join(kept)}")
        else:
            deed.already("there was no WAL and no control file to move aside")


def move(door: Door, target: str, stamp: str) -> list[str]:
    """Do it, and give the directories that hold what was moved."""
    return door.script(_ASIDE, target, stamp, within=door.patience).lines
