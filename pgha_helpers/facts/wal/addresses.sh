# The address that each page says it has: of every page of the first file from a byte on, where that file is there,
# and of the first page of each later file. perl takes 10 ms; od, which is everywhere, prints all of it and takes a
# second.
cd "$1" || exit 1
if command -v perl >/dev/null; then
  exec perl -e '
    use strict; my ($first, $from, $timeline) = @ARGV;
    opendir(my $wal, ".") or die "pg_wal: $!";
    foreach my $name (sort grep { /^${timeline}[0-9A-F]{16}$/ && $_ ge $first } readdir($wal)) {
      open(my $file, "<:raw", $name) or die "$name: $!";
      seek($file, $from, 0) if $name eq $first;
      while (read($file, my $page, 8192) == 8192) {
        printf "%s %x\n", $name, unpack("Q", substr($page, 8, 8));
        last if $name ne $first;
      }
    }' "$2" "$3" "$4"
fi
names=$(ls) || exit 1
printf '%s\n' "$names" | grep -E "^$4[0-9A-F]{16}$" | sort | while read -r name; do
  if [ "$name" \> "$2" ]; then
    told=$(od -An -v -tx8 -N 16 -- "$name") || exit 1
    echo "$name ${told##* }"
  elif [ "$name" = "$2" ]; then
    [ -r "$name" ] || exit 1
    od -An -v -tx8 -w8192 -j "$3" -- "$name" | awk -v name="$name" '{ print name, $2 }'
  fi
done
