# Whether PostgreSQL can be reached from here. $1 directory of pg_isready or empty, $2 seconds; then, for each node,
# its name, host and port. Each answer is one line: node, "sql" or "tcp", the program that was used, its exit status,
# its words. Statuses of sql are pg_isready's: 0 accepts, 1 rejects, 2 no response; of tcp 0 is a connection.
unset $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p')
patience=$2
isready=
# Debian puts a wrapper on the PATH, in Perl, that takes 0.3 s: the program itself is looked for first.
for program in "$1/pg_isready" /usr/lib/postgresql/*/bin/pg_isready /usr/pgsql-*/bin/pg_isready; do
  [ -x "$program" ] && { isready=$program; break; }
done
[ -n "$isready" ] || isready=$(command -v pg_isready)
shift 2
set -f  # words are split, to be one line, and nothing in them is a pattern

line() { printf '%s\n' "$*"; }

sql() {
  if [ -z "$isready" ]; then echo "$1 sql none 3 there is no pg_isready here"; return; fi
  words=$("$isready" -h "$2" -p "$3" -t "$patience" 2>&1)
  status=$?
  line "$1 sql pg_isready $status" $words
}

# A program that fails may be one that does not know the option: its words must say that nobody took the connection.
told() {
  case "$2" in
    0) ;;
    124) words="timed out";;
    *) case "$words" in *[Rr]efused*|*timed\ out*|*[Tt]imeout*|*unreachable*|*[Nn]o\ route*) ;; *) return 1;; esac;;
  esac
  line "$node tcp $1 $2" $words
}

tcp() {
  node=$1
  if command -v nc >/dev/null; then
    words=$(nc -v -z -w "$patience" "$2" "$3" 2>&1 </dev/null); told nc $? && return
  fi
  if command -v bash >/dev/null && command -v timeout >/dev/null; then
    words=$(timeout "$patience" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1); told bash $? && return
  fi
  if command -v python3 >/dev/null; then
    words=$(python3 -I -c 'import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
except OSError as error: sys.exit(str(error))' "$2" "$3" "$patience" 2>&1); told python3 $? && return
  fi
  line "$node tcp none 3" ${words:-there is no nc, bash or python3 here}
}

while [ $# -ge 3 ]; do
  sql "$1" "$2" "$3" &
  tcp "$1" "$2" "$3" &
  shift 3
done
wait
