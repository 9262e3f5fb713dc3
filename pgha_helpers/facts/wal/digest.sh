# include sha256.sh
# Bytes of the first of these files that is there and begins with the page of its place, as a digest: one that was made
# ahead holds other WAL yet, or none. $1 data directory, $2 the first byte, counted from 1, $3 how many, $4 and $5 the
# words of that page's address, of which the high one comes first before 9.3; then names.
cd "$1/pg_wal" || exit 1
from=$2 count=$3 high=$4 low=$5; shift 5
for file; do
  case $(od -A n -t x4 -j 8 -N 8 -- "$file" 2>/dev/null | tr -d ' ') in "$high$low"|"$low$high")
    tail -c "+$from" "$file" | head -c "$count" | sha256; exit;;
  esac
done
exit 2
