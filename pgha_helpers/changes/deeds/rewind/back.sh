# $1 data directory, $2 its name meanwhile, $3 the standby's file. It comes back armed, and with the control file of its
# crash: what was recovered since may not be on the disk, and is recovered again from there.
data=$1 aside=$2 signal=$3; shift 3
back() {
  if [ -d "$aside" ] && [ ! -e "$data" ]; then
    saved=$(ls -d -- "$data".before-rewind.aside-*-"${aside##*-}") || return
    cp -p -- "$saved/pg_control" "$aside/global/pg_control.pgha-new" || return
    sync "$aside/global/pg_control.pgha-new" || return
    mv -f -- "$aside/global/pg_control.pgha-new" "$aside/global/pg_control" || return
    for own in "$saved"/own/* "$saved"/own/.[!.]*; do # links that were put away for pg_rewind
      [ ! -L "$own" ] || { rm -rf -- "$aside/${own##*/}" && cp -a -- "$own" "$aside/"; } || return
    done
    if [ "$signal" = recovery.conf ]; then
      [ ! -e "$aside/recovery.conf.pgha" ] || mv -f -- "$aside/recovery.conf.pgha" "$aside/recovery.conf"
    else
      : >> "$aside/standby.signal"
    fi
    sync "$aside/global" "$aside" || return
    mv -T -- "$aside" "$data" && sync "$(dirname "$data")"
  fi
}
