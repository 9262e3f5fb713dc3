# Whether a server that does not answer us answers on its own machine. $1 data directory, $2 pg_isready, $3 seconds.
# Its words and exit status are pg_isready's; 4 with words where there is nobody to ask.
unset $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p')
[ -r "$1/postmaster.pid" ] || { echo "there is no postmaster.pid"; exit 4; }
pid=$(sed -n 1p "$1/postmaster.pid")
[ "/proc/$pid/cwd" -ef "$1" ] || { echo "its postmaster is gone"; exit 4; }
while read -r key state _; do
  [ "$key" = State: ] || continue
  case "$state" in T|t) echo "its postmaster is stopped by a signal (SIGSTOP)"; exit 4;; esac
  break
done < "/proc/$pid/status"
port=$(sed -n 4p "$1/postmaster.pid")
host=$(sed -n 5p "$1/postmaster.pid")
[ -n "$host" ] || host=$(sed -n 6p "$1/postmaster.pid")
case "$host" in "*"|"") host=localhost;; esac
exec "$2" -h "$host" -p "$port" -t "$3"
