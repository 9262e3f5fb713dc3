"""Sentences of real logs (15 and 18), each answered with its remedy."""

from __future__ import annotations

import pytest

from pgha_helpers.facts.server_log import since_start
from pgha_helpers.judgement.checks.complaints import complaints, last_lines

AT = "2026-11-23 09:10:23.524 UTC [30911] "
FROM_15 = "could not connect to the primary server: connection to server at "
FROM_18 = (
    'streaming replication receiver "walreceiver" could not connect to the primary server: '
    "connection to server at "
)
HBA = (
    'no pg_hba.conf entry for replication connection from host "127.0.0.1", user "postgres", '
    "no encryption"
)
PASSWORD = 'password authentication failed for user "replicator"'
REFUSED = (
    "Connection refused\n\t\tIs the server running on that host and accepting TCP/IP connections?"
)
GONE = "ERROR:  requested WAL segment 000000010000000000000003 has already been removed"
AHEAD = "ERROR:  requested starting point 0/8000000 on timeline 1 is not in this server's history"

#: A line as the server wrote it, a word of its remedy, and whether waiting is in vain.
LINES = (
    (
        'FATAL:  could not start WAL streaming: ERROR:  replication slot "nope" does not exist',
        "makes the slot",
        True,
    ),
    (
        "FATAL:  recovery aborted because of insufficient parameter settings",
        "raise what the detail names",
        True,
    ),
    (
        "WARNING:  hot standby is not possible because of insufficient parameter settings",
        "raise what",
        True,
    ),
    (
        "ERROR:  hot standby is not possible because max_connections = 20 is a lower setting",
        "",
        False,
    ),
    (
        f'FATAL:  {FROM_15}"127.0.0.1", port 22135 failed: FATAL:  {HBA}',
        "add a line for replication",
        True,
    ),
    (
        f'FATAL:  {FROM_18}"127.0.0.1", port 28493 failed: FATAL:  {HBA}',
        "add a line for replication",
        True,
    ),
    (
        f'FATAL:  {FROM_18}"127.0.0.1", port 28493 failed: FATAL:  {PASSWORD}',
        "passfile of PostgreSQL's user",
        True,
    ),
    (f'FATAL:  {FROM_15}"127.0.0.1", port 1 failed: {REFUSED}', "look at the network", False),
    (f'FATAL:  {FROM_18}"127.0.0.1", port 1 failed: {REFUSED}', "look at the network", False),
    (
        "FATAL:  requested recovery stop point is before consistent recovery point",
        "recovery_target*",
        True,
    ),
    ('LOG:  recovery stopping after WAL location (LSN) "0/2000028"', "recovery_target*", True),
    (
        'LOG:  unrecognized configuration parameter "bogus_setting" in file "x.conf" line 17',
        "configuration",
        True,
    ),
    (
        "WARNING:  specified neither primary_conninfo nor restore_command",
        "writes primary_conninfo",
        True,
    ),
    (
        'WARNING:  specified neither "primary_conninfo" nor "restore_command"',
        "writes primary_conninfo",
        True,
    ),
    ('FATAL:  data directory "/d/data" has invalid permissions', "owner of db1's server", True),
    (
        'FATAL:  could not open file "global/pg_filenode.map": Permission denied',
        "owner of db1's server",
        True,
    ),
    (f"FATAL:  could not receive data from WAL stream: {GONE}", "method=clone", True),
    ("PANIC:  could not locate a valid checkpoint record at 0/8008168", "method=clone", True),
    ("PANIC:  could not locate a valid checkpoint record", "method=clone", True),
    ("FATAL:  could not locate required checkpoint record at 0/8008168", "method=clone", True),
    ("LOG:  invalid xl_info in primary checkpoint record", "method=clone", True),
    ("FATAL:  requested timeline 2 is not a child of this server's history", "method=clone", True),
    (
        "LOG:  new timeline 2 forked off current database system timeline 1 before current "
        "recovery point 0/9000000",
        "method=clone",
        True,
    ),
    (
        "FATAL:  requested timeline 20 does not contain minimum recovery point 0/455651F8 on "
        "timeline 18",
        "method=clone",
        True,
    ),
    (f"FATAL:  could not start WAL streaming: {AHEAD}", "method=clone", True),
    (
        "FATAL:  highest timeline 2 of the primary is behind recovery timeline 3",
        "method=clone",
        True,
    ),
    (
        "FATAL:  database system identifier differs between the primary and standby",
        "never a pair",
        True,
    ),
    ("LOG:  record with incorrect prev-link 0/3000000 at 0/5000028", "method=clone", False),
    (
        "LOG:  incorrect resource manager data checksum in record at 0/5000028",
        "method=clone",
        False,
    ),
    (
        "FATAL:  WAL was generated with wal_level=minimal, cannot continue recovering",
        "wal_level to replica",
        True,
    ),
    (
        'FATAL:  WAL was generated with "wal_level=minimal", cannot continue recovering',
        "wal_level to replica",
        True,
    ),
    (
        'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
        "the port in db1's own configuration is taken",
        True,
    ),
    (
        'FATAL:  could not access file "no_such_library": No such file or directory',
        "shared_preload",
        True,
    ),
    ("LOG:  selected new timeline ID: 2", "HAS OPENED FOR WRITES", True),
)


