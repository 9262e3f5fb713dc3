set -e
cd "$1"
rm -f -- "$3" "$4"
mv -T -- "$2/global/pg_control" global/pg_control
rmdir -- "$2/global" "$2"
sync global/pg_control global .
