# A kept directory lies beside the one that took its place: the data directory, its WAL, each of its tablespaces.
# Where that is a mount point, or nobody may make anything beside it, it lies inside. Segments that were never
# archived are kept beside the data directory, too, and what a rewind would have overwritten or has left half done. $1
# data directory, $2 seconds that counting one may take, or nothing.
data=$(readlink -m -- "$1") seconds=$2
beside() {
  for d in "$1".aside-* "$1".removing-* "$1".forsaking-* \
    "$1"/pgha.aside-* "$1"/pgha.removing-* "$1"/pgha.forsaking-*; do
    if [ ! -d "$d" ] || [ -L "$d" ]; then continue; fi
    count=
    [ -z "$seconds" ] || count=$(timeout "$seconds" du -skx -- "$d" 2>/dev/null | cut -f1)
    echo "${count:--} $d"
  done
}
for home in "$data" "$data.unarchived" "$data.before-rewind" "$data.half-rewound"; do beside "$home"; done
for l in "$1/pg_wal" "$1"/pg_tblspc/*; do [ ! -L "$l" ] || beside "$(readlink -f -- "$l")"; done
exit 0
