"""What a shell on the node says, read into a Disk."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from ..judgement.plans.rebuild import history_of
from ..model import Control, Disk, Lsn, Position
from ..model.errors import understood
from ..model.foreign import Told, blocks_of, lines_of, number, whole
from ..model.positions import is_segment
from ..wire.doors import Door
from .recovery_conf import parse_recovery_conf

_T = TypeVar("_T")
_TIMELINE = re.compile("[0-9A-F]{8}")


def read_disk(door: Door) -> Disk:
    """Ask the node's shell.

    Raises Unreachable, TooSlow or CommandFailed, also where its answer cannot be read.
    """
    asked = time.time()
    answer = door.script(_script(), door.node.data_directory, door.node.bin_directory)
    middle = (asked + time.time()) / 2
    with understood(door.node.name, "the answer of facts/disk.sh"):
        return parse_disk(answer.text, middle)


@cache
def _script() -> str:
    return Path(__file__).with_name("disk.sh").read_text("utf-8")


def parse_disk(text: str, now: float) -> Disk:
    """Read the answer of disk.sh; `now` is this machine's clock in seconds at the time.

    Raises ValueError where it cannot be told which processes there are: silence is better than a
    wrong answer.

    >>> parse_disk("clock 12.5\\nprocess 7\\nfree 1 1024\\nstandby standby.signal\\n"
    ... "blank /d is empty\\n", 12.0) # doctest: +ELLIPSIS +NORMALIZE_WHITESPACE
    Disk(control=None, blank='/d is empty', processes=(7,), halted=(), standby_files=...,
    ...unread={})
    """
    others, blocks = _blocks(lines_of(text))
    words, unread, histories = Told(others), dict[str, str](), dict[int, str]()
    for word, name, told in blocks:
        histories |= _history(name, "\n".join(told), unread) if word == "history" else {}
    of = {word: told for word, _, told in blocks}
    control = parse_control(of["control"]) if "control" in of else ""
    startup, programs = words.one("recovering"), words.one("programs")
    return Disk(
        control=control if isinstance(control, Control) else None,
        blank=words.one("blank") or (control if isinstance(control, str) else ""),
        processes=words.wholes("process"),
        halted=words.wholes("halted"),
        standby_files=words.all("standby"),
        triggers=words.all("trigger"),
        histories=histories,
        recovery=parse_recovery_conf("\n".join(of["recovery"])) if "recovery" in of else {},
        recovering=int(startup[:8], 16) if is_segment(startup[:24]) else 0,
        programs=int(programs) if programs.isdecimal() else 0,
        free_bytes=_perhaps("free", lambda: blocks_of(words.need("free")), unread),
        wal_free=_perhaps(
            "free", lambda: blocks_of((words.need("free"), *words.all("free"))[-1]), unread
        ),
        no_wal=words.one("nowal"),
        half=words.one("half"),
        unfinished=words.one("unfinished"),
        clock_skew=_perhaps("clock", lambda: number(words.need("clock"), "clock") - now, unread),
        **_dates(words.all("dated")),
        unread=unread,
    )


def _blocks(lines: list[str]) -> tuple[list[str], list[tuple[str, str, list[str]]]]:
    """Lines that stand alone, and the files that were printed.

    Of a file the word, the rest of that line, and the content up to a line `end`.
    """
    left, alone, found = iter(lines), list[str](), list[tuple[str, str, list[str]]]()
    for line in left:
        word, _, rest = line.partition(" ")
        if word in ("control", "history", "recovery"):
            found.append((word, rest, list(iter(lambda: next(left, "end"), "end"))))
        else:
            alone.append(line)
    return alone, found


def _history(name: str, told: str, unread: dict[str, str]) -> dict[int, str]:
    """A timeline's history, by its number.

    One that cannot be read is as good as none; other files may lie there.
    """
    if not _TIMELINE.fullmatch(name):
        return {}
    try:
        history_of(told)
    except ValueError as odd:
        unread[f"{name}.history"] = str(odd)
        return {}
    return {int(name, 16): told}


def _perhaps(word: str, read: Callable[[], _T], unread: dict[str, str]) -> _T | None:
    """What only few judgements lean on: where it cannot be read, why."""
    try:
        return read()
    except ValueError as odd:
        unread[word] = str(odd)
        return None


def _dates(lines: Iterable[str]) -> dict[str, float]:
    """When files were last changed or written, by lines of `stat`.

    A line is such as `NAME 2026-11-23 09:12:15.25 +0000 ...`.

    >>> _dates(["global/pg_control 1970-01-01 00:00:01.5 +0000 1970-01-01 01:00:02.25 +0100"])
    {'written': 2.25}
    """
    found = {}
    for line in lines:
        name, *changed_and_written = line.split(" ")
        changed, written = (changed_and_written[at : at + 3] for at in (0, 3))
        if name in ("standby.signal", "recovery.conf"):
            found["armed"] = _moment(changed)
        else:
            found["written" if name == "global/pg_control" else "forked"] = _moment(written)
    return found


def _moment(words: Sequence[str]) -> float:
    """Day, time and zone, in seconds since the epoch; 0 for what is no time."""
    try:
        return datetime.fromisoformat(" ".join(words[:2]) + words[2]).timestamp()
    except (ValueError, IndexError):
        return 0.0


def parse_control(lines: Iterable[str]) -> Control | str:
    """Read pg_controldata's words; a sentence instead where they cannot be trusted.

    A wrong checksum is only a warning of pg_controldata, and what it prints after it is no answer.
    """
    pairs = {}
    for line in lines:
        # 18 writes it in small letters, to stderr
        if "warning" in line.lower() or "crc checksum" in line.lower():
            return f"global/pg_control is damaged: {line.strip()}"
        key, _, value = line.partition(":")
        pairs[key.strip()] = value.strip()
    try:
        timeline = whole(pairs["Latest checkpoint's TimeLineID"], "Latest checkpoint's TimeLineID")
        return Control(
            system_id=pairs["Database system identifier"],
            state=pairs["Database cluster state"],
            checkpoint=Position(timeline, Lsn.parse(pairs["Latest checkpoint location"])),
            redo=Lsn.parse(pairs["Latest checkpoint's REDO location"]),
            minimum_recovery=Lsn.parse(pairs["Minimum recovery ending location"]),
            segment=whole(pairs["Bytes per WAL segment"], "Bytes per WAL segment"),
        )
    except KeyError as missing:
        return f"global/pg_control cannot be read: pg_controldata does not tell {missing}"
    except ValueError as odd:
        return f"global/pg_control cannot be read: {odd}"
