# include each_process.sh
# Send the signals $2, such as "TERM CONT", to the walreceiver of the server in the data directory $1.
signals=$2 files=
told() { files="$files $1/cmdline"; }
each_process "$1" told
# By one program: the shell takes a system call for every byte of a title.
for file in $(grep -laE 'wal ?receiver' $files < /dev/null); do
  process=${file%/cmdline}
  for signal in $signals; do kill "-$signal" "${process#/proc/}"; done
done 2>/dev/null
exit 0
