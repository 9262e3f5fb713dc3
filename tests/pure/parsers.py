"""Every parser of what nodes, files and libraries say, with an answer that it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pgha_helpers.clients import ini
from pgha_helpers.clients.canary.attempts import read_seen
from pgha_helpers.facts.copying import parse_copying
from pgha_helpers.facts.disk import parse_control, parse_disk
from pgha_helpers.facts.host import parse_host
from pgha_helpers.facts.processes import parse_fenced
from pgha_helpers.facts.recovery_conf import parse_recovery_conf
from pgha_helpers.facts.rsync import read_place
from pgha_helpers.facts.server_log import files_in, since_start
from pgha_helpers.facts.starting import parse_start
from pgha_helpers.facts.vantages import parse_reach
from pgha_helpers.facts.wal.by_bytes import is_record, is_shutdown_checkpoint
from pgha_helpers.facts.wal.end import own_pages
from pgha_helpers.facts.wal.losses.beginning import whole_from
from pgha_helpers.facts.wal.losses.records import Reader
from pgha_helpers.facts.wal.losses.stretches import stretches
from pgha_helpers.judgement.checks.complaints import complaints, last_lines
from pgha_helpers.judgement.checks.settings import satisfied
from pgha_helpers.judgement.plans.rebuild import history_of
from pgha_helpers.model import Lsn, Note, Position, passfile
from pgha_helpers.model.conninfo import parts
from pgha_helpers.model.foreign import lines_of
from pgha_helpers.model.host import ForNow
from pgha_helpers.model.phases import Process, phase_of
from pgha_helpers.model.rsync import Moved, progress, with_statistic
from pgha_helpers.model.set_aside import SetAside
from pgha_helpers.model.survey import Archiver, Survey
from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair
from pgha_helpers.run.redaction import Redactor
from pgha_helpers.wire.hosts import hosts_of
from pgha_helpers.wire.known_hosts import KnownHosts
from pgha_helpers.wire.sql import keywords

from .answers import (
    CONTROL,
    COPYING,
    DISK,
    HOST,
    INI,
    JOURNAL,
    LOG,
    NAMES,
    PAGES,
    PAIR,
    PIN,
    REACH,
    RSYNC,
    SEEN,
    SEGMENT,
    WAL,
)

SURVEY = Survey("db0", Archiver("on", "", "", False))


PROCESSES = [Process(7, "postgres: alice shop [local] idle")]


def in_a_file(reader: Callable[[Path], object], name: str, folder: Path) -> Callable[[str], object]:
    def parse(text: str) -> object:
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        return reader(folder / name)

    return parse


def reads_wal(text: str) -> object:
    reader = Reader(Lsn(0x3000000), SEGMENT)
    return [reader.read(line) for line in lines_of(text)], reader.end, reader.undecided


def bytes_of_wal(text: str) -> object:
    data = text.encode("utf-8", "surrogateescape")
    return is_record(data), is_shutdown_checkpoint(data, Lsn(0))


def parsers(folder: Path) -> dict[str, tuple[Callable[[str], object], str]]:
    """By name: what reads it, and an answer as it should be."""
    table = {"oid": "16500", "name": "ts", "size": 10, "location": "/t"}
    first = lines_of(PAGES)[0][:24]
    at = Position(1, Lsn(SEGMENT))

    def file(reader: Callable[[Path], object], name: str) -> Callable[[str], object]:
        return in_a_file(reader, name, folder)

    return {
        "disk": (lambda text: parse_disk(text, 1795376791.0), DISK),
        "control": (lambda text: parse_control(lines_of(text)), CONTROL),
        "survey": (lambda text: parse_host(SURVEY, lines_of(text)), HOST),
        "copying": (lambda text: parse_copying(text, "db1", 100, 50, "PG_18_1", [table]), COPYING),
        "start": (
            parse_start,
            "set port 5432\nset ssl_ca_file \nrefused LOG:  invalid value\nrefused HINT:  mend it",
        ),
        "fenced": (parse_fenced, "7 postgres: writer \nfiles\nstandby.signal"),
        "reach": (lambda text: parse_reach(text, ["db0", "db1"]), REACH),
        "recovery.conf": (
            parse_recovery_conf,
            "standby_mode = 'on'\nrecovery_min_apply_delay = '5 min'\nx 'y'",
        ),
        "place": (
            read_place,
            "boot b1\ndirectory 1:2 1:3\nown 1:4 1:5\nreadable yes\nrsync v3.2.7",
        ),
        "log files": (
            lambda text: files_in(lines_of(text)),
            "1795376791\n7 4096 1795376000 /d/my log",
        ),
        "log": (lambda text: (complaints(since_start(text), "db1", "db0"), last_lines(text)), LOG),
        "marks of WAL": (whole_from, "\n".join(lines_of(WAL)[1:2] * 2)),
        "WAL": (reads_wal, WAL),
        "pages": (lambda text: list(own_pages(lines_of(text), first, 0x3002000, SEGMENT)), PAGES),
        "history": (
            history_of,
            "1\t0/3000148\tno recovery target specified\n\n2\t0/5000000\treason",
        ),
        "names of WAL": (
            lambda text: stretches(at, lines_of(text), {}, SEGMENT, Lsn(SEGMENT)),
            NAMES,
        ),
        "bytes of WAL": (bytes_of_wal, "\x20\0\0\0" * 12),
        "position": (Lsn.parse, "0/3000148"),
        "title": (
            lambda text: phase_of(text, [Process(7, text), *PROCESSES]),
            "postgres: db0: walsender x 10.0.0.2(4)",
        ),
        "note": (Note.parse, Note(1, "a", "begun", "b", "prod", "h", "t").line),
        "for now": (
            lambda text: ForNow.parse("db0", text),
            '{"setting": "x", "value": "1", "was": "2", "run": "a"}',
        ),
        "kept": (
            lambda text: SetAside.parse("db0", text),
            "/d/data.aside-20261123T091215Z-e203b494",
        ),
        "conninfo": (parts, "host='10.0.0.1' port = 5433 application_name='it\\'s' password=x"),
        "dsn": (
            lambda text: (keywords(text), hosts_of(text)),
            "postgresql://ann@a:1,b:2/app?connect_timeout=2",
        ),
        "standby names": (lambda text: satisfied(text, "db0"), 'FIRST 1 (db1, "DB ""0")'),
        "passfile": (
            file(lambda path: list(passfile.lines_of_passfile(str(path))), "pgpass"),
            "# x\nh:5432:*:u\\:v:p\\\\w\n",
        ),
        "secrets": (
            lambda text: (Redactor([text]).text(text), Redactor().whole([text])),
            "password=hunter2 Größe",
        ),
        "pgbouncer.ini": (lambda text: (ini.includes(text), list(ini.read_ini(text))), INI),
        "rsync": (
            lambda text: [
                (progress(each), with_statistic(Moved(), each)) for each in lines_of(text)
            ],
            RSYNC,
        ),
        "probe": (
            lambda text: read_seen(text.encode("utf-8", "surrogateescape").split(b"\n")),
            f"{SEEN}\n{SEEN}",
        ),
        "known_hosts": (file(lambda path: _pins(KnownHosts(path, "db0", 22)), "known_hosts"), PIN),
        "pair file": (file(lambda path: load_pair(str(path)), "pair.yaml"), PAIR),
        "journal": (
            file(lambda path: _story(read(path.parent)), "journal.jsonl"),
            JOURNAL + "\n" + JOURNAL + "\n",
        ),
        "manifest": (
            file(lambda path: read_manifest(path).files, "manifest.json"),
            '{"format": 1, "files": {"a": ""}}',
        ),
    }


def _pins(known: KnownHosts) -> object:
    return (
        known.types,
        known.passed_over,
        known.revoked(b"x"),
        known.instead_of(b"\0\0\0\1x"),
        known.has(b""),
    )


def _story(story: Any) -> object:
    return story.outcome, story.changed, story.first("run begun"), story.broken
