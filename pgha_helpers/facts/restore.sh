# $1 data directory, which PostgreSQL, too, runs it in; $2 the command; $3 the file that it is asked for. It is looked
# for on the server's own PATH.
cd "$1" || exit
read -r pid < postmaster.pid
path=$(tr '\0' '\n' < "/proc/$pid/environ" | sed -n 's/^PATH=//p')
timeout -k 1 5 env ${path:+"PATH=$path"} sh -c "$2" >/dev/null 2>&1
echo $?
rm -f -- "$3"
