# include expanded.sh
# Where a copy of the primary would lie on this node, or be made over what is there, what is in the way, and what dead
# runs have left. $1 data directory, $2 the name of the directory that this version makes in a tablespace, $3 "same" if
# what is in the data directory is of the primary's system, $4 the primary's timeline as eight digits, $5 "half" if what
# is there is half a copy by rsync, $6 state directory; then pairs: the oid and the location of a tablespace. An answer
# is a line "word rest"; a part begins with its path. An "obstacle" is in the way of a copy beside, "here" in the way of
# work on what is there.
data=$(readlink -m -- "$1") version=$2 same=$3 timeline=$4 half=$5 state=$(expanded "$6")
shift 6
any='[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
moment='????????T??????Z'

mounted() { # a bind mount of the same file system shows its device, and cannot be renamed either
  [ -e "$1" ] && { mountpoint -q -- "$1" 2>/dev/null || [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]; }
}
there() { # the nearest directory above that exists
  there=$1
  while [ ! -e "$there" ]; do there=$(dirname -- "$there"); done
}
tell() { [ -z "$2" ] || echo "$1 $2"; }
why_not_written() { # what keeps us from making files in a directory that exists
  if [ ! -d "$1" ]; then echo "$1 is not a directory"
  elif [ -w "$1" ] && [ -x "$1" ]; then :
  elif findmnt -nro OPTIONS -T "$1" 2>/dev/null | tr , '\n' | grep -qx ro; then echo "$1 is mounted read-only"
  else echo "$(id -un) may not write in $1"; fi
}
may_write() {
  there "$1"
  tell obstacle "$(why_not_written "$there")"
}
room() { # $2 what is there and would be written over
  there "$1"
  echo "device $(stat -c %d -- "$there")"
  echo "free $(stat -f -c '%a %S' -- "$there")"
  [ ! -d "$2" ] || echo "there $(du -skx --exclude=pg_wal -- "$2" 2>/dev/null | cut -f 1)"
}
inside() { case $1/ in "$data"/*) echo "obstacle $1 lies inside the data directory, which is renamed as a whole"; esac; }
renamed() { # must be renamed within its parent
  if mounted "$1"; then echo "mounted yes"; echo "obstacle $1 is a mount point, which cannot be renamed"; else may_write "$(dirname -- "$1")"; fi
}
room_of() { # of what is renamed, unless it has room of its own
  if mounted "$1"; then room "$1" "$2"; else room "$(dirname -- "$1")" "$2"; fi
}

there "$state"
tell state "$(why_not_written "$there")"

echo "data $data"
renamed "$data"
room_of "$data" "$data"
if [ -e "$data" ]; then there=$data; else there "$(dirname -- "$data")"; fi
tell here "$(why_not_written "$there")"
# What rsync could not make like the primary's: it would find out half-way.
(cd "$data" 2>/dev/null && find . -mindepth 1 \( -path ./pg_wal -o -path ./log -o -path ./pg_log -o -path ./conf.d \) -prune \
  -o \( -type d ! -writable -o -path './*/*' ! -type l ! -uid "$(id -u)" \) -printf 'foreign %P\n' 2>/dev/null | head -n 50)

# Where a link leads to nothing of what it should, a disk may be mounted later, over whatever was made there meanwhile.
has_wal() { for segment in "$1"/????????????????????????*; do [ -f "$segment" ] && return; done; return 1; }
wal=
if [ -L "$data/pg_wal" ] || mounted "$data/pg_wal"; then
  wal=$(readlink -m -- "$data/pg_wal")
  if [ "$half" ] || has_wal "$wal"; then
    echo "wal $wal"
    [ ! -L "$data/pg_wal" ] || inside "$wal"
    renamed "$wal"
    room_of "$wal"
    tell here "$(why_not_written "$wal")"
  else
    echo "left $wal"
    wal=
  fi
fi

halves_of() { # $1 beside what
  for each in "$1".clone-$any; do
    if [ -d "$each" ] && [ ! -L "$each" ]; then half "$each" "${each##*-}"; fi
  done
}
used() { ls -l /proc/[0-9]*/cwd /proc/[0-9]*/fd 2>/dev/null | grep -qF -- " -> $1"; }
other_wal() { # WAL of another timeline may be all that is left of a primary that was
  for segment in "$1"/????????????????????????; do
    case $segment in "$1"/"$timeline"*|"$1/????????????????????????") ;; *) return 0;; esac
  done
  return 1
}
half() { # $1 directory, $2 run: our own, never started nor moved in, and without WAL of another timeline
  [ -O "$1" ] || return
  for swap in "$data".swap-$moment-"$2"; do if [ -e "$swap" ]; then return; fi; done
  if used "$1" || other_wal "$1" || other_wal "$1/pg_wal"; then return; fi
  whole=$data.clone-$2
  if [ -e "$whole/postmaster.opts" ] || [ -e "$whole/postmaster.pid" ]; then return; fi
  if [ -e "$whole/global/pg_control" ] && [ ! -e "$whole/backup_label" ]; then return; fi
  for link in "$data"/pg_wal "$data"/pg_tblspc/*; do
    if [ -L "$link" ] && [ "$link" -ef "$1" ]; then return; fi
  done
  kilobytes=$(du -sk -- "$1" 2>/dev/null) || return  # what cannot be read may be anything
  echo "half ${kilobytes%%[!0-9]*} $(stat -c %d -- "$1") $1"
}
halves=$(
  halves_of "$data"
  if [ -n "$wal" ]; then halves_of "$wal"; fi
)

has_tables() { for each in "$1"/PG_*; do [ -d "$each" ] && return; done; return 1; }
both() { echo "obstacle $1"; echo "here $1"; }
while [ $# -gt 1 ]; do
  place=$2 own=$data/pg_tblspc/$1
  if [ "$same" = same ] && [ -L "$own" ]; then
    place=$(readlink -- "$own")
    # a swap that died has relinked it, and the old directory was moved back by hand
    case $place in *.aside-$moment-$any) place=${place%.aside-*};; esac
  fi
  echo "tablespace $place"
  home=$(readlink -m -- "$place")
  inside "$home"
  for link in "$data"/pg_tblspc/*; do
    if [ -z "$half" ] && [ -L "$link" ] && [ "$(readlink -m -- "$link")" = "$home" ] && ! has_tables "$home"; then
      both "$link leads to $home, which holds no tablespace: mount its disk. If that is gone for good, remove the link"
    fi
  done
  if [ -L "$own" ]; then there "$(readlink -m -- "$own")/$version"; else there "$(dirname -- "$place")"; fi
  tell here "$(why_not_written "$there")"
  may_write "$place"
  if [ -e "$place/$version" ]; then
    own=
    for link in "$data"/pg_tblspc/*; do if [ -L "$link" ] && [ "$link" -ef "$place" ]; then own=own; fi; done
    if [ -z "$own" ]; then echo "obstacle $place/$version is there, and is no tablespace of $data: find out whose it is, and move it away"
    elif mounted "$place/$version"; then echo "obstacle $place/$version is a mount point, which cannot be renamed"
    elif mounted "$home"; then echo "obstacle $home is a mount point, so its old content cannot be moved out within its file system"
    else may_write "$(dirname -- "$home")"; fi
  fi
  room "$place" "$place/$version"
  halves=$halves'
'$(halves_of "$place/$version")
  shift 2
done
printf '%s\n' "$halves"
for each in "$data".swap-$moment-$any; do if [ -d "$each" ]; then echo "begun $each"; fi; done
exit 0
