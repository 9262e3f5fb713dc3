# The trigger file that a standby's definition names, if it exists. $1 data directory, $2 the file; or nothing, $3 postgres
# and $4 where its configuration is. A path may be relative. To ask postgres takes 20 ms, and what we write into
# postgresql.auto.conf overrules all others.
cd "$1" || exit
file=$2
if [ -n "$3" ] && ! grep -qsx "promote_trigger_file = ''" postgresql.auto.conf; then
  file=$("$3" -D "$4" -C promote_trigger_file 2>/dev/null)
fi
[ -z "$file" ] || [ ! -e "$file" ] || printf '%s' "$file"
