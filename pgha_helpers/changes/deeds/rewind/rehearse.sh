# The arguments are pg_rewind. Once it tells how much it would copy it has judged everything; all that is left of a
# rehearsal is to read that from the primary, as the rewind does again, so it is ended there.
{ sh -c 'echo "pid $$"; exec "$@"' sh "$@" --dry-run </dev/null; echo "status $?"; } 2>&1 | {
  pid= enough=
  while IFS= read -r line; do
    case $line in
      "pid "*) pid=${line#pid };;
      "status "*) exit "${enough:-${line#status }}";;
      *) [ "$enough" ] || printf '%s\n' "$line";;
    esac
    case $line in
      *"need to copy "*) enough=0; kill "$pid";;
    esac
  done
  exit 1
}
