# $1 data directory, $2 the time and the run. Done again it finds nothing to do.
for half in "$1".rewinding-*; do
  [ -d "$half" ] || continue
  [ ! -e "$half/global/pg_control" ] ||
    mv -f -- "$half/global/pg_control" "$half/global/pg_control.unusable"
  mv -T -- "$half" "$1.half-rewound.aside-$2" || exit 1
  sync "$(dirname "$1")"
  echo "$1.half-rewound.aside-$2"
  exit 0
done
