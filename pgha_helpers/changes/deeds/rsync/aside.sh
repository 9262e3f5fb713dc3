# Move aside what a copy in place must not meet. $1 the data directory, $2 a name for what is kept, $3 the name of a note.
#
# The control file goes first: without it nobody can start what is there, and it is seen as no cluster. The note tells
# whoever comes after a death where it is: from then on what is there is half a copy. What is moved stays on its file
# system; where the directory is a mount point, or nothing may be made beside it, inside it. Where a move fails all
# comes back: no way that was open is closed. A backup_label of ours is that of a copy which did not get its control file.
set -e
cd "$1"
stamp=$2 note=$3
mounted() { # a bind mount of the same file system shows its device, and a move out of it would copy
  mountpoint -q -- "$1" 2>/dev/null || [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]
}
place() {
  if mounted "$1" || [ ! -w "$1/.." ]; then printf '%s\n' "$1/pgha.$stamp"; else printf '%s\n' "$1.$stamp"; fi
}
theirs() { # do with each thing in the directory $1 that is not ours, nor named $2
  home_of=$1 spare=${2:-lost+found}
  shift 2
  find "$home_of" -mindepth 1 -maxdepth 1 ! -name 'pgha[.-]*' ! -name lost+found ! -name "$spare" "$@"
}
moved=0
going() { moved=$((moved + 1)); eval "from$moved=\$1 to$moved=\$2"; }
back() {
  [ "$?" -ne 0 ] || return 0
  while [ "$moved" -gt 0 ]; do
    eval "from=\$from$moved there=\$to$moved"
    if [ -d "$from" ]; then find "$there" -mindepth 1 -maxdepth 1 -exec mv -n -t "$from" -- {} + || exit
    elif [ -e "$there" ]; then mv -T -- "$there" "$from" || exit; fi
    moved=$((moved - 1))
  done
  rm -f -- "$note"
  find "$home" "$to" -depth -type d -empty -delete 2>/dev/null || :
  sync -f .
}
file() { # $1 below here to $2
  if [ ! -e "$1" ]; then return; fi
  mkdir -p -- "${2%/*}"
  going "$1" "$2"
  mv -T -- "$1" "$2"
}
keep() { # what the directory $1 holds, but for $2, to $3
  if [ -z "$(theirs "$1" "$2" -print -quit)" ]; then return; fi
  mkdir -p -- "$3"
  going "$1" "$3"
  theirs "$1" "$2" -exec mv -t "$3" -- {} +
  sync -f "$3"
}

# what an earlier run has moved that died stays where it is, and the rest follows
if [ -s "$note" ] && [ ! -e global/pg_control ]; then read -r stamp < "$note"; else trap back EXIT; fi
home=$(place "$1")
to=$home/pg_wal wal=
if [ -d pg_wal ]; then
  wal=$(readlink -f pg_wal)
  if [ -L pg_wal ] || mounted "$wal"; then to=$(place "$wal"); fi
fi
if [ -e global/pg_control ]; then
  printf '%s\n%s\n' "$stamp" "$home" > "$note"
  sync "$note" .
  file global/pg_control "$home/global/pg_control"
  sync -f global "$home/global"
fi
if [ -n "$wal" ]; then
  keep "$wal" archive_status "$to"
  if [ -d "$wal/archive_status" ]; then keep "$wal/archive_status" '' "$to/archive_status"; fi
fi
if [ -d pg_replslot ]; then keep pg_replslot '' "$home/pg_replslot"; fi
if grep -qs '^LABEL: pgha ' backup_label; then rm -f backup_label tablespace_map; fi
for name in recovery.signal recovery.done promote fallback_promote backup_manifest backup_label tablespace_map; do
  file "$name" "$home/$name"
done
sync -f .
for kept in "$home" "$to"; do
  case "$kept" in "$home"/*) ;; *) if [ -e "$kept" ]; then printf '%s\n' "$kept"; fi;; esac
done
