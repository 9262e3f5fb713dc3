"""What a shell on the node says, read into a Disk."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from ..judgement.plans.rebuild import history_of
from ..model import Control, Disk, Lsn, Position, Sender
from ..model.dialect import CONTROL_OF_GAPPY, NEWEST, has
from ..model.disk import NOWHERE
from ..model.errors import understood
from ..model.foreign import Told, blocks_of, lines_of, number, whole
from ..model.major import Major
from ..model.positions import GappySegment, is_segment, there
from ..wire.doors import Door
from ..wire.scripts import script_file, shell_functions
from .control_bytes import control_of
from .recovery_conf import parse_recovery_conf
from .wal.older_history import by_positions

_SCRIPT = script_file(__file__, "disk.sh")
_CONTROL = shell_functions("controldata.sh") + 'controldata "$1" "$2"'
_T = TypeVar("_T")
_BLOCK = re.compile(r"^history ([0-9A-F]{8})\n(.*?)\n?^end$", re.MULTILINE | re.DOTALL)
_TIMELINE = re.compile("[0-9A-F]{8}")


def read_disk(door: Door, within: float | None = None) -> Disk:
    """Ask the node's shell; `within` is a deadline in seconds, by default that of any command.

    Raises Unreachable, TooSlow or CommandFailed, also where its answer cannot be read.
    """
    asked = time.time()
    programs = door.programs()
    words = (door.node.data_directory, door.node.bin_directory, str(programs or ""))
    answer = door.script(_SCRIPT, *words, within=within)
    middle = (asked + time.time()) / 2
    with understood(door.node.name, "the answer of facts/disk.sh"):
        text = _BLOCK.sub(lambda block: _by_positions(door, block), answer.text)
        return as_known_to(programs, parse_disk(text, middle, programs))


def as_known_to(programs: Major | None, disk: Disk) -> Disk:
    """The same with what this version makes of its files."""
    if programs is None or not has("standby_signal", programs):
        return replace(disk, programs=programs)
    known = tuple(name for name in disk.standby_files if name != "recovery.conf")
    unknown = tuple(name for name in disk.standby_files if name not in known)
    return replace(disk, programs=programs, standby_files=known, unknown_files=unknown, recovery={})


def _by_positions(door: Door, block: re.Match[str]) -> str:
    return f"history {block[1]}\n{by_positions(door, int(block[1], 16), block[2])}\nend"


def parse_disk(text: str, now: float, programs: Major | None = None) -> Disk:
    """Read the answer of disk.sh; `now` is this machine's clock in seconds at the time.

    Raises ValueError where it cannot be told which processes there are: silence is better than a
    wrong answer.

    >>> parse_disk("clock 12.5\\nprocess 7\\nfree 1 1024\\nstandby standby.signal\\n"
    ... "blank /d is empty\\n", 12.0) # doctest: +ELLIPSIS +NORMALIZE_WHITESPACE
    Disk(control=None, blank='/d is empty', processes=(7,), halted=(), standby_files=...,
    ...unread={})
    """
    alone, blocks = _blocks(lines_of(text))
    words = Told(alone)
    unread: dict[str, str] = {}
    control, histories, recovery = _printed(blocks, unread, programs)
    startup = words.one("recovering")
    return Disk(
        control=control if isinstance(control, Control) else None,
        blank=words.one("blank") or (control if isinstance(control, str) else ""),
        processes=words.wholes("process"),
        halted=words.wholes("halted"),
        standby_files=words.all("standby"),
        triggers=words.all("trigger"),
        histories=histories,
        recovery=recovery,
        label=words.one("label"),
        recovering=int(startup[:8], 16) if is_segment(startup[:24]) else 0,
        held=startup.endswith(" waiting"),
        senders=tuple(_sender(title, control) for title in words.all("walsender")),
        receiver=words.one("walreceiver"),
        port=_port(words.one("port")),
        owner=words.one("owner"),
        free_bytes=_perhaps("free", lambda: blocks_of(words.need("free")), unread),
        wal_free=_perhaps("free", lambda: _wal_free(words), unread),
        no_wal=words.one("nowal"),
        half=words.one("half"),
        unfinished=words.one("unfinished"),
        clock_skew=_perhaps("clock", lambda: number(words.need("clock"), "clock") - now, unread),
        **_dates(words.all("dated")),  # type: ignore[arg-type]
        unread=unread,
    )


def _port(told: str) -> int:
    return int(told) if told.isdecimal() else 0


def _sender(title: str, control: Control | str = "") -> Sender:
    """A walsender of 9.0 by its title, which tells how far it has sent, and says `startup` until
    it has had something to send.

    >>> _sender("7 replicator 127.0.0.1(51854) startup").state
    'streaming'
    """
    pid, user, address, state, at = [*title.split(), *[""] * 5][:5]
    segment = control.segment if isinstance(control, Control) else 0
    sent = there(Lsn.parse(at), segment) if "/" in at else NOWHERE
    host = address.partition("(")[0]
    state = "streaming" if state == "startup" else state
    return Sender(int(pid), "", user, host, state, sent, sent, sent, sent, None, "async")


def _printed(
    blocks: list[tuple[str, str, list[str]]], unread: dict[str, str], programs: Major | None
) -> tuple[Control | str, dict[int, str], dict[str, str]]:
    """The control file, or why it cannot be read, the histories, and what recovery.conf says."""
    control: Control | str = ""
    histories: dict[int, str] = {}
    recovery: dict[str, str] = {}
    for word, name, lines in blocks:
        if word == "control":
            control = parse_control(lines)
        elif word == "history":
            histories |= _history(name, "\n".join(lines), unread)
        else:
            recovery = parse_recovery_conf("\n".join(lines), programs or NEWEST)
    return control, histories, recovery


def _wal_free(words: Told) -> int:
    """Bytes that are free where WAL lies, which is told second, where it has a place of its own."""
    first = words.need("free")
    return blocks_of((first, *words.all("free"))[-1])


def _blocks(lines: list[str]) -> tuple[list[str], list[tuple[str, str, list[str]]]]:
    """Lines that stand alone, and the files that were printed.

    Of a file the word, the rest of that line, and the content up to a line `end`.
    """
    left = iter(lines)
    alone: list[str] = []
    found: list[tuple[str, str, list[str]]] = []
    for line in left:
        word, _, rest = line.partition(" ")
        if word not in ("control", "history", "recovery"):
            alone.append(line)
            continue
        content = itertools.takewhile(lambda each: each != "end", left)
        found.append((word, rest, list(content)))
    return alone, found


def _history(name: str, text: str, unread: dict[str, str]) -> dict[int, str]:
    """A timeline's history, by its number.

    One that cannot be read is as good as none; other files may lie there.
    """
    if not _TIMELINE.fullmatch(name):
        return {}
    try:
        history_of(text)
    except ValueError as odd:
        unread[f"{name}.history"] = str(odd)
        return {}
    return {int(name, 16): text}


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
        name, *moments = line.split(" ")
        changed = moments[:3]
        written = moments[3:6]
        if name in ("standby.signal", "recovery.conf"):
            found["armed"] = _moment(changed)
        elif name == "global/pg_control":
            found["written"] = _moment(written)
        else:
            found["forked"] = _moment(written)
    return found


def _moment(words: Sequence[str]) -> float:
    """Day, time and zone, in seconds since the epoch; 0 for what is no time."""
    try:
        return datetime.fromisoformat(" ".join(words[:2]) + words[2]).timestamp()
    except (ValueError, IndexError):
        return 0.0


def ask_control(door: Door, directory: str = "") -> Control | str:
    """The control file of the node's data directory, or of another one; a sentence where it cannot
    be trusted. Raises as a command does.
    """
    asked = (directory or door.node.data_directory, door.node.bin_directory)
    return parse_control(door.script(_CONTROL, *asked, okay=range(256)).lines)


_XID = "Latest checkpoint's NextXID"


def parse_control(lines: Iterable[str]) -> Control | str:
    """Read pg_controldata's words, or the bytes; a sentence instead where they cannot be trusted.

    A wrong checksum is only a warning of pg_controldata, and what it prints after it is no answer.
    """
    values = {}
    for line in lines:
        # 18 writes it in small letters, to stderr
        if "warning" in line.lower() or "crc checksum" in line.lower():
            return f"global/pg_control is damaged: {line.strip()}"
        if line.startswith("bytes "):
            return control_of(bytes.fromhex(line.removeprefix("bytes ")))
        key, _, value = line.partition(":")
        values[key.strip()] = value.strip()
    try:
        timeline = "Latest checkpoint's TimeLineID"
        checkpoint = Lsn.parse(values["Latest checkpoint location"])
        segment = whole(values["Bytes per WAL segment"], "Bytes per WAL segment")
        if values.get("pg_control version number") in CONTROL_OF_GAPPY:
            segment = GappySegment(segment)
        return Control(
            system_id=values["Database system identifier"],
            state=values["Database cluster state"],
            checkpoint=Position(whole(values[timeline], timeline), checkpoint),
            redo=Lsn.parse(values["Latest checkpoint's REDO location"]),
            minimum_recovery=there(Lsn.parse(values["Minimum recovery ending location"]), segment),
            segment=segment,
            backup=Lsn.parse(values.get("Backup start location", "0/0")),
            xid=whole(re.split("[/:]", values.get(_XID, "0"))[-1], _XID),
        )
    except KeyError as missing:
        return f"global/pg_control cannot be read: pg_controldata does not tell {missing}"
    except ValueError as odd:
        return f"global/pg_control cannot be read: {odd}"
