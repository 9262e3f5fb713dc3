# include each_process.sh
# The startup process of the server in the data directory $1 looks round. A child that it begins for restore_command has
# its title until it is another program, and SIGHUP would end that: then the server ends, too (seen on 9.0.0, in the
# middle of a promotion). The startup process is a child of the postmaster, whose title says nothing of it.
files=
told() { files="$files $1/cmdline"; }
each_process "$1" told
# By one program: the shell takes a system call for every byte of a title.
for file in $(grep -laF ': startup ' $files < /dev/null); do
  process=${file%/cmdline} title= parent=
  while read -r word value; do [ "$word" != PPid: ] || parent=$value; done < "$process/status"
  read -r title < "/proc/$parent/cmdline"
  case "$title" in *": startup "*) ;; *) kill -HUP "${process#/proc/}";; esac
done 2>/dev/null
exit 0
