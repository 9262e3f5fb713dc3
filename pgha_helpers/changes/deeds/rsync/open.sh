# Empty, or with the mark of a run that died on the way: a copy into it needs the source's configuration, too.
set -e
if [ ! -e "$1" ]; then mkdir -p -- "$1"; chmod 700 "$1"; fi
if [ -e "$1/$2" ]; then echo fresh; exit 0; fi
if [ -e "$1/PG_VERSION" ]; then echo own; exit 0; fi
if [ -n "$(find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ]; then
  echo foreign; exit 0
fi
: > "$1/$2"
sync -f "$1"
echo fresh
