# include each_process.sh
# The startup process of the server in the data directory $1 looks round. A child that it begins for restore_command has
# its title until it is another program, and SIGHUP would end that: then the server ends, too (seen on 9.0.0, in the
# middle of a promotion). The startup process is a child of the postmaster, whose title says nothing of it.
wake() {
  title= parent=
  read -r title < "$1/cmdline"
  case "$title" in *": startup "*) ;; *) return;; esac
  while read -r word value; do [ "$word" != PPid: ] || parent=$value; done < "$1/status"
  title=
  read -r title < "/proc/$parent/cmdline"
  case "$title" in *": startup "*) ;; *) kill -HUP "${1#/proc/}";; esac
} 2>/dev/null
each_process "$1" wake
exit 0
