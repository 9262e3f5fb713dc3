# expanded PATH: a path of the pair file, with `~` as the home of PostgreSQL's user: sudo may keep the caller's HOME.
expanded() {
  case $1 in "~"*) set -- "$(getent passwd "$(id -un)" | cut -d: -f6)${1#\~}";; esac
  printf '%s\n' "$1"
}
