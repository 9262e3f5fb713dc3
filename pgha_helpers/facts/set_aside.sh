# A kept directory lies beside the one that took its place: the data directory, its WAL, each of its tablespaces.
# Where that is a mount point, or nobody may make anything beside it, it lies inside. Segments that were never
# archived are kept beside the data directory, too, and what a rewind would have overwritten or has left half done. $1
# data directory, $2 seconds that counting one may take, or nothing.
data=$(readlink -m -- "$1")
{
  echo "$data"
  echo "$data.unarchived"
  echo "$data.before-rewind"
  echo "$data.half-rewound"
  for l in "$1/pg_wal" "$1"/pg_tblspc/*; do [ ! -L "$l" ] || readlink -f -- "$l"; done
} |
sort -u | while IFS= read -r home; do
  for d in "$home".aside-* "$home".removing-* "$home".forsaking-*     "$home"/pgha.aside-* "$home"/pgha.removing-* "$home"/pgha.forsaking-*; do
    if [ ! -d "$d" ] || [ -L "$d" ]; then continue; fi
    count=
    [ -z "$2" ] || count=$(timeout "$2" du -skx -- "$d" 2>/dev/null | cut -f1)
    echo "${count:--} $d"
  done
done
exit 0
