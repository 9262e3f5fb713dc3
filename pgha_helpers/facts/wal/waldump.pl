# What pg_waldump says, as far as a runbook asks, where its package has no such program: -p DIRECTORY, -s POSITION,
# -e POSITION, -n COUNT, -r MANAGER (-t is told by the file), then the first file and perhaps the last. Told of each
# record are its line, with what the runbook reads of it; of the end why it is one. The form is that of 9.0 to 19 on a
# little-endian machine: src/include/access/xlogrecord.h (before 9.5 xlog.h), and the headers of each manager.
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
my ($page, $size, $segment, $open, $handle, $magic) = (8192, 8192, 16 * 1024 * 1024, "", undef, 0);
my ($head, $short, $long, $parted) = (24, 24, 40, 1);  # bytes of a record's header, and of a page's
my @table;

sub lsn { my ($high, $low) = split m:/:, shift; hex($high) << 32 | hex $low }
sub told { sprintf "%X/%08X", $_[0] >> 32 & 0xFFFFFFFF, $_[0] & 0xFFFFFFFF }
sub fail { $| = 1; print STDERR "pg_waldump: error: $_[0]\n"; exit 1 }  # first what was said of records

# The size of a segment stands in the header of each file's first page.
if (open my $one, "<:raw", "$dir/$first") {
  my $bytes = "";
  read $one, $bytes, 40;
  $magic = unpack "S<", $bytes . "\0\0";
  # before 9.5 a record has a longer header and another checksum, before 9.3 a page has a shorter one, and a header of a
  # record is never parted by the end of a page
  $head = 32 if old(0xD087);
  ($short, $long, $parted) = (16, 32, 0) if old(0xD075);
  $segment = unpack "x@{[$long - 8]} L<", $bytes if length $bytes == 40 && unpack("x2 S<", $bytes) & 2;
}
my $polynomial = old(0xD087) ? 0xEDB88320 : 0x82F63B78;
@table = map { my $c = $_; $c = $c & 1 ? ($c >> 1) ^ $polynomial : $c >> 1 for 1 .. 8; $c } 0 .. 255;
sub old { $magic >= 0xD000 && $magic < $_[0] }
sub position { old(0xD075) ? $_[0] << 32 | $_[1] : $_[1] << 32 | $_[0] }  # of two words: the high one was the first
$start ||= segments($first) * $segment;
# before 9.3 the last segment of each four gigabytes is left out
sub skip { my $at = shift; old(0xD075) && ($at & 0xFFFFFFFF) >= 0xFF000000 ? ($at | 0xFFFFFFFF) + 1 : $at }
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
  my ($m, $flags, $tli, $one, $two, $rest) = unpack "S< S< L< L< L< L<", $bytes . "\0" x 24;
  my ($address, $from) = (position($one, $two), $flags & 2 ? $long : $short);
  if (!$parted && $flags & 1) { $rest = unpack "x$from L<", $bytes; $from += 4 }
  if (length $bytes < $size || ($m & 0xF000) != 0xD000 || $address != $at || $magic && $m != $magic) {
    $why = "invalid page at " . told($at);
    return;
  }
  $magic = $m;
  %pages = ($at => [$bytes, $flags, $rest, $from]);
  $pages{$at};
}

# Of a record: length, transaction, the record before, kind, manager, checksum, and what of the header that counts in.
sub fields {
  my $data = shift;
  if (!$parted) {
    my ($crc, $high, $low, $xid, $length, undef, $info, $manager) = unpack "L<6 C C", substr($data, 0, 20) . substr $data, 20, 6;
    return ($length, $xid, position($high, $low), $info, $manager, $crc, substr $data, 4, 28);
  }
  my ($length, $xid, $prev, $info, $manager, $crc);
  if ($head == 32) { ($length, $xid, $info, $manager, $prev, $crc) = unpack "L< L< x4 C C x2 q< L<", $data }
  else { ($length, $xid, $prev, $info, $manager, $crc) = unpack "L< L< q< C C x2 L<", $data }
  ($length, $xid, $prev, $info, $manager, $crc, substr $data, 0, $head == 32 ? 24 : 20);
}

sub checksum {
  my $sum = 0xFFFFFFFF;
  if (old(0xD087)) { $sum = $table[($sum >> 24 ^ $_) & 0xFF] ^ ($sum << 8 & 0xFFFFFFFF) for unpack "C*", $_[0] }
  else { $sum = $table[($sum ^ $_) & 0xFF] ^ ($sum >> 8) for unpack "C*", $_[0] }
  $sum ^ 0xFFFFFFFF;
}