@pytest.mark.parametrize(("line", "remedy", "final"), LINES, ids=[line[:60] for line, *_ in LINES])
def test_a_known_sentence_is_answered(line: str, remedy: str, final: bool) -> None:
    found = complaints(f"{AT}{line}\n", "db1", "db0")
    if not remedy:
        assert not found, "a client's statement was answered so"
        return
    assert [remedy in found[0].remedy, found[0].final] == [True, final]
    assert found[0].words.startswith(line.split(":")[0]), "without the prefix"
    assert "{" not in found[0].remedy


def test_the_detail_is_told_with_it() -> None:
    detail = (
        "max_connections = 20 is a lower setting than on the primary server, where its "
        "value was 100."
    )
    lines = (
        "FATAL:  recovery aborted because of insufficient parameter settings",
        f"DETAIL:  {detail}",
    )
    (found,) = complaints("".join(f"{AT}{line}\n" for line in lines), "db1", "db0")
    assert found.words.endswith(detail)


def test_a_healthy_start_has_nothing_to_complain_of() -> None:
    lines = (
        "LOG:  starting PostgreSQL 18.6 on x86_64-pc-linux-gnu",
        "LOG:  entering standby mode",
        "LOG:  redo starts at 0/2000028",
        "LOG:  consistent recovery state reached at 0/3000000",
        "LOG:  invalid record length at 0/3000060: expected at least 24, got 0",
        "FATAL:  the database system is not yet accepting connections",
        "LOG:  started streaming WAL from primary at 0/3000000 on timeline 1",
        'FATAL:  password authentication failed for user "app"',
        'ERROR:  invalid value for parameter "work_mem": "x"',
        "STATEMENT:  select 'requested timeline 2 is not a child of this server''s history'",
    )
    log = "".join(f"{AT}{line}\n" for line in lines)
    assert complaints(log, "db1", "db0") == ()
    assert last_lines(log).endswith("STATEMENT: " + lines[-1][12:])


def test_the_most_telling_stands_first_and_each_once() -> None:
    lines = (
        f'FATAL:  {FROM_15}"10.0.0.10", port 5432 failed: {REFUSED}',
        "LOG:  selected new timeline ID: 2",
    ) * 2
    found = complaints("\n".join(lines), "db1", "db0")
    assert [complaint.final for complaint in found] == [True, False]


def test_nothing_that_stood_there_before_the_start_is_told() -> None:
    log = (
        "FATAL:  old\nx LOG:  starting PostgreSQL 18.6\nLOG:  a\nx LOG:  starting PostgreSQL "
        "18.6\nFATAL:  new\n"
    )
    assert since_start(log) == "x LOG:  starting PostgreSQL 18.6\nFATAL:  new\n"
    assert since_start("FATAL:  configuration\n") == "FATAL:  configuration\n"
