#!/usr/bin/perl
# What pg_controldata of PostgreSQL 11 says, as far as a runbook asks: no package that can be had carries that program.
# The places are those of ControlFileData, version 1100, on a 64-bit machine; the test compares them with the server's.
use strict;
use warnings;

if (grep { $_ eq "--version" } @ARGV) { print "pg_controldata (PostgreSQL) 11.22\n"; exit }
my $path = "$ARGV[-1]/global/pg_control";
open(my $file, "<:raw", $path) or die "pg_controldata: could not open file \"$path\" for reading: $!\n";
read($file, my $bytes, 8192) or die "pg_controldata: could not read file \"$path\": $!\n";
my ($id, $version, $state) = unpack '@0 Q< L< @16 l<', $bytes;
die "pg_control version number is $version, not 1100\n" if $version != 1100;
my ($checkpoint, $redo, $timeline) = unpack '@32 Q< Q< L<', $bytes;
my ($least, $segment) = unpack '@128 Q< @220 L<', $bytes;
my @states = (
  "starting up", "shut down", "shut down in recovery", "shutting down", "in crash recovery", "in archive recovery",
  "in production"
);
sub lsn { sprintf "%X/%X", $_[0] >> 32, $_[0] & 0xFFFFFFFF }
print "Database system identifier:           $id\n";
print "Database cluster state:               $states[$state]\n";
print "Latest checkpoint location:           ", lsn($checkpoint), "\n";
print "Latest checkpoint's REDO location:    ", lsn($redo), "\n";
print "Latest checkpoint's TimeLineID:       $timeline\n";
print "Minimum recovery ending location:     ", lsn($least), "\n";
print "Bytes per WAL segment:                $segment\n";
