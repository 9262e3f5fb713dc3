# Write out what comes into directory $1 while it comes: the kernel holds it back for half a minute, and all of the wait
# would come at the end. Nobody leans on this: everything is synced once it is all there.
flush_meanwhile() {
  while :; do
    [ ! -d "$1" ] || find -H "$1" -type f -mmin -0.1 -readable -exec sync -d -- {} +
    sleep 0.5
  done >/dev/null 2>&1
}
