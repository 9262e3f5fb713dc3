# What a server would come up with, as its files are now, whatever runs there. $1 directory of PostgreSQL's programs,
# $2 data directory, or a copy of one, $3 its configuration file, $4 where the data directory lies in the end, $5 the
# directory that its start is told (-D), or nothing where its server has told that these files lead to no other; then
# settings: a name is asked, which takes a process, and name=value is known.
# Each answer is one line "word rest"; `refused` says why it would not come up.
programs=$1 data=${2%/} conf=$3 final=$4 dir=$5
shift 5
stage=$(mktemp -d "${TMPDIR:-/tmp}/pgha-start.XXXXXX" 2>/dev/null) && trap 'rm -rf -- "$stage"' EXIT
postgres() { timeout 10 "$programs/postgres" -c config_file="$conf" "$@"; }
ask() { postgres -D "$data" -c data_directory="$data" -C "$1" 2>/dev/null; }
nl='
'
# get NAME: its value, in $value. No program is begun for that, nor for what follows, where the shell can do it itself:
# programs were two thirds of the time that this took.
get() {
  value=
  case $nl$settings in *"${nl}set $1 "*) value=$nl$settings$nl value=${value#*"${nl}set $1 "} value=${value%%"$nl"*};; esac
}
within() { case $1 in /*) value=$1;; *) value=$data/$1;; esac; }

# A rehearsal of the start. For a setting that is computed from the shared memory PostgreSQL 15 and newer do all that
# comes before it: libraries and certificates are loaded, too. It happens in a directory of links, because the lock of
# the real one is held by the server that runs. Older ones do not know that setting, and have only read their files.
asked=shared_memory_size_in_huge_pages where=$stage older=
link_all() {
  for file in "$data"/*; do [ "$file" = "$data/postmaster.pid" ] || set -- "$@" "$file"; done
  ln -s -- "$@" "$stage" 2>/dev/null
}
[ -n "$stage" ] && link_all || where=$data asked=max_connections
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
[ -O "$data" ] || echo "refused $data does not belong to $(id -un), who starts it"
mode=$(stat -L -c %a -- "$data")
case $mode in *[0145]0) ;; *) echo "refused $data has the mode $mode: 700 or 750 is asked for";; esac
echo "version $("$programs/postgres" -V)"
[ -z "$dir" ] || {
  moved=$(postgres -D "$dir" -C data_directory 2>/dev/null)
  [ "$moved" -ef "$data" ] || [ "$moved" -ef "$final" ] || echo "refused data_directory is set to $moved, not to $final"
}
get config_file
[ -z "$value" ] || [ "$value" -ef "$conf" ] || echo "refused it runs by $value, and would start by $conf"
get hba_file
[ -r "$value" ] || echo "refused hba_file $value cannot be read"
get unix_socket_directories
[ -z "$value" ] || printf '%s\n' "$value" | tr ',' '\n' | {
  while read -r place; do case $place in @*) exit;; *) [ ! -w "$place" ] || exit 0;; esac; done
  echo "refused no directory of unix_socket_directories ($value) can be written"
}
get logging_collector
if [ "$value" = on ]; then
  get log_directory
  told_place=$value
  within "$value"
  [ -e "$value" ] || value=$(dirname -- "$value")
  [ -w "$value" ] || echo "refused log_directory $told_place cannot be written"
fi
needed=${told##*"$nl"}
case $needed in ''|*[!0-9]*) ;; *)
  HugePages_Total=0 MemTotal=0 SwapTotal=0 Hugepagesize=0
  eval "$(sed -nE 's/^(HugePages_Total|MemTotal|SwapTotal|Hugepagesize): *([0-9]+).*/\1=\2/p' /proc/meminfo)"
  get huge_page_size
  size=$value
  get huge_pages
  if [ "$value" = on ] && [ "$size" = 0 ] && [ "$needed" -gt "$HugePages_Total" ]; then
    echo "refused huge_pages is on, and $needed are needed where $HugePages_Total are there"
  fi
  # What the kernel refuses at once: more than there is, with swap.
  all=$((MemTotal + SwapTotal)) wanted=$((needed * Hugepagesize)) overcommit=
  read -r overcommit < /proc/sys/vm/overcommit_memory
  if [ "$overcommit" != 1 ] && [ $wanted -gt $all ]; then
    echo "refused it needs $((wanted / 1024)) MB of shared memory, and this machine has $((all / 1024)) MB"
  fi;;
esac
[ -n "$older" ] || exit 0
if [ "$(ask ssl)" = on ]; then
  for name in ssl_cert_file ssl_key_file ssl_ca_file ssl_crl_file; do
    file=$(ask "$name")
    within "$file"
    [ -z "$file" ] || [ -r "$value" ] || echo "refused $name $file cannot be read"
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
