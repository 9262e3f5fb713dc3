# After back.sh: the rest of the arguments is the single-user server. Whatever happens the directory comes back armed.
child=
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; back; exit 143' HUP INT TERM
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
[ ! -e "$aside/recovery.conf" ] || mv -f -- "$aside/recovery.conf" "$aside/recovery.conf.pgha"
rm -f -- "$aside/standby.signal" "$aside/postmaster.pid"
"$@" </dev/null &
child=$!
wait "$child"
status=$?
child=
back
exit "$status"
