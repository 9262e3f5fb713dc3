# What a server would come up with, as its files are now, whatever runs there. $1 directory of PostgreSQL's programs,
# $2 data directory, or a copy of one, $3 its configuration file, $4 where the data directory lies in the end, $5 the
# directory that its start is told (-D); then settings: a name is asked, which takes a process, and name=value is known.
# Each answer is one line "word rest"; `refused` says why it would not come up.
programs=$1 data=${2%/} conf=$3 final=$4 dir=$5
shift 5
stage=$(mktemp -d "${TMPDIR:-/tmp}/pgha-start.XXXXXX" 2>/dev/null) && trap 'rm -rf -- "$stage"' EXIT
postgres() { timeout 10 "$programs/postgres" -c config_file="$conf" "$@"; }
ask() { postgres -D "$data" -c data_directory="$data" -C "$1" 2>/dev/null; }
get() { printf '%s\n' "$settings" | sed -n "s/^set $1 //p"; }
within() { case $1 in /*) echo "$1";; *) echo "$data/$1";; esac; }

# A rehearsal of the start. For a setting that is computed from the shared memory PostgreSQL 15 and newer do all that
# comes before it: libraries and certificates are loaded, too. It happens in a directory of links, because the lock of
# the real one is held by the server that runs. Older ones do not know that setting, and have only read their files.
asked=shared_memory_size_in_huge_pages where=$stage older=
if [ -n "$stage" ] && ln -s -- "$data"/* "$stage" 2>/dev/null; then rm -f -- "$stage/postmaster.pid"
else where=$data asked=max_connections; fi
told=$(postgres -D "$where" -c data_directory="$where" -c log_destination=stderr -c logging_collector=off \
  -c log_line_prefix= -c lc_messages=C -C "$asked" 2>&1)
status=$?
case $told in *"unrecognized configuration parameter \"$asked\""*) status=0 older=yes;; esac
if [ $status = 124 ]; then echo "refused a rehearsal of its start gives no answer within 10 s"
elif [ $status != 0 ]; then
  printf '%s\n' "$told" | while IFS= read -r line; do
    case $line in *"$stage"*) line=${line%%"$stage"*}$data${line#*"$stage"};; esac
    echo "refused $line"
  done
fi
[ $status = 0 ] || ask max_connections >/dev/null || exit 0  # its files cannot be read: then nothing is known

settings=$(for word; do
  case $word in *=*) echo "set ${word%%=*} ${word#*=}";; *) { value=$(ask "$word") && echo "set $word $value"; } & ;; esac
done; wait)
printf '%s\n' "$settings"

# What only a true start would find.
set -- $(stat -L -c '%u %a' -- "$data")
[ "$1" = "$(id -u)" ] || echo "refused $data does not belong to $(id -un), who starts it"
case $2 in *[0145]0) ;; *) echo "refused $data has the mode $2: 700 or 750 is asked for";; esac
echo "version $("$programs/postgres" -V)"
moved=$(postgres -D "$dir" -C data_directory 2>/dev/null)
[ "$moved" -ef "$data" ] || [ "$moved" -ef "$final" ] || echo "refused data_directory is set to $moved, not to $final"
running=$(get config_file)
[ -z "$running" ] || [ "$running" -ef "$conf" ] || echo "refused it runs by $running, and would start by $conf"
[ -r "$(get hba_file)" ] || echo "refused hba_file $(get hba_file) cannot be read"
sockets=$(get unix_socket_directories)
[ -z "$sockets" ] || printf '%s\n' "$sockets" | tr ',' '\n' | {
  while read -r place; do case $place in @*) exit;; *) [ ! -w "$place" ] || exit 0;; esac; done
  echo "refused no directory of unix_socket_directories ($sockets) can be written"
}
if [ "$(get logging_collector)" = on ]; then
  place=$(within "$(get log_directory)")
  [ -e "$place" ] || place=$(dirname -- "$place")
  [ -w "$place" ] || echo "refused log_directory $(get log_directory) cannot be written"
fi
memory() { sed -n "s/^$1: *\\([0-9]*\\).*/\\1/p" /proc/meminfo; }
needed=$(printf '%s\n' "$told" | tail -n 1)
case $needed in ''|*[!0-9]*) ;; *)
  there=$(memory HugePages_Total)
  if [ "$(get huge_pages)" = on ] && [ "$(get huge_page_size)" = 0 ] && [ "$needed" -gt "${there:-0}" ]; then
    echo "refused huge_pages is on, and $needed are needed where ${there:-0} are there"
  fi
  # What the kernel refuses at once: more than there is, with swap.
  all=$(($(memory MemTotal) + $(memory SwapTotal))) wanted=$((needed * $(memory Hugepagesize)))
  if [ "$(cat /proc/sys/vm/overcommit_memory)" != 1 ] && [ $wanted -gt $all ]; then
    echo "refused it needs $((wanted / 1024)) MB of shared memory, and this machine has $((all / 1024)) MB"
  fi;;
esac
[ -n "$older" ] || exit 0
if [ "$(ask ssl)" = on ]; then
  for name in ssl_cert_file ssl_key_file ssl_ca_file ssl_crl_file; do
    file=$(ask "$name")
    [ -z "$file" ] || [ -r "$(within "$file")" ] || echo "refused $name $file cannot be read"
  done
fi
for place in "$("$programs/pg_config" --pkglibdir 2>/dev/null)" "$programs/../lib" "$programs/../lib/postgresql"; do
  [ -e "$place/plpgsql.so" ] || continue
  ask shared_preload_libraries | tr -d ' "' | tr ',' '\n' | while read -r name; do
    case $name in '') continue;; '$libdir/'*) file=$place/${name#*/};; /*) file=$name;; *) file=$place/$name;; esac
    [ -e "$file" ] || [ -e "$file.so" ] || echo "refused there is no library $name of shared_preload_libraries"
  done
  break
done
exit 0
