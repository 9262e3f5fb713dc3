# $1 data directory, $2 where to, $3 the first segment that is kept, without its timeline.
set -e
umask 077
mkdir -p "$2/pg_wal" "$2/own"
cp -p -- "$1/global/pg_control" "$2/pg_control"
for f in postgresql.conf pg_hba.conf pg_ident.conf postgresql.auto.conf; do
  [ ! -f "$1/$f" ] || cp -p -- "$1/$f" "$2/own/$f"
done
for f in standby.signal recovery.signal recovery.conf backup_label; do
  [ ! -f "$1/$f" ] || cp -p -- "$1/$f" "$2/$f"
done
count=0
for path in "$1"/pg_wal/*; do
  f=${path##*/}
  case $f in
    *.history) cp -p -- "$path" "$2/pg_wal/";;
    *[!0-9A-F]*) ;;
    ????????????????????????)
      rest=${f#????????}
      if [ "$(printf '%s\n' "$3" "$rest" | LC_ALL=C sort | head -n 1)" = "$3" ]; then
        cp -p -- "$path" "$2/pg_wal/"; count=$((count + 1))
      fi;;
  esac
done
find "$2" -type f -exec sync {} +
sync "$2" "$2/pg_wal" "$2/own" "$(dirname "$2")"
echo "$count"
