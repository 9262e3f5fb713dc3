# include each_process.sh
# include controldata.sh
# What a shell can tell of a node. $1 data directory, $2 directory of PostgreSQL's programs,
# $3 their major version.
# Each answer is one line "word rest", but for the control file, the history files and recovery.conf, which end with a
# line "end".
clock=$(date +%s.%N)
case $clock in *.[0-9]*) ;; *) clock=$(date +%s).5;; esac # BusyBox's knows whole seconds only
echo "clock $clock"
if [ ! -e "$1" ]; then
  # Whatever a rewind works on lies under another name, which no service starts.
  real=$(readlink -m -- "$1")
  for d in "$real".recovering-*; do
    [ -d "$d" ] && echo "unfinished $d" && echo "blank $1 is set aside as $d: it was recovered from its crash there, and no rewind followed" && exit 0
  done
  for d in "$real".rewinding-*; do
    [ -d "$d" ] && echo "blank $1 is set aside as $d: a rewind of it did not end, and it must never be started" && exit 0
  done
  echo "blank $1 does not exist"; exit 0
fi
if [ ! -d "$1" ]; then echo "blank $1 is not a directory"; exit 0; fi
if [ ! -r "$1" ] || [ ! -x "$1" ]; then
  owner=$(stat -c %U -- "$1")
  echo "owner $owner"
  echo "blank $1 cannot be entered by $(id -un): it is ${owner:-somebody}'s"; exit 0
fi

processes= files=
told() { processes="$processes ${1#/proc/}" files="$files $1/status $1/cmdline"; }
each_process "$1" told
if [ -n "$processes" ]; then
  printf 'process %s\n' $processes
  # Titles before 10, of which some is all that is known there, say "process". One program reads all: the shell takes a
  # system call for every byte, and those of a title lie in the memory of another (0.2 ms a title).
  grep -aoE '^State:.[Tt]|: startup .*(recovering|waiting for) .*|: wal (sender|receiver) process.*' $files 2>/dev/null |
  while read -r found; do
    pid=${found#/proc/} pid=${pid%%/*} title=${found#*/cmdline:}
    case $title in
      ": startup "*) title=${title##*recovering }; echo "recovering ${title##*waiting for }";;
      ": wal sender"*) echo "walsender $pid ${title#*process}";;
      ": wal receiver"*) echo "walreceiver is ${title#*process}";;
      *) echo "halted $pid";;
    esac
  done
fi
{ read -r _ && read -r _ && read -r _ && read -r port && echo "port $port"; } 2>/dev/null < "$1/postmaster.pid"
stat -f -c 'free %a %S' -- "$1" "$1/pg_wal/" 2>/dev/null # the second line is for WAL, where it has a place
for f in standby.signal recovery.signal recovery.conf; do [ -e "$1/$f" ] && echo "standby $f"; done
for f in promote fallback_promote; do [ -e "$1/$f" ] && echo "trigger $f"; done
# A server writes only that of an exclusive backup into its own directory. One of pg_basebackup or of pg_rewind came with
# the copy, whose start needs it.
[ ! -e "$1/backup_label" ] || grep -qxE 'BACKUP METHOD: (streamed|pg_rewind)' "$1/backup_label" || {
  label='without a name'
  while IFS= read -r line; do
    case $line in "LABEL: "*) label=${line#LABEL: };; esac
  done < "$1/backup_label"
  echo "label $label"
} 2>/dev/null
[ ! -r "$1/recovery.conf" ] || { echo recovery; cat "$1/recovery.conf"; echo; echo end; }

if [ ! -f "$1/PG_VERSION" ]; then
  if [ -z "$(ls -A "$1")" ]; then echo "blank $1 is empty"; else echo "blank $1 has no PG_VERSION: it is not a data directory"; fi
  exit 0
fi
wal= kept= half=
for f in "$1"/pg_wal/????????????????????????*; do [ -f "$f" ] && wal=$f && break; done
# A copy in place has no WAL until it is started. Before it gets its backup_label and then its control file, what it has
# come over lies aside, and that is no whole directory. Its note tells where.
if [ -s "$1/pgha-moved-aside" ] && [ ! -e "$1/global/pg_control" ]; then
  { read -r _ && IFS= read -r kept; } < "$1/pgha-moved-aside"
  half="half a copy, over what is kept in $kept"
elif [ -z "$wal" ] && grep -qs '^LABEL: pgha ' "$1/backup_label"; then half="a copy that was not started yet"
elif [ -z "$wal" ] && [ ! -e "$1/global/pg_control" ]; then
  for d in "$(readlink -f -- "$1")".aside-* "$1"/pgha[.-]aside-*; do
    [ ! -e "$d/global/pg_control" ] || [ -e "$d/PG_VERSION" ] || kept=$d
  done
  [ -z "$kept" ] || half="half a copy, over what is kept in $kept"
fi
# No WAL where every cluster has some is no sign that it wrote none: its disk may not be mounted.
if [ -n "$half" ]; then echo "half $half"
elif [ -z "$wal" ]; then
  place="$1/pg_wal"
  [ ! -L "$place" ] || place="$place leads to $(readlink -- "$place"), which"
  if [ ! -d "$1/pg_wal/" ]; then echo "nowal $place is not there: is its disk mounted?"
  elif [ ! -r "$1/pg_wal/" ] || [ ! -x "$1/pg_wal/" ]; then echo "nowal $place cannot be entered by $(id -un)"
  else echo "nowal $place holds no WAL: is its disk mounted?"; fi
fi
if [ ! -x "$2/postgres" ]; then echo "blank there is no $2/postgres: bin_directory is wrong"; exit 0; fi
read -r made < "$1/PG_VERSION"
if [ "$made" != "$3" ]; then echo "blank $1 was made by PostgreSQL $made, but $2 holds $3"; exit 0; fi
# When it was armed (the change of the file's place or owner counts), and last written; the newest history is the last.
cd "$1" && stat -c 'dated %n %z %y' standby.signal recovery.conf global/pg_control pg_wal/*.history 2>/dev/null
if control=$(controldata "$1" "$2"); then echo control; printf '%s\nend\n' "$control"
else echo "blank $1: $(printf '%s' "$control" | tr '\n' ' ')"; fi
for f in "$1"/pg_wal/*.history; do # by what the shell has itself: a program for each takes a third of the whole look
  if [ -f "$f" ]; then
    name=${f##*/}
    echo "history ${name%.history}"
    while IFS= read -r line; do printf '%s\n' "$line"; done < "$f"
    printf '%s\nend\n' "$line" # the last one may lack its newline
  fi
done
exit 0
