# The last record of a segment that starts at or before a position: both are told with eight digits after the slash.
# With -e pg_waldump would leave out a record that ends beyond it.
at=$1; shift
"$@" 2>/dev/null | awk -v at="$at" '
  match($0, /lsn: [0-9A-F]+\/[0-9A-F]+/) {
    lsn = substr($0, RSTART + 5, RLENGTH - 5)
    if (lsn "" > at "") exit
    last = lsn
  }
  END { print last }'
