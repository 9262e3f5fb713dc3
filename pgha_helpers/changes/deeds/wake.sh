# include each_process.sh
# The startup process of the server in the data directory $1 looks round.
wake() {
  title=
  read -r title < "$1/cmdline"
  case "$title" in *": startup "*) kill -HUP "${1#/proc/}" 2>/dev/null;; esac
}
each_process "$1" wake
exit 0
