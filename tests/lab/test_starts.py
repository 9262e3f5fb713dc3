"""The rehearsal of a start: what it would stumble over is told, and nothing is started."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from pgha_helpers.changes.deeds.files import write_file
from pgha_helpers.facts.files import read_file
from pgha_helpers.facts.starting import read_start
from pgha_helpers.wire.doors import Door

from ..embedded import Lab
from .scratch import scratch

#: Lines of a configuration with which no server comes up, and the words by which that is told
#: before.
DOWN = {
    "shared_buffers = 12XB": "invalid value for parameter shared_buffers: 12XB (Valid units",
    "include '/nowhere.conf'": "could not open configuration file /nowhere.conf",
    "restore_command = 'x": "syntax error in file",
    "shared_preload_libraries = 'nix'": "could not access file nix|there is no library nix",
    "wal_level = minimal": "WAL streaming",
    "superuser_reserved_connections = 100": "must be less than max_connections",
    "hba_file = '/nowhere'": "hba_file /nowhere cannot be read",
    "unix_socket_directories = '/nowhere, /proc'": (
        "no directory of unix_socket_directories (/nowhere, /proc)"
    ),
    "huge_pages = on": "huge_pages is on",
    "logging_collector = on\nlog_directory = '/proc/log'": (
        "log_directory /proc/log cannot be written"
    ),
    "data_directory = '/tmp'": "data_directory is set to /tmp",
    "shared_buffers = '4000GB'": "MB of shared memory, and this machine has",
    "ssl = on": (
        "SSL is not supported|certificate file server.crt|ssl_cert_file server.crt cannot be read"
    ),
}


#: What is tried again with 15, which has its own words, and as if it were older: then less is
#: rehearsed.
FIFTEEN = ("shared_buffers = 12XB", "wal_level = minimal", "ssl = on")


OLDER = ("include '/nowhere.conf'", "shared_preload_libraries = 'nix'", "ssl = on")


#: As a program of PostgreSQL before 15 answers: nothing is computed for it.
_AS_OLDER = """#!/bin/sh
case "$*" in *shared_memory_size_in_huge_pages*)
  "{programs}/postgres" "$@" -C max_connections || exit
  echo 'FATAL:  unrecognized configuration parameter'\
 '"shared_memory_size_in_huge_pages"'; exit 1;; esac
exec "{programs}/postgres" "$@"
"""


def stumbles(door: Door, data: str, tried: Iterable[str]) -> None:
    """See that each of these lines is told, and that no server comes up with it."""
    plain = read_file(door, f"{data}/postgresql.conf")
    for lines in tried:
        write_file(door, f"{data}/postgresql.conf", f"{plain}{lines}\n")
        told = "; ".join(read_start(door, data).refused)
        assert any(words in told.replace('"', "") for words in DOWN[lines].split("|")), (
            lines,
            told,
        )
        came_up = door.script(
            'timeout 5 "$1" -D "$2"', door.binary("postgres"), data, okay=range(256)
        )
        assert came_up.status not in (0, 124), (lines, came_up.complaint)
    write_file(door, f"{data}/postgresql.conf", plain)


def test_what_a_start_would_stumble_over_is_told_without_one(clusters: Lab) -> None:
    """And a rehearsal touches nothing, and leaves nothing behind."""
    with scratch(clusters) as (door, data, _):
        before = door.script('find "$1" -printf "%p %s %T@ %i\\n"', data).text
        start = read_start(door, data)
        assert start.refused == () and start.settings["max_connections"] == "100"
        assert door.script('find "$1" -printf "%p %s %T@ %i\\n"', data).text == before
        assert not door.script(
            'find "${TMPDIR:-/tmp}" -maxdepth 2 -lname "$1/*"', data, okay=range(256)
        ).text
        stumbles(door, data, DOWN)
        door.run("chmod", "755", data)
        assert "has the mode 755" in str(read_start(door, data).refused)


def test_a_start_of_older_programs_is_rehearsed_as_far_as_they_can(
    clusters: Lab, need: Callable[..., None]
) -> None:
    fifteen = Path("/usr/lib/postgresql/15/bin")
    need(str(fifteen / "postgres"), "postgresql-15")
    with scratch(clusters, fifteen) as (door, data, pair):
        stumbles(door, data, FIFTEEN)
        door.run("mkdir", f"{data}.bin")
        write_file(door, f"{data}.bin/postgres", _AS_OLDER.format(programs=fifteen), "755")
        door.run("ln", "-s", str(fifteen / "pg_config"), f"{data}.bin")
        older = Door(replace(door.node, bin_directory=f"{data}.bin"), pair)
        stumbles(older, data, OLDER)
        older.close()
