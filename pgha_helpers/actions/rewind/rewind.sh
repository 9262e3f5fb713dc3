# After flush.sh. $1 data directory, $2 where it lies, $3 its name meanwhile, $4 what was saved of it; then pg_rewind,
# which syncs nothing itself. It comes back only when all went well; else it stays aside, without a control file: nothing
# starts without one.
data=$1 from=$2 aside=$3 saved=$4; shift 4
spoil() {
  mv -f -- "$aside/global/pg_control" "$aside/global/pg_control.unusable"
  echo "A rewind of this directory did not end: never start it. $(date -u)" > "$aside/UNUSABLE"
  sync "$aside/global" "$aside"
}
child= flusher=
trap '[ -z "$flusher" ] || kill "$flusher"; [ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; spoil; exit 143' HUP INT TERM
find "$saved" -exec sync -- {} + || exit 90
mv -T -- "$from" "$aside" && sync "$(dirname "$data")" || exit 91
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
cp -p -- "$saved"/own/* "$aside/" || exit 92
for place in "$aside" "$aside/pg_wal" "$aside"/pg_tblspc/*; do
  [ ! -e "$place" ] || sync_all "$place" || exit 92
done
mv -T -- "$aside" "$data" && sync "$data" "$(dirname "$data")" || exit 93
