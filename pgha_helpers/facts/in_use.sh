# Whose this directory is, and on a second line why nobody should remove it now, or nothing. $1 the directory, $2 the
# live data directory.
stat -c %U -- "$1" || exit
if [ "$(stat -c %d -- "$1")" != "$(stat -c %d -- "$1/..")" ]; then
  echo "it is a mount point"; exit 0
fi
real=$(readlink -f -- "$1")
for l in "$2" "$2/pg_wal" "$2"/pg_tblspc/*; do
  case "$(readlink -f -- "$l" 2>/dev/null)/" in "$real"/*) echo "it is used by $l"; exit 0;; esac
done
find /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/fd -maxdepth 1 -type l   -exec readlink -- {} + 2>/dev/null |
  real=$real awk '
    $0 == ENVIRON["real"] || index($0, ENVIRON["real"] "/") == 1 {
      print "it is open by a process: " $0; exit }'
exit 0
