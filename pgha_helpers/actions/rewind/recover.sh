# After back.sh: $1 pg_controldata; the rest of the arguments is the single-user server.
# Recovered, the directory keeps its other name; whatever else happens, it comes back armed.
controldata=$1 child=; shift
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; back; exit 143' HUP INT TERM
ready() { (cd "$1/pg_wal/archive_status" 2>/dev/null && ls | grep '\.ready$'); }
before=" $(ready "$data" | tr '\n' ' ')"
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
[ ! -e "$aside/recovery.conf" ] || mv -f -- "$aside/recovery.conf" "$aside/recovery.conf.pgha"
rm -f -- "$aside/standby.signal" "$aside/postmaster.pid"
"$@" </dev/null &
child=$!
wait "$child"
status=$?
child=
# The archiver was on only so that no WAL goes: what it has marked since was never meant for an archive.
for f in $(ready "$aside"); do
  case $before in *" $f "*) ;; *) rm -f -- "$aside/pg_wal/archive_status/$f";; esac
done
if [ "$status" = 0 ]; then
  "$controldata" -D "$aside" | grep -q 'cluster state: *shut down' || status=94
fi
[ "$status" = 0 ] || back
exit "$status"