# A whole and sound record that starts at a position: its bytes, and what lies behind it.
sub record {
  my ($at, $previous) = @_;
  $at += $size - $at % $size if !$parted && $size - $at % $size < $head;
  $at = skip($at);
  my $here = $at - $at % $size;
  my $it = page($here) or return;
  $at = $here + $it->[3] if $at == $here;
  my $begin = $at;
  my $length = unpack "L<", substr $it->[0], $at - $here + ($parted ? 0 : 16), 4;
  if ($length < $head || $length > 1 << 30) { $why = "invalid record length at " . told($at) . ": $length"; return }
  my $data = substr $it->[0], $at - $here, $length;
  $at += length $data;
  while (length $data < $length) {
    $at = skip($at);
    $it = page($at) or return;
    my $left = $length - length $data;
    if (!($it->[1] & 1) || $it->[2] != $left) { $why = "there is no contrecord flag at " . told($at); return }
    my $part = substr $it->[0], $it->[3], $left;
    $data .= $part;
    $at += $it->[3] + length $part;
  }
  my (undef, undef, $prev, undef, undef, $crc, $summed) = fields($data);
  if (checksum(substr($data, $head) . $summed) != $crc) { $why = "incorrect resource manager data checksum in record at " . told($begin); return }
  if ($previous && $prev != $previous) { $why = "record with incorrect prev-link at " . told($begin); return }
  my $next = ($at + 7) / 8 * 8;
  my (undef, undef, undef, $info, $manager) = fields($data);
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
  my ($data, $manager, $info) = @_;
  if (old(0xD087)) {
    my $own = substr $data, $head, unpack $parted ? "x8 L<" : "x20 L<", $data;
    return ("", $own) if $manager != 10 || length $own < 18;
    my @target = unpack "L<3 S<2", $own;
    return (sprintf(" blkref #0: rel %d/%d/%d blk %d", @target[0 .. 2], $target[3] << 16 | $target[4]), $own);
  }
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

sub ended_before_9_5 {
  my ($info, $own) = @_;
  my ($kind, $top) = ($info & 0x70, "");
  if ($kind == 0x30 || $kind == 0x40) { $top = unpack("L<", $own) . ":"; $own = substr $own, 8 }
  my ($microseconds, $commits) = (unpack("q<", $own), $kind == 0 || $kind == 0x30);
  # 0x60: a commit of 9.2 to 9.4 that has subtransactions at most
  my ($relations, $subs) = $kind == 0x60 ? (0, unpack "x8 L<", $own) : unpack $commits ? "x12 L<2" : "x8 L<2", $own;
  my $at = $kind == 0x60 ? 12 : $commits ? 32 : 16;
  my @relations = unpack "x$at L<" . 3 * $relations, $own;
  my @subs = unpack "x@{[$at + 12 * $relations]} L<$subs", $own;
  my $words = @subs ? "; subxacts: @subs" : "";
  $words .= "; rels:" . join "", map { " " . path(@relations[3 * $_ .. 3 * $_ + 2]) } 0 .. $relations - 1 if $relations;
  $top . moment($microseconds) . $words;
}

sub moment {
  my $microseconds = shift;
  my ($s, $m, $h, $d, $mon, $y) = gmtime $microseconds / 1000000 + 946684800;
  sprintf " %04d-%02d-%02d %02d:%02d:%02d.%06d UTC", $y + 1900, $mon + 1, $d, $h, $m, $s, $microseconds % 1000000;
}

sub ended {
  my ($info, $own) = @_;
  return ended_before_9_5($info, $own) if old(0xD087);
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
  $top . moment($microseconds) . $words;
}

sub words {
  my ($manager, $info, $own) = @_;
  my $mask = $manager == 1 || $manager > 8 ? 0x70 : 0xF0;
  return "INFO_10" if $manager == 4 && $info && $magic < 0xD110;  # what makes a database since 15 removed one before
  return "INFO_10" if $manager == 9 && $info & 0x40 && old(0xD071);
  my $kind = $manager == 1 && ($info & $mask) == 0x60 && old(0xD087) ? 0 : $info & $mask;
  my $name = $manager <= 10 && $named[$manager]{$kind} or return sprintf "INFO_%02X", $info & 0xF0;
  if ($name =~ /^CHECKPOINT/) {
    # what stands between came with 9.2, 9.3 and 19
    my $before = old(0xD071) ? 4 : old(0xD075) ? 8 : old(0xD121) ? 12 : 20;
    my ($one, $two, $tli, $xid) = unpack "L<3 x$before L<", $own;
    return "$name redo " . told(position($one, $two)) . "; tli $tli; xid 0:$xid; " . ($info & 0x10 ? "online" : "shutdown");
  }
  return $name . (ended($info, $own) =~ s/^(\d+:)/ $1/r =~ s/^(?! )/ /r) if $name =~ /^(COMMIT|ABORT)/;
  return "$name " . path(unpack "L<3", $own) if $manager == 2;
  return sprintf "%s copy dir %d/%d to %d/%d", $name, (unpack "L<4", $own)[2, 3, 0, 1] if $manager == 4 && !$info;
  return sprintf "%s create dir %d/%d", $name, unpack "L<2", $own if $manager == 4;
  return sprintf "%s nextXid %d latestCompletedXid %d oldestRunningXid %d", $name, (unpack "x12 L<3", $own)[0, 2, 1] if $manager == 8;
  return $name if old(0xD087) && $manager > 8;
  return "$name " . unpack("x2 S<", $own) . " tuples" if $manager == 9;
  return sprintf "%s flags 0x%02X", $name, unpack "x7 C", $own if $name eq "DELETE";
  $name;
}

# From a position that may lie anywhere: the first record that starts there or later.
sub first_from {
  my $want = shift;
  my $at = $want - $want % $size;
  while (my $it = page($at = skip($at))) {
    if ($it->[1] & 1) {
      my ($skip, $fits) = ($it->[2], $size - $it->[3]);
      if ($skip >= $fits) { $at += $size; next }
      $at += ($it->[3] + $skip + 7) / 8 * 8;
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
  my ($length, $xid, $prev, $info, $manager) = fields($data);
  ($at, $previous) = ($next, $begin);
  my $of = $manager <= 10 ? $managers[$manager] : "RM$manager";
  next if $only && $of ne $only;
  my ($blocks, $own) = parts($data, $manager, $info);
  printf "rmgr: %-11s len (rec/tot): %6u/%6u, tx: %10u, lsn: %s, prev %s, desc: %s %s\n",
    $of, length $own, $length, $xid, told($begin), told($prev), words($manager, $info, $own), $blocks;
  last if $limit && ++$count >= $limit;
}
