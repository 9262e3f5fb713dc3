"""Whatever nodes, files and libraries say, nobody is told Python's words: things are thrown at
every parser.

Each begins from an answer as it should be. Lines are cut short, lost, told twice and mixed with
junk: numbers of other scripts, bytes that are no UTF-8, other tools' languages. What cannot be read
is a sentence of ours.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgha_helpers.changes.deeds.stopping import glance
from pgha_helpers.clients import ini
from pgha_helpers.clients.canary.attempts import read_seen
from pgha_helpers.facts.chain_notes import read_ledger
from pgha_helpers.facts.copying import parse_copying
from pgha_helpers.facts.disk import parse_control, parse_disk, read_disk
from pgha_helpers.facts.host import parse_host
from pgha_helpers.facts.processes import parse_fenced, read_processes, shutdown_phase
from pgha_helpers.facts.recovery_conf import parse_recovery_conf
from pgha_helpers.facts.rsync import read_place
from pgha_helpers.facts.server_log import ServerLog, files_in, since_start
from pgha_helpers.facts.set_aside import read_set_aside
from pgha_helpers.facts.starting import parse_start, waiting_trigger
from pgha_helpers.facts.vantages import parse_reach
from pgha_helpers.facts.wal.by_bytes import is_record, is_shutdown_checkpoint
from pgha_helpers.facts.wal.divergence import find_divergence, same_before
from pgha_helpers.facts.wal.end import find_end, own_pages, whole_records_behind
from pgha_helpers.facts.wal.history import wal_files
from pgha_helpers.facts.wal.losses.beginning import beginning, whole_from
from pgha_helpers.facts.wal.losses.reading import files_of
from pgha_helpers.facts.wal.losses.records import Reader
from pgha_helpers.facts.wal.losses.stretches import stretches
from pgha_helpers.facts.wal.record import last_record, record_at
from pgha_helpers.facts.wal.rewinding import removed
from pgha_helpers.judgement.checks.complaints import complaints, last_lines
from pgha_helpers.judgement.checks.settings import satisfied
from pgha_helpers.judgement.plans.rebuild import history_of
from pgha_helpers.model import Disk, Lsn, Node, Note, Position, passfile
from pgha_helpers.model.conninfo import parts
from pgha_helpers.model.errors import CommandFailed, HaError, QueryFailed, Unreadable, understood
from pgha_helpers.model.foreign import lines_of, shown, text_of
from pgha_helpers.model.host import ForNow
from pgha_helpers.model.lost_wal import WalEnd
from pgha_helpers.model.phases import Process, phase_of
from pgha_helpers.model.rsync_output import Moved, progress, with_statistic
from pgha_helpers.model.set_aside import SetAside
from pgha_helpers.model.survey import Archiver, Survey
from pgha_helpers.records.reading.manifest import read_manifest
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters import load_pair
from pgha_helpers.run.redaction import Redactor
from pgha_helpers.wire.hosts import hosts_of
from pgha_helpers.wire.known_hosts import KnownHosts
from pgha_helpers.wire.shell import Answer
from pgha_helpers.wire.sql import keywords

from ..embedded.errors import LabError
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


NODE = Node("db0", "a", "/d", "/b")
#: What asks a shell and reads its answer by itself, with an answer as it should be.
ASKED: dict[str, tuple[Callable[[Any], object], str]] = {
    "read_disk": (read_disk, DISK),
    "wal_files": (wal_files, "000000010000000000000003 16777216\nmy notes 12"),
    "files_of": (files_of, f"{NAMES}\nhistory 00000002.history\n1\t0/3000148\treason\n"),
    "last_record": (lambda door: last_record(door, Position(1, Lsn(SEGMENT)), SEGMENT), WAL),
    "record_at": (lambda door: record_at(door, Position(1, Lsn(0x3000148)), SEGMENT), WAL),
    "find_end": (lambda door: find_end(door, Position(1, Lsn(SEGMENT)), SEGMENT), WAL),
    "goes_on": (
        lambda door: whole_records_behind(door, WalEnd(1, Lsn(0x3000148), Lsn(0x3000180)), SEGMENT),
        PAGES,
    ),
    "same_before": (
        lambda door: same_before(door, door, Position(1, Lsn(0x3000148)), SEGMENT),
        "a" * 64 + " *stdin",
    ),
    "find_divergence": (
        lambda door: find_divergence(door, door, Position(1, Lsn(0x3000148)), SEGMENT, {}),
        "a" * 64 + " *stdin",
    ),
    "beginning": (
        lambda door: beginning(door, Position(1, Lsn(0x3000148)), lines_of(NAMES), SEGMENT),
        WAL,
    ),
    "read_processes": (read_processes, "7 postgres: writer \n8 postgres: alice shop"),
    "shutdown_phase": (shutdown_phase, CONTROL),
    "glance": (glance, CONTROL),
    "read_set_aside": (
        read_set_aside,
        "4096 /d/data.aside-20261123T091215Z-e203b494\n- /d/data.aside-x",
    ),
    "read_ledger": (read_ledger, Note(1, "a", "begun", "b", "prod", "h", "t").line),
    "waiting_trigger": (
        lambda door: waiting_trigger(door, Disk(standby_files=("standby.signal",))),
        "/tmp/trigger",
    ),
    "ServerLog": (lambda door: ServerLog(door, "db1").words(), LOG),
    "removed": (
        lambda door: removed(door, Lsn(0x3000148), Lsn(0x5000148), SEGMENT),
        "000000010000000000000003 16777216",
    ),
}


def a_door(answer: Answer) -> Any:
    """One behind which everybody gives this answer."""

    def ask(*_: object, okay: Iterable[int] = (0,), **__: object) -> Answer:
        if answer.status not in okay:
            raise CommandFailed("db0: it ended with another status")
        return answer

    return SimpleNamespace(
        node=NODE, patience=1.0, script=ask, run=ask, binary=lambda name: f"/b/{name}"
    )


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


JUNK = st.sampled_from(
    [
        *(
            "",
            " ",
            "\0",
            "caf\udce9",
            "١٢",
            "²",
            "-1",
            "1e9",
            "nan",
            "inf",
            "9" * 40,
            "\u2028",
            "\x0b",
            "\r",
            "%N",
            "1_0",
        ),
        *(
            "Größe",
            "0x10",
            "'",
            '"',
            "\\",
            "\t",
            "/",
            "[" * 2000,
            "{",
            "end",
            "postgres:",
            "2026-13-45",
            "0/",
            "0/ZZ",
            "é: x",
        ),
    ]
) | st.text(max_size=12)


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """An answer in which up to three things are not as they should be."""
    for _ in range(draw(st.integers(1, 3))):
        lines, junk = text.split("\n"), draw(JUNK)
        at = draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(" ")
        word = draw(st.integers(0, len(words) - 1))
        how = draw(
            st.sampled_from(
                ["word", "word", "word", "line", "lost", "twice", "cut", "inside", "all"]
            )
        )
        if how == "word":
            lines[at] = " ".join([*words[:word], junk, *words[word + 1 :]])
        elif how == "line":
            lines[at] = junk
        elif how == "lost":
            del lines[at]
        elif how == "twice":
            lines.insert(at, lines[at])
        elif how == "inside":
            middle = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:middle] + junk + lines[at][middle:]
        text = "\n".join(lines)
        if how == "cut":
            text = text[: draw(st.integers(0, len(text)))]
        elif how == "all":
            text = junk
    return text


PYTHONS = re.compile(
    r"invalid literal|could not convert|to unpack|codec can't|out of range|not supported "
    r"between|has no attribute"
    r"|unexpected keyword|Expecting|substring not found|is not in list|argument must "
    r"be|surrogates not allowed"
)
#: The same every time: whoever runs the tests must not be told of another's luck.
PROFILE = settings(max_examples=80, derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize("name", parsers(Path()))
def test_no_parser_says_pythons_words(name: str, tmp_path: Path) -> None:
    parse, sample = parsers(tmp_path)[name]
    parse(sample)

    # that one takes 30 ms
    @settings(PROFILE, max_examples=20 if name == "pair file" else PROFILE.max_examples)
    @given(spoilt(sample))
    def throw(text: str) -> None:
        try:
            parse(text)
        except (HaError, ValueError) as told:
            # a ValueError is what `understood` makes a HaError of
            assert not PYTHONS.search(str(told)), told

    throw()


@pytest.mark.parametrize("name", ASKED)
def test_whoever_asks_a_node_gets_a_fact_or_a_refusal(name: str) -> None:
    """Not even a ValueError: these are asked by the notebooks themselves."""
    ask, sample = ASKED[name]
    ask(a_door(Answer(0, sample.encode(), b"")))

    @PROFILE
    @given(spoilt(sample), spoilt(lines_of(WAL)[-1]), st.sampled_from([0, 0, 0, 1, 2, 124, 127]))
    def throw(out: str, err: str, status: int) -> None:
        said = (text.encode("utf-8", "surrogateescape") for text in (out, err))
        with contextlib.suppress(HaError):
            ask(a_door(Answer(status, *said)))

    throw()


@PROFILE
@given(st.integers(0, len(lines_of(DISK)) - 1), JUNK)
def test_what_cannot_be_read_of_a_disk_costs_nothing_else(at: int, junk: str) -> None:
    """Line by line: but for the processes, without which nothing is known."""
    lines = lines_of(DISK)
    word = lines[at].partition(" ")[0]
    lines[at] = f"{word} {junk}"
    whole = parse_disk(DISK, 0.0)
    try:
        seen = parse_disk("\n".join(lines), 0.0)
    except ValueError:
        assert word in ("process", "halted")
        return
    if word in ("clock", "free", "programs", "dated"):
        assert (seen.processes, seen.control, seen.histories) == (
            whole.processes,
            whole.control,
            whole.histories,
        )
    if word == "clock":
        assert (seen.clock_skew is None) == ("clock" in seen.unread)
    assert seen.processes == whole.processes or word == "process" or "\n" in junk


def test_a_name_in_a_title_does_not_tell_of_files() -> None:
    """Whoever may name a database must not be able to say that a node is armed."""
    title = "7 postgres: alice x\x0bfiles\x0bstandby.signal [local] idle"
    assert (
        parse_fenced(f"{title}\nfiles\n")[1] == ()
        and len(parse_fenced(f"{title}\nfiles\n")[0]) == 1
    )


def test_what_is_not_understood_names_who_said_it_and_is_a_refusal() -> None:
    for wrong in (
        ValueError("x: a number is expected, found '%N'"),
        KeyError("y"),
        TypeError("z"),
        RecursionError(),
    ):
        with (
            pytest.raises(Unreadable, match=r"^db0: date cannot be read: ") as told,
            understood("db0", "date"),
        ):
            raise wrong
        assert isinstance(told.value, CommandFailed | QueryFailed) and type(
            wrong
        ).__name__ not in str(told.value)
    with pytest.raises(LabError), understood("db0", "date"):
        raise LabError("not ours to catch")


def test_a_byte_that_means_nothing_goes_back_as_it_came_and_is_shown() -> None:
    text = text_of(b"/srv/caf\xe9")
    assert (
        text.encode("utf-8", "surrogateescape") == b"/srv/caf\xe9"
        and shown(text) == r"/srv/caf\xe9"
    )
    assert (
        str(HaError(f"{text} is gone", f"look at {text}")) == r"/srv/caf\xe9 is gone"
        "\n"
        r"  What to do: look at /srv/caf\xe9"
    )
    assert Redactor().text(text) == r"/srv/caf\xe9"
    assert SimpleNamespace(name=shown("\u2028é")).name == "\u2028é"
