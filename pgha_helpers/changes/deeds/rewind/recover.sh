# After back.sh: $1 pg_controldata, $2 links of the node's own, one a line; the rest of the arguments is the single-user
# server, and nothing where the node ended cleanly.
# The directory keeps its other name, recovered and without those links; whatever else happens, it comes back armed.
controldata=$1 links=$2 child=; shift 2
trap '[ -z "$child" ] || { kill -TERM "$child"; wait "$child"; }; back; exit 143' HUP INT TERM
ready() { (cd "$1/pg_wal/archive_status" 2>/dev/null && ls | grep '\.ready$'); }
flat() { # pg_rewind takes no link for a file, and refuses where the source has one: each becomes what it leads to
  while IFS= read -r link; do
    [ -n "$link" ] || continue
    if [ -f "$aside/$link" ]; then cp -pL --remove-destination -- "$(readlink -f -- "$aside/$link")" "$aside/$link"
    else rm -f -- "$aside/$link"; fi || return
  done
}
before=" $(ready "$data" | tr '\n' ' ')"
mv -T -- "$data" "$aside" && sync "$(dirname "$data")" || exit 91
status=0
if [ $# -gt 0 ]; then
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
    "$controldata" "$aside" | grep -q 'cluster state: *shut down' || status=94
  fi
fi
[ "$status" != 0 ] || flat <<LINKS || status=95
$links
LINKS
[ "$status" = 0 ] || back
exit "$status"
