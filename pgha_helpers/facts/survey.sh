# include expanded.sh
# include psql.sh
# What a close look asks a shell of the node, as the owner of the server. $1 data directory, $2 directory of
# PostgreSQL's programs, $3 state directory, $4 a program that starts the server (or empty), $5 directory of the
# configuration, $6 the server's certificate (or empty), $7 the version of its programs (or empty: it is asked).
# Each answer is one line "word rest". No program is begun for what the shell can tell itself: a look waits for each.

# there PATTERN: whether any file in this directory is called so
there() { for each in $1; do [ -e "$each" ]; return; done; }

# Segments that wait for the archiver, the age of the oldest, and how long each of the last ones took: its status file
# is made when the segment is full, and renamed when it is archived, which keeps the one time and changes the other.
cd "$1/pg_wal/archive_status" 2>/dev/null && {
  waiting=
  if [ ! -r . ] || there '*.ready'; then
    now=$(date +%s)
    waiting=$(find . -maxdepth 1 -name '*.ready' -printf '%T@\n' 2>&1) || echo "unarchived $waiting"
  fi
  [ -z "$waiting" ] || printf '%s\n' "$waiting" | sort -n |
    awk -v now="$now" 'NR == 1 { printf "oldest %.3f\n", now - $1 } END { print "waiting " NR }'
  ! there '*.done' || find . -maxdepth 1 -name '*.done' -printf '%C@ %T@\n' 2>/dev/null | sort -n | tail -n 10 |
    awk '{ took = $1 - $2; if (NR > 1 && $1 - last < took) took = $1 - last; last = $1; printf "segment %.3f\n", took }'
}
cd /

# Who else may start or stop PostgreSQL here: root, and whoever owns it. What anybody else runs, and may call as he likes,
# has no power over this server. Ours is who names the data directory, in its arguments, its environment or a file among
# its arguments. What root runs and we cannot read is told as such.
data=${1%/}
owner=$(stat -c '%u %U' -- "$data")
rulers=" 0 ${owner% *} "
[ -O "$data" ] || rulers="$rulers$(id -u) "
manager() {
  real=$(sed -n 's/^Uid:[[:space:]]*\([0-9]*\).*/\1/p' "$2/status")
  case "$rulers" in *" $real "*) ;; *) return;; esac
  ours=no
  args=$(tr '\0' '\n' < "$2/cmdline" 2>/dev/null)
  if [ -r "$2/environ" ] && grep -qazF -- "$data" "$2/environ" 2>/dev/null; then ours=yes; fi
  case "$args" in *"$data"*) ours=yes;; esac
  read_all=yes
  [ -r "$2/environ" ] || read_all=no
  while IFS= read -r word; do
    case "$word" in *=/*) word=${word#*=};; esac
    case "$word" in /*.conf|/*.yml|/*.yaml|/*.cfg|/*.ini)
      if [ ! -r "$word" ]; then read_all=no
      elif [ -f "$word" ] && head -c 1000000 -- "$word" 2>/dev/null | grep -qF -- "$data"; then ours=yes; fi;;
    esac
  done <<ARGS
$args
ARGS
  if [ "$ours" = yes ]; then echo "manager ours $1 (pid ${2#/proc/})"
  elif [ "$read_all" = no ] && [ "$real" = 0 ]; then echo "manager unread $1 (pid ${2#/proc/})"; fi
}
# One program reads the names of all, and one the arguments: the shell takes a system call for every byte.
pythons=
rulers_named='repmgrd|patroni|pg_autoctl|stolon-keeper|pacemakerd|pacemaker-execd|monit|python.*'
for p in $(grep -lxE "$rulers_named" /proc/[0-9]*/comm); do
  p=${p%/comm} name=
  read -r name < "$p/comm"
  case "$name" in
    python*) pythons="$pythons $p/cmdline";;
    # asked again: a child of python's has its parent's name until it becomes the program that it is to run
    *) case "|$rulers_named|" in *"|$name|"*) manager "$name" "$p";; esac;;
  esac
done 2>/dev/null
[ -z "$pythons" ] || for p in $(grep -laF patroni $pythons); do
  p=${p%/cmdline}
  if tr '\0' '\n' < "$p/cmdline" | head -n 4 | grep -qE '(^|/)patroni(\.py)?$'; then manager patroni "$p"; fi
done 2>/dev/null

