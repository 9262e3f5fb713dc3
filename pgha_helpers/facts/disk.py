"""What a shell on the node says, read into a Disk."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from ..model import Control, Disk, Lsn, Position
from ..wire.doors import Door
from .recovery_conf import parse_recovery_conf


def read_disk(door: Door) -> Disk:
    """Ask the node's shell. Raises Unreachable, TooSlow or CommandFailed."""
    asked = time.time()
    answer = door.script(_script(), door.node.data_directory, door.node.bin_directory)
    middle = (asked + time.time()) / 2
    return parse_disk(answer.stdout.decode("utf-8", "replace"), middle)


@cache
def _script() -> str:
    return Path(__file__).with_name("disk.sh").read_text()


def parse_disk(text: str, now: float) -> Disk:
    """Read the answer of disk.sh; `now` is this machine's clock in seconds at the time.

    >>> parse_disk("clock 12.5\\nprocess 7\\nfree 1 1024\\nstandby standby.signal\\nblank /d is empty\\n", 12.0)
    ... # doctest: +ELLIPSIS
    Disk(control=None, blank='/d is empty', processes=(7,), halted=(), standby_files=..., ...forked=0.0)
    """
    words: dict[str, list[str]] = {}
    histories: dict[int, str] = {}
    recovery: dict[str, str] = {}
    control = None
    lines = iter(text.splitlines())
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "control":
            control = parse_control(_until_end(lines))
        elif word == "history":
            histories[int(rest, 16)] = "\n".join(_until_end(lines))
        elif word == "recovery":
            recovery = parse_recovery_conf("\n".join(_until_end(lines)))
        else:
            words.setdefault(word, []).append(rest)
    blank = words.get("blank", [""])[0]
    return Disk(
        control=control if isinstance(control, Control) else None,
        blank=blank or (control if isinstance(control, str) else ""),
        processes=tuple(map(int, words.get("process", ()))),
        halted=tuple(map(int, words.get("halted", ()))),
        standby_files=tuple(words.get("standby", ())),
        histories=histories,
        recovery=recovery,
        recovering=int(words.get("recovering", ["0"])[0][:8], 16),
        programs=int(words.get("programs", ["0"])[0] or 0),
        free_bytes=_bytes(words.get("free", ["0"])[0]),
        wal_free=_bytes(words.get("free", ["0"])[-1]),
        no_wal=words.get("nowal", [""])[0],
        half=words.get("half", [""])[0],
        unfinished=words.get("unfinished", [""])[0],
        clock_skew=float(words.get("clock", [str(now)])[0]) - now,
        **_dates(words.get("dated", ())),
    )


def _bytes(told: str) -> int:
    return math.prod(map(int, told.split()))


def _dates(lines: Iterable[str]) -> dict[str, float]:
    """When files were last changed, or written, of lines such as `NAME 2026-11-23 09:12:15.25 +0000 ...`.

    >>> _dates(["global/pg_control 1970-01-01 00:00:01.5 +0000 1970-01-01 01:00:02.25 +0100"])
    {'written': 2.25}
    """
    found = {}
    for line in lines:
        name, *changed_and_written = line.split()
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
        if "warning" in line.lower() or "crc checksum" in line.lower():  # 18 writes it in small letters, to stderr
            return f"global/pg_control is damaged: {line.strip()}"
        key, _, value = line.partition(":")
        pairs[key.strip()] = value.strip()
    try:
        return Control(
            system_id=pairs["Database system identifier"],
            state=pairs["Database cluster state"],
            checkpoint=Position(
                int(pairs["Latest checkpoint's TimeLineID"]), Lsn.parse(pairs["Latest checkpoint location"])
            ),
            redo=Lsn.parse(pairs["Latest checkpoint's REDO location"]),
            minimum_recovery=Lsn.parse(pairs["Minimum recovery ending location"]),
            segment=int(pairs["Bytes per WAL segment"]),
        )
    except (KeyError, ValueError) as missing:
        return f"global/pg_control cannot be read: {missing}"


def _until_end(lines: Iterator[str]) -> list[str]:
    return list(iter(lambda: next(lines, "end"), "end"))
