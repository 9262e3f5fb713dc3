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
from pgha_helpers.facts.chain_notes import read_ledger
from pgha_helpers.facts.disk import parse_disk, read_disk
from pgha_helpers.facts.processes import parse_fenced, read_processes, shutdown_phase
from pgha_helpers.facts.server_log import ServerLog
from pgha_helpers.facts.set_aside import read_set_aside
from pgha_helpers.facts.starting import waiting_trigger
from pgha_helpers.facts.wal.divergence import find_divergence, same_before
from pgha_helpers.facts.wal.end import find_end, whole_records_behind
from pgha_helpers.facts.wal.history import wal_files
from pgha_helpers.facts.wal.losses.beginning import beginning
from pgha_helpers.facts.wal.losses.reading import files_of
from pgha_helpers.facts.wal.record import last_byte, record_at
from pgha_helpers.facts.wal.rewinding import removed
from pgha_helpers.model import Disk, Lsn, Node, Note, Position
from pgha_helpers.model.errors import CommandFailed, HaError, QueryFailed, Unreadable, understood
from pgha_helpers.model.foreign import lines_of, shown, text_of
from pgha_helpers.model.lost_wal import WalEnd
from pgha_helpers.run.redaction import Redactor
from pgha_helpers.wire.shell import Answer

from ..embedded.errors import LabError
from .answers import (
    CONTROL,
    DISK,
    LOG,
    NAMES,
    PAGES,
    SEGMENT,
    WAL,
)
from .parsers import parsers

NODE = Node("db0", "a", "/d", "/b")
#: What asks a shell and reads its answer by itself, with an answer as it should be.
ASKED: dict[str, tuple[Callable[[Any], object], str]] = {
    "read_disk": (read_disk, DISK),
    "wal_files": (wal_files, "000000010000000000000003 16777216\nmy notes 12"),
    "files_of": (files_of, f"{NAMES}\nhistory 00000002.history\n1\t0/3000148\treason\n"),
    "last_byte": (lambda door: last_byte(door, Position(1, Lsn(SEGMENT)), SEGMENT), WAL),
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
        lambda door: find_divergence(door, door, Position(1, Lsn(0x3000148)), SEGMENT),
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
        node=NODE,
        patience=1.0,
        script=ask,
        run=ask,
        binary=lambda name: f"/b/{name}",
        lacking=frozenset,
        programs=lambda: None,
        read={},
        wal=f"{NODE.data_directory}/pg_wal",
    )


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
