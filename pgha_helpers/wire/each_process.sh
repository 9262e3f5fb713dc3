# each_process DIRECTORY COMMAND: calls `COMMAND /proc/PID` for each process of PostgreSQL there. One is PostgreSQL's
# if it works in this very directory and carries the name: the pid file is not to be trusted.
each_process() {
  for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef "$1" ] || continue
    name=
    read -r name < "$process/comm" 2>/dev/null
    case $name in postgres|postmaster) "$2" "$process";; esac
  done
}
