# What pg_waldump says, as far as a runbook asks, where its package has no such program: -p DIRECTORY, -s POSITION,
# -e POSITION, -n COUNT, -r MANAGER (-t is told by the file), then the first file and perhaps the last. Told of each
# record are its line, with what the runbook reads of it; of the end why it is one. The form is that of 9.5 to 18 on a
# little-endian machine: src/include/access/xlogrecord.h, and the headers of each manager.
use strict;
use warnings;
use integer;

my ($dir, $start, $end, $limit, $only) = (".", 0, 0, 0, "");
while (@ARGV && $ARGV[0] =~ /^-([psentr])$/) {
  my ($option, undef, $value) = ($1, shift @ARGV, shift @ARGV);
  $dir = $value if $option eq "p"; $start = lsn($value) if $option eq "s"; $end = lsn($value) if $option eq "e";
  $limit = $value if $option eq "n"; $only = $value if $option eq "r";
}
my ($first, $last) = @ARGV;
my $timeline = hex substr $first, 0, 8;
my @managers = qw(XLOG Transaction Storage CLOG Database Tablespace MultiXact RelMap Standby Heap2 Heap);
my @named = (
  { 0x00 => "CHECKPOINT_SHUTDOWN", 0x10 => "CHECKPOINT_ONLINE", 0x40 => "SWITCH", 0x90 => "END_OF_RECOVERY" },
  { 0x00 => "COMMIT", 0x10 => "PREPARE", 0x20 => "ABORT", 0x30 => "COMMIT_PREPARED", 0x40 => "ABORT_PREPARED" },
  { 0x10 => "CREATE" }, {}, { 0x00 => "CREATE", 0x10 => "CREATE" }, {}, {}, {}, { 0x10 => "RUNNING_XACTS" }, { 0x50 => "MULTI_INSERT" },
  { 0x00 => "INSERT", 0x10 => "DELETE", 0x20 => "UPDATE", 0x40 => "HOT_UPDATE" },
);
my @table = map { my $c = $_; $c = $c & 1 ? ($c >> 1) ^ 0x82F63B78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;
my ($page, $size, $segment, $open, $handle, $magic) = (8192, 8192, 16 * 1024 * 1024, "", undef, 0);

sub lsn { my ($high, $low) = split m:/:, shift; hex($high) << 32 | hex $low }
sub told { sprintf "%X/%08X", $_[0] >> 32 & 0xFFFFFFFF, $_[0] & 0xFFFFFFFF }
sub fail { $| = 1; print STDERR "pg_waldump: error: $_[0]\n"; exit 1 }  # first what was said of records

# The size of a segment stands in the header of each file's first page.
if (open my $one, "<:raw", "$dir/$first") {
  my $head = "";
  read $one, $head, 40;
  $segment = unpack "x32 L<", $head if length $head == 40 && unpack("x2 S<", $head) & 2;
}
$start ||= segments($first) * $segment;
sub segments { my ($high, $low) = unpack "x8 A8 A8", shift; hex($high) * ((1 << 32) / $segment) + hex $low }
sub file { my $n = shift; my $each = (1 << 32) / $segment; sprintf "%08X%08X%08X", $timeline, $n / $each, $n % $each }

# One page, or nothing where it is not what belongs there; the first words of why are in $why.
my $why = "";
my %pages;
sub page {
  my $at = shift;
  return $pages{$at} if $pages{$at};
  my $name = file($at / $segment);
  if ($name ne $open) {
    if ($last && $name gt $last) { $why = ""; return }
    open $handle, "<:raw", "$dir/$name" or do { $why = "could not find file \"$name\""; return };
    $open = $name;
  }
  seek $handle, $at % $segment, 0;
  my $bytes = "";
  read $handle, $bytes, $size;
  my ($m, $flags, $tli, $address, $rest) = unpack "S< S< L< q< L<", $bytes . "\0" x 24;
  if (length $bytes < $size || ($m & 0xF000) != 0xD000 || $address != $at || $magic && $m != $magic) {
    $why = "invalid page at " . told($at);
    return;
  }
  $magic = $m;
  %pages = ($at => [$bytes, $flags, $rest, $flags & 2 ? 40 : 24]);
  $pages{$at};
}

# A whole and sound record that starts at a position: its bytes, and what lies behind it.
sub record {
  my ($at, $previous) = @_;
  my $here = $at - $at % $size;
  my $it = page($here) or return;
  $at = $here + $it->[3] if $at == $here;
  my $begin = $at;
  my $length = unpack "L<", substr $it->[0], $at - $here, 4;
  if ($length < 24 || $length > 1 << 30) { $why = "invalid record length at " . told($at) . ": $length"; return }
  my $data = substr $it->[0], $at - $here, $length;
  $at += length $data;
  while (length $data < $length) {
    $it = page($at) or return;
    my $left = $length - length $data;
    if (!($it->[1] & 1) || $it->[2] != $left) { $why = "there is no contrecord flag at " . told($at); return }
    my $part = substr $it->[0], $it->[3], $left;
    $data .= $part;
    $at += $it->[3] + length $part;
  }
  my ($prev, $crc) = unpack "x8 q< x4 L<", $data;
  my $sum = 0xFFFFFFFF;
  $sum = $table[($sum ^ $_) & 0xFF] ^ ($sum >> 8) for unpack "C*", substr($data, 24) . substr($data, 0, 20);
  if (($sum ^ 0xFFFFFFFF) != $crc) { $why = "incorrect resource manager data checksum in record at " . told($begin); return }
  if ($previous && $prev != $previous) { $why = "record with incorrect prev-link at " . told($begin); return }
  my $next = ($at + 7) / 8 * 8;
  my ($info, $manager) = unpack "x16 C C", $data;
  $next = ($next + $segment - 1) / $segment * $segment if !$manager && ($info & 0xF0) == 0x40;
  ($data, $begin, $next);
}

sub path {
  my ($space, $base, $relation) = @_;
  return "global/$relation" if $space == 1664;
  return $space == 1663 ? "base/$base/$relation" : "pg_tblspc/$space/PG/$base/$relation";
}

# The relations of its blocks, and its own data, behind the headers of both.
sub parts {
  my $data = shift;
  my ($at, $own, $headers, $blocks, $relation, $length) = (24, 0, 0, "", "", length $data);
  while ($at < $length - $headers - $own) {
    my $id = unpack "x$at C", $data;
    if ($id == 255) { $own = unpack "x@{[$at + 1]} C", $data; $at += 2; last }
    if ($id == 254) { $own = unpack "x@{[$at + 1]} L<", $data; $at += 5; last }
    if ($id > 251) { $at += $id == 253 ? 3 : 5; next }
    my ($flags, $payload) = unpack "x@{[$at + 1]} C S<", $data;
    $at += 4;
    $headers += $payload;
    if ($flags & 0x10) {
      my ($image, $bits) = unpack "x$at S< x2 C", $data;
      $at += 5;
      $at += 2 if $bits & 1 && $bits & ($magic >= 0xD110 ? 0x1C : 0x02);
      $headers += $image;
    }
    if (!($flags & 0x80)) { $relation = join "/", unpack "x$at L<3", $data; $at += 12 }
    my $block = unpack "x$at L<", $data;
    $at += 4;
    $blocks .= " blkref #$id: rel $relation blk $block";
  }
  ($blocks, $own ? substr $data, $length - $own : "");
}

sub ended {
  my ($info, $own) = @_;
  my ($microseconds, $bits, $at) = (unpack("q<", $own), 0, 8);
  my ($words, $top) = ("", "");
  if ($info & 0x80) { $bits = unpack "x8 L<", $own; $at = 12 }
  $at += 8 if $bits & 1;
  for my $kind (2, 4, 256, 8) {
    next if !($bits & $kind);
    my $count = unpack "x$at L<", $own;
    $at += 4;
    my @each = unpack "x$at L<" . $count * { 2 => 1, 4 => 3, 256 => $magic >= 0xD118 ? 4 : 3, 8 => 4 }->{$kind}, $own;
    $at += 4 * @each;
    $words .= "; subxacts: @each" if $kind == 2;
    $words .= "; rels:" . join "", map { " " . path(@each[3 * $_ .. 3 * $_ + 2]) } 0 .. $count - 1 if $kind == 4;
  }
  $top = unpack("x$at L<", $own) . ":" if $bits & 16;
  my ($s, $m, $h, $d, $mon, $y) = gmtime $microseconds / 1000000 + 946684800;
  sprintf "%s %04d-%02d-%02d %02d:%02d:%02d.%06d UTC%s", $top, $y + 1900, $mon + 1, $d, $h, $m, $s, $microseconds % 1000000, $words;
}

sub words {
  my ($manager, $info, $own) = @_;
  my $mask = $manager == 1 || $manager > 8 ? 0x70 : 0xF0;
  return "INFO_10" if $manager == 4 && $info && $magic < 0xD110;  # what makes a database since 15 removed one before
  my $name = $manager <= 10 && $named[$manager]{$info & $mask} or return sprintf "INFO_%02X", $info & 0xF0;
  if ($name =~ /^CHECKPOINT/) {
    my ($redo, $tli, $xid) = unpack "q< L< x12 L<", $own;
    return "$name redo " . told($redo) . "; tli $tli; xid 0:$xid; " . ($info & 0x10 ? "online" : "shutdown");
  }
  return $name . (ended($info, $own) =~ s/^(\d+:)/ $1/r =~ s/^(?! )/ /r) if $name =~ /^(COMMIT|ABORT)/;
  return "$name " . path(unpack "L<3", $own) if $manager == 2;
  return sprintf "%s copy dir %d/%d to %d/%d", $name, (unpack "L<4", $own)[2, 3, 0, 1] if $manager == 4 && !$info;
  return sprintf "%s create dir %d/%d", $name, unpack "L<2", $own if $manager == 4;
  return sprintf "%s nextXid %d latestCompletedXid %d oldestRunningXid %d", $name, (unpack "x12 L<3", $own)[0, 2, 1] if $manager == 8;
  return "$name " . unpack("x2 S<", $own) . " tuples" if $manager == 9;
  return sprintf "%s flags 0x%02X", $name, unpack "x7 C", $own if $name eq "DELETE";
  $name;
}

# From a position that may lie anywhere: the first record that starts there or later.
sub first_from {
  my $want = shift;
  my $at = $want - $want % $size;
  while (my $it = page($at)) {
    if ($it->[1] & 1) {
      my ($skip, $fits) = ($it->[2], $size - $it->[3]);
      if ($skip >= $fits) { $at += $size; next }
      $at += $it->[3] + ($skip + 7) / 8 * 8;
      if ($at % $size == 0) { next }
    } else { $at += $it->[3] }
    while (my ($data, $begin, $next) = record($at, 0)) {
      return $begin if $begin >= $want;
      $at = $next;
    }
    return;
  }
  return;
}

my $at = first_from($start);
fail("could not find a valid record after " . told($start)) if !defined $at;
my ($previous, $count) = (0, 0);
while (!$end || $at < $end) {
  my ($data, $begin, $next) = record($at, $previous) or do {
    exit 0 if !$why;
    fail($why =~ /^could not find/ ? $why : "error in WAL record at " . told($previous) . ": $why");
  };
  my ($length, $xid, $prev, $info, $manager) = unpack "L< L< q< C C", $data;
  ($at, $previous) = ($next, $begin);
  my $of = $manager <= 10 ? $managers[$manager] : "RM$manager";
  next if $only && $of ne $only;
  my ($blocks, $own) = parts($data);
  printf "rmgr: %-11s len (rec/tot): %6u/%6u, tx: %10u, lsn: %s, prev %s, desc: %s %s\n",
    $of, length $own, $length, $xid, told($begin), told($prev), words($manager, $info, $own), $blocks;
  last if $limit && ++$count >= $limit;
}
