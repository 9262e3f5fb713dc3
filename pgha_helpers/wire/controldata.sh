# What the control file says: in the words of pg_controldata, or its bytes where no program reads it. $1 data directory,
# $2 directory of programs.
controldata() {
  if [ -x "$2/pg_controldata" ]; then "$2/pg_controldata" "$1" 2>&1
  else
    printf 'bytes '
    od -A n -v -t x1 -N 512 "$1/global/pg_control" | tr -d ' \n'
    echo
  fi
}
