# After flush.sh. $1 data directory, $2 its name meanwhile, $3 the node's own files, then pg_rewind. It comes back only
# when all went well; else it stays aside, without a control file: nothing starts without one.
data=$1 aside=$2 own=$3; shift 3
spoil() {
  mv -f -- "$aside/global/pg_control" "$aside/global/pg_control.unusable"
  echo "A rewind of this directory did not end: never start it. $(date -u)" > "$aside/UNUSABLE"
  sync "$aside/global" "$aside"
}
child= flusher=
trap '[ -z "$flusher" ] || kill "$flusher"; [ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; spoil; exit 143' HUP INT TERM
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
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
cp -p -- "$own"/* "$aside/" || exit 92
for f in "$own"/*; do sync "$aside/${f##*/}" || exit 92; done
sync "$aside" "$aside/pg_replslot" || exit 92
mv -T -- "$aside" "$data" && sync "$data" "$(dirname "$data")" || exit 93
