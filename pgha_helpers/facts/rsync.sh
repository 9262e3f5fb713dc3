# The same directory is told by the kernel that runs there and by device and inode: two containers on one machine may
# well have two directories under one path, and even two copies of one cluster in them.
ids() { stat -L -c %d:%i -- "$1" "$1/global/pg_control" 2>/dev/null | tr '\n' ' '; }
echo "boot $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
echo "directory $(ids "$1")"
echo "own $(ids "${2:-/dev/null}")"
[ ! -r "$1/backup_label" ] || sed -n 's/^LABEL: /label /p' "$1/backup_label"
if [ -r "$1/PG_VERSION" ] && [ -r "$1/global/pg_control" ] && [ -x "$1/base" ]; then
  echo "readable yes"
fi
echo "rsync $(rsync --version 2>/dev/null | awk 'NR == 1 { print $3 }')"
