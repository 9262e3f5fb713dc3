# Make large files of one data directory equal to those of another one, page by page: only pages that differ are sent
# and written. A page stands where it stands, so nobody has to look for it elsewhere, as rsync does byte by byte.
#
#   pages.pl TARGET near NAMES SOURCE       both on one machine: the bytes themselves are compared
#   pages.pl TARGET far NAMES COMMAND...    digests come from `COMMAND sums`, pages from `COMMAND send`
#   pages.pl SOURCE sums                    on the source: names come in, digests go out
#   pages.pl SOURCE send                    on the source: "offset length name" come in, bytes go out
#
# NAMES is a file of paths below TARGET, one in a line. Those that were made equal are told as rules for rsync, in
# NAMES.done. A server may write into the source meanwhile: the backup that goes on makes good for that.
use strict;
use warnings;
use Fcntl;

# From 128 kB on a buffer is mapped anew for each read: to compare 1.1 GB took 1.3 s then, and takes 0.3 s.
my ($PAGE, $CHUNK, $STRIPE, $GONE) = (8192, 1 << 16, 1 << 22, 0xffffffff);
my %told = (files => 0, written => 0, sent => 0, received => 0, compared => 0);
my $child; # who compares the other stripes

my ($directory, $role, @rest) = @ARGV;
binmode STDOUT;
$| = 1 if $role eq "near" or $role eq "far"; # somebody watches how far it is
{ near => \&near, far => \&far, sums => \&sums, send => \&give }->{$role}->();
print map { "$_ $told{$_}\n" } sort keys %told if $role eq "near" or $role eq "far";

# Two processes, because what is in memory is compared as fast as a processor goes: each takes every other stripe.
sub near {
  my ($names, $source) = @rest;
  $child = open(my $other, "-|") // die "cannot fork: $!\n";
  my %wrote;
  open(my $list, "<:raw", $names) or die "$names: $!\n";
  while (my $name = <$list>) {
    chomp $name;
    $wrote{$name} = stripes($name, $source, $child ? 0 : 1);
  }
  if (!$child) {
    print "compared $told{compared}\n", map { "$wrote{$_} $_\n" } grep { defined $wrote{$_} } keys %wrote;
    exit;
  }
  while (<$other>) {
    if (/^compared (\d+)$/) { $told{compared} += $1 }
    elsif (/^(\d+) (.+)$/) { $wrote{$2} += $1; $told{written} += $1 }
  }
  close($other) or die "the other half of the comparison did not come to its end\n";
  undef $child;
  $told{received} = $told{written};
  each_file($names, sub {
    my ($name, $mine) = @_;
    my $size = -s "$source/$name";
    return defined $size && defined $wrote{$name} && ended($mine, $size, $wrote{$name});
  });
}

sub stripes { # make every other stripe equal, from this one on; gives the bytes written, or undef if the file is gone
  my ($name, $source, $first) = @_;
  my $mine = opened("$directory/$name", O_RDWR) or die "$name: $!\n";
  my $theirs = opened("$source/$name", O_RDONLY) or return;
  my ($bytes, $own, $wrote) = ("", "", 0);
  for (my $stripe = $first * $STRIPE; ; $stripe += 2 * $STRIPE) {
    sysseek($_, $stripe, 0) // die "$name: $!\n" for $theirs, $mine;
    for (my $at = $stripe; $at < $stripe + $STRIPE;) {
      my $length = chunk($theirs, $bytes) or return $wrote;
      chunk($mine, $own);
      $wrote += put($mine, $at + $_->[0], substr($bytes, $_->[0], $_->[1])) for differing($bytes, $own);
      sysseek($mine, $at += $length, 0) // die "$name: $!\n";
      progress($length);
    }
  }
}

END { # nobody goes on writing when this one has given up
  if ($child) { my $status = $?; kill TERM => $child; waitpid($child, 0); $? = $status }
}

sub far {
  my ($names, @command) = @rest;
  require Digest::MD5;
  open(my $wanted, ">:raw", "$names.wanted") or die "$names.wanted: $!\n";
  my $sums = asking($names, @command, "sums");
  my %wanted;
  each_file($names, sub {
    my ($name, $mine) = @_;
    my ($at, $own) = (0, "");
    while (my $length = number($sums)) {
      return 0 if $length == $GONE;
      my $theirs = taken($sums, 16 * int(($length + $PAGE - 1) / $PAGE));
      chunk($mine, $own);
      for my $run (differing($theirs, digests(substr($own, 0, $length)), 16)) {
        my ($from, $pages) = ($run->[0] / 16 * $PAGE, $run->[1] / 16 * $PAGE);
        $pages = $length - $from if $from + $pages > $length;
        print {$wanted} $at + $from, " $pages $name\n" or die "$names.wanted: $!\n";
        $wanted{$name} += $pages;
      }
      sysseek($mine, $at += $length, 0) // die "$name: $!\n";
      progress($length);
    }
    return ended($mine, $at, $wanted{$name} || 0);
  });
  close($wanted) or die "$names.wanted: $!\n";
  close($sums) or die "the digests of the source did not come to their end\n";
  fetch("$names.wanted", @command) if %wanted;
}

