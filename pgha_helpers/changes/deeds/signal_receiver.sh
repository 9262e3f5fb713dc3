# include each_process.sh
# Send the signals $2, such as "TERM CONT", to the walreceiver of the server in the data directory $1.
signals=$2
receiver() {
  title=
  read -r title < "$1/cmdline"
  case "$title" in *"walreceiver"*|*"wal receiver"*)
    for signal in $signals; do kill "-$signal" "${1#/proc/}" 2>/dev/null; done;;
  esac
}
each_process "$1" receiver
exit 0
