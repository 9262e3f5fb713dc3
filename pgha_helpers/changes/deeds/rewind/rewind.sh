# After flush.sh. $1 data directory, $2 where it lies, $3 its name meanwhile, $4 what was saved of it, $5 what is the
# source's own, $6 what is the node's own and was not saved, both one a line; then pg_rewind, which syncs nothing itself.
# It comes back only when all went well; else it stays aside, without a control file: nothing starts without one.
data=$1 from=$2 aside=$3 saved=$4 foreign=$5 more=$6; shift 6
spoil() {
  mv -f -- "$aside/global/pg_control" "$aside/global/pg_control.unusable"
  echo "A rewind of this directory did not end: never start it. $(date -u)" > "$aside/UNUSABLE"
  sync "$aside/global" "$aside"
}
each() { # $1 a command, for each line of stdin
  while IFS= read -r name; do [ -z "$name" ] || "$1" "$name" || return; done
}
put() { mv -T -- "$aside/$1" "$saved/own/$1"; } # by renaming, however large
fetch() { [ ! -e "$saved/own/$1" ] && [ ! -L "$saved/own/$1" ] || { drop "$1" && mv -T -- "$saved/own/$1" "$aside/$1"; }; }
drop() { rm -rf --one-file-system -- "$aside/$1"; }
restore() { drop "${1##*/}" && cp -a -- "$1" "$aside/"; }
child= flusher=
trap '[ -z "$flusher" ] || kill "$flusher"; [ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; spoil; exit 143' HUP INT TERM
find "$saved" ! -type l -exec sync -- {} + || exit 90
mv -T -- "$from" "$aside" && sync "$(dirname "$data")" || exit 91
printf '%s\n' "$more" | each put || { # nothing was overwritten yet
  printf '%s\n' "$more" | each fetch
  mv -T -- "$aside" "$from"
  exit 91
}
"$@" </dev/null &
child=$!
flush_meanwhile "$aside" &
flusher=$!
wait "$child"
status=$?
child=
kill "$flusher"
flusher=
[ "$status" = 0 ] || { spoil; exit "$status"; }
rm -f -- "$aside/recovery.signal" "$aside/standby.signal" "$aside/recovery.conf" "$aside/recovery.done" || exit 92
rm -rf -- "$aside"/pg_replslot/* || exit 92
printf '%s\n' "$foreign" | each drop || exit 92
printf '%s\n' "$more" | each fetch || exit 92
for own in "$saved"/own/* "$saved"/own/.[!.]*; do
  { [ ! -e "$own" ] && [ ! -L "$own" ]; } || restore "$own" || exit 92
done
for place in "$aside" "$aside/pg_wal" "$aside"/pg_tblspc/*; do
  [ ! -e "$place" ] || sync_all "$place" || exit 92
done
mv -T -- "$aside" "$data" && sync "$data" "$(dirname "$data")" || exit 93
