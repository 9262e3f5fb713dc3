# $1 data directory, $2 the node's own things: pg_rewind copies the other one's over them.
cd "$1" || exit
for own in "$2"/* "$2"/.[!.]*; do
  f=${own##*/}
  if [ -L "$own" ]; then [ "$(readlink -- "$own")" = "$(readlink -- "$f")" ] || echo "$f"
  elif [ -d "$own" ]; then diff -rq -- "$own" "$f" >/dev/null || echo "$f"
  elif [ -e "$own" ]; then { [ ! -L "$f" ] && cmp -s -- "$own" "$f"; } || echo "$f"; fi
done
for f in recovery.signal recovery.done; do [ ! -e "$f" ] || echo "$f"; done
