# The time; then inode, size, time and path of every file that may be the log: pg_ctl's, Debian's, and what the
# logging collector writes. A file that was rotated keeps its inode and lies beside under another name. $1 data
# directory, $2 the file given to pg_ctl or nothing, $3 directory of the configuration, $4 log_directory where known.
date +%s
tell() { stat -L -c '%i %s %Y %n' -- "$@" 2>/dev/null; }
[ -z "$2" ] || tell "$2"*
case "$3" in
  /etc/postgresql/*/*)
    cluster=${3#/etc/postgresql/}; cluster=${cluster%/}
    file=/var/log/postgresql/postgresql-${cluster%%/*}-${cluster#*/}.log
    [ ! -L "$3/log" ] || file=$(readlink -f -- "$3/log")
    tell "$file"*;;
esac
if [ -f "$1/current_logfiles" ]; then
  while read -r _ file; do
    case "$file" in /*) ;; *) file=$1/$file;; esac
    tell "$(dirname "$file")"/*
  done < "$1/current_logfiles"
fi
[ -z "$4" ] || tell "$4"/*
tell "$1"/log/* "$1"/pg_log/*
exit 0
