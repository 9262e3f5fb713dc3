# $1 a passfile. Why libpq would not use it, in words; nothing where it would, or there is none, which may
# be meant.
[ -e "$1" ] || exit 0
# $2 home: the server takes no other than that of its user, by the user database, whatever HOME says.
home=${PGPASSFILE:-$(getent passwd "$(id -un)" | cut -d : -f 6)/.pgpass}
if [ "$2" = home ] && ! [ "$1" -ef "$home" ]; then
  echo "before PostgreSQL 10 a standby reads $home alone: ln -s $1 $home"
fi
[ -f "$1" ] || { echo "$1 is not a file"; exit 0; }
[ -r "$1" ] || { echo "$1 cannot be read by $(id -un)"; exit 0; }
mode=$(stat -L -c %a -- "$1")
case $mode in
  *00) ;;
  *) echo "$1 is ignored, because others may read it (mode 0$mode): chmod 600 $1";;
esac