# systemd restarts a unit after a clean stop only if it says "always" or "on-success", and only for its main process.
if [ -r "$1/postmaster.pid" ] && read -r pid < "$1/postmaster.pid"; then
  unit=
  while read -r group; do
    case $group in */*.service) unit=${group##*/}; break;; esac
  done 2>/dev/null < "/proc/$pid/cgroup"
  if [ -n "$unit" ] && command -v systemctl >/dev/null 2>&1; then
    told=$(systemctl show -p Restart -p MainPID "$unit" 2>/dev/null)
    case "$told" in *"MainPID=$pid"*) echo "unit $unit"; case "$told" in *Restart=always*|*Restart=on-success*)
      echo "manager systemd systemd $unit: $(printf '%s' "$told" | grep Restart=)";; esac;; esac
  fi
fi

# Lines of cron that start or stop PostgreSQL, but for those that name another data directory.
tables=/var/spool/cron/crontabs
told='^[[:space:]]*[^#[:space:]].*(pg_ctl|(systemctl|service|invoke-rc\.d).*postgres)'
lines=$(crontab -l 2>/dev/null | grep -shE "$told" - /etc/crontab /etc/cron.d/* $tables/root "$tables/${owner#* }")
[ -z "$lines" ] || printf '%s\n' "$lines" | sort -u | while IFS= read -r line; do
  case "$line" in *"$data"*) echo "manager cron cron: $line";; *-D*) ;; *) echo "manager cron cron: $line";; esac
done

# What a run needs on this node, as this very user.
for program in pg_ctl postgres pg_basebackup pg_controldata pg_rewind pg_waldump psql; do
  [ ! -x "$2/$program" ] || continue
  case $program in pg_ctl|postgres) lacks=;; psql) lacks=$program; [ -z "$(psql_of "$2")" ] || continue;; *) lacks=$program;; esac
  if [ -n "$lacks" ] && [ ! -e "$2/$lacks" ]; then echo "lacks $lacks"
  else echo "refused $2/$program cannot be run by $(id -un)"; fi
done
# A program of another version: one that has the server's in it is not begun, or five of them would take 30 ms (Debian's 15).
version_of() { its=$("$1" --version 2>/dev/null) its=${its#*) } its=${its%% *}; }
server=$7
[ -n "$server" ] || { version_of "$2/postgres"; server=$its; }
for program in $(cd "$2" 2>/dev/null && grep -LaF -- "(PostgreSQL) $server" \
    pg_ctl pg_basebackup pg_rewind pg_verifybackup pg_waldump 2>/dev/null); do
  version_of "$2/$program"
  [ -z "$its" ] || [ "$its" = "$server" ] || echo "other $program $its"
done
[ -x "$2/pg_waldump" ] || command -v perl >/dev/null || echo "refused there is neither $2/pg_waldump nor perl"
state=$3
case $3 in "~"*) state=$(expanded "$3");; esac
for file in "$state"/for-now-*; do [ ! -f "$file" ] || sed 's/^/fornow /' "$file"; done
place=$state
while [ ! -e "$place" ]; do place=$(dirname "$place"); done
[ -d "$place" ] && [ -w "$place" ] || echo "refused state_directory $state cannot be written by $(id -un)"
[ -w "$1" ] || echo "refused data_directory $1 cannot be written by $(id -un)"
[ -z "$4" ] || command -v "$4" >/dev/null 2>&1 || echo "refused $4 is not on the PATH of $(id -un)"

[ -z "$4" ] || ! sed 's/#.*//' "$5/start.conf" 2>/dev/null | grep -qw disabled ||
  echo "refused $4 does not start it: $5/start.conf says disabled"

# What pg_ctlcluster gives a server beside its configuration.
[ -z "$4" ] || sed -n "s/^[[:space:]]*pg_ctl_options[[:space:]]*=/options /p" "$5/pg_ctl.conf" 2>/dev/null

echo "libc $(getconf GNU_LIBC_VERSION 2>/dev/null)"

# A server does not mind its own certificate's age; clients with sslmode=verify-full do.
if [ -n "$6" ] && command -v openssl >/dev/null 2>&1; then
  cd "$1" 2>/dev/null
  until=$(openssl x509 -noout -enddate -in "$6" 2>/dev/null) &&
    { openssl x509 -noout -checkend 86400 -in "$6" >/dev/null 2>&1 || echo "expired ${until#notAfter=}"; }
  cd /
fi

# ALTER SYSTEM writes a new file, syncs the old one, and renames: where one of these fails, it fails (all were tried).
auto=${1%/}/postgresql.auto.conf
if [ -e "$auto" ] && [ ! -f "$auto" ]; then echo "fixed it is not a file: $(readlink -f -- "$auto")"
elif [ -e "$auto" ] && ! { [ -r "$auto" ] && [ -w "$auto" ]; }; then echo "fixed $(id -un) may not write it (mode, owner, chattr +i)"
elif grep -qF -- " $auto " /proc/self/mountinfo 2>/dev/null; then echo "fixed it is mounted there"; fi
exit 0
