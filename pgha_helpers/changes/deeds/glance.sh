# include controldata.sh
# Told a signal, it gives it to the postmaster first: a command less in the outage. See servers.signal_postmaster.
# Only while the node is armed: a connection that was given up may deliver this late, to what was taken back
# meanwhile. Then it looks at the state alone, the number that pg_control has at byte 16 (1: shut down), which takes a
# third of what pg_controldata does, and sleeps in between: the processor is the server's. What it finds is for
# pg_controldata to tell, once. A stop takes 10 ms at least, for which the walsenders wait.
if [ -n "$4" ] && { [ -e "$1/standby.signal" ] || [ -e "$1/recovery.conf" ]; }; then
  read -r pid < "$1/postmaster.pid" && [ "/proc/$pid/cwd" -ef "$1" ] &&
    kill "-$4" "$pid" && sleep 0.01
fi
turn=1
while [ "$turn" -lt "$3" ]; do
  state=$(od -A n -t d4 -j 16 -N 4 "$1/global/pg_control" 2>/dev/null)
  [ "${state##* }" != 1 ] || break
  sleep 0.001
  turn=$((turn + 1))
done
controldata "$1" "$2"
