# $1 data directory, $2 directory of programs. One answer a line, "word rest".
its=$("$2/pg_rewind" --version 2>/dev/null) its=${its#*) }
server=$("$2/postgres" --version 2>/dev/null) server=${server#*) }
[ -n "$its" ] && echo program
[ -z "$its" ] || [ "$its" = "$server" ] || echo "another it is $its, and the server $server"
"$2/pg_controldata" "$1" | sed -n \
  -e "s/^wal_log_hints setting: *on$/hints/p" -e "s/^Data page checksum version: *1$/hints/p"
real=$(readlink -m -- "$1")
for link in "$real"/pg_tblspc/*; do [ -L "$link" ] && echo "tablespace $(basename "$link")"; done
cd "$real" && find . pg_wal/ pg_tblspc/*/ ! -type l ! -name postmaster.pid \
  \( ! -uid "$(id -u)" -o ! -writable -o \( ! -type f ! -type d \) \) \
  -printf 'strange %p\n' 2>/dev/null |
  sed 's: \./: :' | sort -u | head -n 50
exit 0
