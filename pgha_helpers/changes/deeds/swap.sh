# Move a copy in. $1 the data directory, $2 the run that made the copy, $3 when the swap began, as YYYYMMDDTHHMMSSZ.
#
# It may die after any line and be run again with the same words: what is on the disk tells where it was.
#   data.clone-RUN        the copy, as long as nothing was begun
#   data.swap-WHEN-RUN    begun: from here on a rerun goes on instead of making a new copy
#   data.aside-WHEN-RUN   the old directory, with links to its own old tablespaces and WAL
# The data directory itself comes last: until then there is nothing that a server could be started in, so none can
# start with a link to somebody else's tablespace. In the old directory a link is turned before what it leads to is
# moved, so that it never leads to what is new.
#
# Where something fails, all that it did is undone in reverse, as far as that goes: the old directory comes back, and
# whatever is left undone looks as if it had died there.
set -e
data=$1 run=$2 aside=aside-$3-$2 new=$1.swap-$3-$2

is_there() { [ -e "$1" ] || [ -L "$1" ]; }
refuse() { echo "$*" >&2; exit 1; }
done=0
did() { done=$((done + 1)); eval "did$done=\$1 one$done=\$2 two$done=\$3"; }
move() { # within one file system, and never into or over something
  if is_there "$2"; then refuse "$2 is there already"; fi
  mv -T -- "$1" "$2"
  did move "$2" "$1"
  sync "$(dirname -- "$1")" "$(dirname -- "$2")"
}
turn() { # a symbolic link to another target, in one go
  was=$(readlink -- "$1")
  rm -f -- "$new.link"
  ln -s -- "$2" "$new.link"
  mv -fT -- "$new.link" "$1"
  did turn "$1" "$was"
  sync "$(dirname -- "$1")"
}
undo() {
  [ "$?" -ne 0 ] || return 0
  while [ "$done" -gt 0 ]; do
    eval "what=\$did$done one=\$one$done two=\$two$done"
    last=$done
    case $what in
      move) move "$one" "$two";;
      turn) turn "$one" "$two";;
      made) rmdir -- "$one";;
      removed) mkdir -m 700 -- "$one";;
    esac
    done=$((last - 1))
  done
  rm -f -- "$new.link"
}
trap undo EXIT

if [ -d "$data.clone-$run" ]; then move "$data.clone-$run" "$new"; fi
[ -d "$new" ] || refuse "there is no copy $data.clone-$run"

old=$data.$aside
if is_there "$data"; then
  if is_there "$old"; then refuse "both $data and $old are there: rename the one that is not wanted, keep the other as $data"; fi
  move "$data" "$old"
fi

for link in "$new"/pg_tblspc/*; do
  [ -L "$link" ] || continue
  place=$(readlink -- "$link")
  case $place in */PG_*.clone-"$run") place=${place%/*};; esac
  for fresh in "$place"/PG_*.clone-"$run"; do
    [ -d "$fresh" ] || continue
    version=${fresh##*/}
    version=${version%.clone-"$run"}
    if [ -e "$fresh/$version" ] && [ -e "$place/$version" ]; then
      kept=$(readlink -m -- "$place").$aside own=
      for theirs in "$old"/pg_tblspc/*; do
        if [ -L "$theirs" ]; then
          if [ "$theirs" -ef "$place" ] || [ "$(readlink -- "$theirs")" = "$kept" ]; then
            if ! is_there "$kept"; then
              mkdir -m 700 -- "$kept"
              did made "$kept"
            fi
            turn "$theirs" "$kept"
            own=own
          fi
        fi
      done
      [ -n "$own" ] || refuse "$place/$version is no tablespace of the old directory: find out whose it is, and move it away"
      move "$place/$version" "$kept/$version"
    fi
    turn "$link" "$place"
    if [ -e "$fresh/$version" ]; then move "$fresh/$version" "$place/$version"; fi
    rmdir -- "$fresh"
    did removed "$fresh"
  done
done

if [ -L "$new/pg_wal" ]; then
  wal=$(readlink -- "$new/pg_wal")
  wal=${wal%.clone-"$run"}
  if [ -d "$wal.clone-$run" ]; then
    if is_there "$wal"; then
      if ! [ -L "$old/pg_wal" ]; then refuse "$wal is not the WAL of the old directory: move it away"; fi
      turn "$old/pg_wal" "$wal.$aside"
      move "$wal" "$wal.$aside"
    fi
    turn "$new/pg_wal" "$wal"
    move "$wal.clone-$run" "$wal"
  fi
fi

sync "$new" "$new/pg_tblspc"
move "$new" "$data"
trap - EXIT
if [ -e "$old" ]; then
  echo "$old"
  for theirs in "$old"/pg_tblspc/* "$old/pg_wal"; do
    if [ -L "$theirs" ]; then case $(readlink -- "$theirs") in *."$aside") readlink -- "$theirs";; esac; fi
  done
fi