sub fetch {
  my ($wanted, @command) = @_;
  my $pages = asking($wanted, @command, "send");
  open(my $lines, "<:raw", $wanted) or die "$wanted: $!\n";
  my ($last, $mine) = ("");
  while (my $line = <$lines>) {
    my ($at, undef, $name) = $line =~ /^(\d+) (\d+) (.+)$/ or die "$wanted: $line\n";
    $mine = opened("$directory/$name", O_RDWR) || die "$name: $!\n" if $name ne $last;
    $last = $name;
    my $length = number($pages); # less than was asked for where the file has become shorter: so says the WAL, too
    put($mine, $at, taken($pages, $length)) if $length;
  }
  close($pages) or die "the pages of the source did not come to their end\n";
}

sub sums {
  require Digest::MD5;
  while (my $name = <STDIN>) {
    chomp $name;
    my $file = opened("$directory/$name", O_RDONLY) or do { print pack("N", $GONE); next };
    my $bytes = "";
    while (my $length = chunk($file, $bytes)) { print pack("N", $length), digests($bytes) }
    print pack("N", 0);
  }
}

sub give {
  my ($last, $file) = ("");
  while (my $line = <STDIN>) {
    my ($at, $length, $name) = $line =~ /^(\d+) (\d+) (.+)$/ or die "$line\n";
    $file = opened("$directory/$name", O_RDONLY) if $name ne $last;
    $last = $name;
    my $bytes = "";
    if ($file) {
      sysseek($file, $at, 0) // die "$name: $!\n";
      chunk($file, $bytes, $length);
    }
    print pack("N", length $bytes), $bytes;
  }
}

# Each file of the list that is there: what $do gives says whether it was made equal.
sub each_file {
  my ($names, $do) = @_;
  open(my $list, "<:raw", $names) or die "$names: $!\n";
  open(my $done, ">:raw", "$names.done") or die "$names.done: $!\n";
  while (my $name = <$list>) {
    chomp $name;
    my $mine = opened("$directory/$name", O_RDWR) or die "$name: $!\n";
    next unless $do->($name, $mine);
    print {$done} "- /$name\n" or die "$names.done: $!\n";
  }
  close($done) or die "$names.done: $!\n";
}

sub ended { # what is beyond the end of the source goes; true, for a rule of its own
  my ($mine, $size, $wrote) = @_;
  if (-s $mine > $size) { truncate($mine, $size) or die "cannot shorten: $!\n"; $wrote ||= 1 }
  $told{files}++ if $wrote;
  return 1;
}

sub differing { # [offset, length] of the runs in which two strings differ, in steps of a page, or of its digest
  my ($one, $other, $step) = (@_, $PAGE);
  return if $one eq $other;
  my ($from, @runs);
  for (my $at = 0; $at < length $one; $at += $step) {
    my $same = $at < length $other && substr($one, $at, $step) eq substr($other, $at, $step);
    $from //= $at unless $same;
    if ($same && defined $from) { push @runs, [$from, $at - $from]; undef $from }
  }
  push @runs, [$from, length($one) - $from] if defined $from;
  return @runs;
}

sub digests { join "", map { Digest::MD5::md5(substr $_[0], $_ * $PAGE, $PAGE) } 0 .. (length($_[0]) - 1) / $PAGE }

sub opened {
  my ($path, $how) = @_;
  sysopen(my $file, $path, $how) or return;
  return $file;
}

sub chunk { # read into $_[1] up to $_[2] bytes, as many as there are
  my ($file, $most) = ($_[0], $_[2] || $CHUNK);
  $_[1] = "";
  while (length $_[1] < $most) {
    my $got = sysread($file, $_[1], $most - length $_[1], length $_[1]) // die "cannot read: $!\n";
    last unless $got;
  }
  return length $_[1];
}

sub put {
  my ($file, $at, $bytes) = @_;
  sysseek($file, $at, 0) // die "cannot seek: $!\n";
  for (my $done = 0; $done < length $bytes;) {
    $done += syswrite($file, $bytes, length($bytes) - $done, $done) // die "cannot write: $!\n";
  }
  $told{written} += length $bytes;
  return length $bytes;
}

sub asking { # the answer of a command that reads a file
  my ($input, @command) = @_;
  $told{sent} += -s $input;
  open(STDIN, "<:raw", $input) or die "$input: $!\n";
  open(my $answer, "-|:raw", @command) or die "$command[0]: $!\n";
  return $answer;
}

sub number { unpack "N", taken($_[0], 4) }

sub taken {
  my ($stream, $length) = @_;
  my $bytes = "";
  while (length $bytes < $length) {
    my $got = read($stream, $bytes, $length - length $bytes, length $bytes);
    die "the source said too little\n" unless $got;
  }
  $told{received} += $length;
  return $bytes;
}

sub progress {
  my ($before, $now) = ($told{compared}, $told{compared} += $_[0]);
  return if int($before >> 24) == int($now >> 24) || defined $child && !$child;
  print "compared ", $child ? 2 * $now : $now, "\n";
}
