# The line of the last record of a segment that starts at or before a position, told with eight digits after the slash.
# $1 position, $2 the folder, $3 names, of which the first that is there is read; then the program. With -e pg_waldump
# would leave out a record that ends beyond it.
at=$1 wal=$2 names=$3; shift 3
for name in $names; do
  [ -f "$wal/$name" ] || continue
  "$@" -p "$wal" "$name" 2>/dev/null | awk -v at="$at" '
    match($0, /lsn: [0-9A-F]+\/[0-9A-F]+/) {
      if (substr($0, RSTART + 5, RLENGTH - 5) "" > at "") exit
      last = $0
    }
    END { print last }'
  exit
done
