# $1 the directory, then the program.
directory=$1; shift
"$@" &
program=$!
flush_meanwhile "$directory" &
flusher=$!
wait "$program"
status=$?
kill "$flusher"
exit "$status"
