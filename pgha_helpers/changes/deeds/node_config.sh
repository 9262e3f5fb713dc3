# Give a copy what is the node's own, in place of what came with it. $1 the copy, $2 where the node's own lies, $3 how
# many kB of anything but its configuration are brought, $4 how many of the names that follow must go from the copy; the
# next $5 are its configuration, the rest is whatever else is its own. Done again it does the same again.
#
# Links stay links; modes are kept, and owners where this user may give them. Where not, nobody but this user may read:
# a key of root's that its group may read is refused by the server when it belongs to anybody else.
copy=$1 home=$2 most=$3 goes=$4 named=$5; shift 5
while [ "$goes" -gt 0 ]; do rm -rf --one-file-system -- "$copy/$1" || exit; shift; goes=$((goes - 1)); done
bring() {
  rm -rf --one-file-system -- "$copy/$1" && cp -a -- "$home/$1" "$copy/$1" || return
  if [ -n "$(find "$home/$1" ! -type l ! -uid "$(id -u)" -print -quit)" ]; then
    find "$copy/$1" ! -type l -exec chmod go= -- {} + || return
  fi
  find "$copy/$1" ! -type l -exec sync -- {} +
}
for name; do
  if [ "$named" -gt 0 ]; then named=$((named - 1)); bring "$name" || exit; continue; fi
  size=$(du -sk -- "$home/$name" 2>/dev/null) && [ "${size%%[!0-9]*}" -le "$most" ] && bring "$name" 2>/dev/null && continue
  rm -rf --one-file-system -- "$copy/$name" || exit
  printf '%s\n' "$name"
done
sync "$copy"
