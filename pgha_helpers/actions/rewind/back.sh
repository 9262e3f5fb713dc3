# $1 data directory, $2 its name meanwhile, $3 the standby's file. It comes back armed.
data=$1 aside=$2 signal=$3; shift 3
back() {
  if [ -d "$aside" ] && [ ! -e "$data" ]; then
    if [ "$signal" = recovery.conf ]; then
      [ ! -e "$aside/recovery.conf.pgha" ] || mv -f -- "$aside/recovery.conf.pgha" "$aside/recovery.conf"
    else
      : >> "$aside/standby.signal"
    fi
    mv -T -- "$aside" "$data"
    sync "$data" "$(dirname "$data")"
  fi
}
