# After flush.sh. $1 pg_verifybackup or nothing, then the directories, the copy first: verified and synced side by
# side, one of which works the processor and the other the disk. It gives the path to a shell, between double quotes,
# to have the WAL parsed: what a shell would read there is not given to it.
program=$1; shift
case $1 in *'$'*|*'"'*|*'`'*|*'\'*) wal=-n;; *) wal=;; esac
if [ -n "$program" ]; then "$program" -q $wal "$1" & else : & fi
verified=$!
sync_all "$@" && sync -- "$(dirname -- "$1")"
synced=$?
wait "$verified" || exit
exit "$synced"
