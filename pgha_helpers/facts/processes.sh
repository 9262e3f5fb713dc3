# include each_process.sh
# The processes of the server in the data directory $1, by their titles: "pid title".
told() {
  title=$(tr '\0\n' '  ' < "$1/cmdline" 2>/dev/null) && printf '%s %s\n' "${1#/proc/}" "$title"
}
each_process "$1" told
:
