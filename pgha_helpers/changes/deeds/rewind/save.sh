# $1 data directory, $2 where to, $3 the first segment that is kept, without its timeline, $4 the file of the standby
# definition that comes on stdin, $5 the node's own things, one a line. Nothing waits for the disk: rewind.sh does, before it overwrites what is saved here.
set -e
umask 077
mkdir -p "$2/pg_wal" "$2/own"
cp -p -- "$1/global/pg_control" "$2/pg_control"
sync "$2/pg_control" "$2" "$(dirname "$2")" # back.sh leans on it
own() { while IFS= read -r name; do [ -z "$name" ] || cp -a -- "$1/$name" "$2/own/$name" || return; done; }
own "$1" "$2" <<OWN
$5
OWN
[ -L "$2/own/$4" ] || cat > "$2/own/$4" # where a link leads it stands already, see standby.define
[ "$4" = recovery.conf ] || : > "$2/own/standby.signal"
for f in standby.signal recovery.signal recovery.conf backup_label; do
  [ ! -f "$1/$f" ] || cp -p -- "$1/$f" "$2/$f"
done
names() { # WAL from $3 on, whatever its timeline; compared as words, which no number is big enough for
  ls -- "$1/pg_wal/" | LC_ALL=C awk -v "first=x$3" 'length($0) == 24 && !/[^0-9A-F]/ && ("x" substr($0, 9)) >= first'
}
written() { # those in which any page says its own address: the others were recycled, and nothing was written there yet
  perl -e '
    use strict; my $wal = shift; my @kept;
    while (my $name = <STDIN>) {
      chomp $name;
      open(my $file, "<:raw", "$wal/$name") or die "$name: $!";
      my ($size, $own) = (-s $file, 0);
      my $at = (hex(substr $name, 8, 8) << 32) + hex(substr $name, 16, 8) * $size;
      for (my ($page, $head) = 0; !$own && $page < $size; $page += 8192) {
        sysseek $file, $page + 8, 0;
        defined sysread $file, $head, 8 or die "$name: $!";
        $own = unpack("Q", $head) == $at + $page;
      }
      push @kept, $name if $own;
    }
    print "$_\n" for @kept' "$1/pg_wal"
}
there=$(names "$@")
kept=$(printf '%s\n' "$there" | written "$1" 2>/dev/null) || kept=$there # without perl all are kept
count=0
for f in $kept; do
  cp -p -- "$1/pg_wal/$f" "$2/pg_wal/"
  count=$((count + 1))
done
for path in "$1"/pg_wal/*.history; do
  [ ! -f "$path" ] || cp -p -- "$path" "$2/pg_wal/"
done
find "$2" -type f -exec sync -- {} + </dev/null >/dev/null 2>&1 9>&- &
echo "$count"
