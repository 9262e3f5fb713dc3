"""The record proper: one line of JSON per event, flushed to disk before the deed that it announces.

Each line carries the SHA-256 of the line before, and its writer holds a lock on the file: a journal
without an end line whose lock is free was interrupted, whatever anybody says.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..model.errors import Refusal
from ..model.foreign import ODD, text_of
from ..model.show import utc
from .events import DEED_BEGUN, EVENTS, RUN_BEGUN, RUN_ENDED
from .format_1 import as_format_2
from .interrupts import uninterrupted

Event = dict[str, Any]
JOURNAL = "journal.jsonl"
_ROOM = 1024 * 1024  # bytes: a promotion writes 70 kB


class Journal:
    """A journal being written; `scrub` takes secrets out of facts.

    Raises Refusal if it cannot be made there.
    """

    def __init__(self, folder: Path, scrub: Callable[[Event], Event] = lambda facts: facts) -> None:
        self.path = folder / JOURNAL
        try:
            self._file = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise Refusal(
                f"no journal can be written in {folder}: {error.strerror}", "mend `records:`"
            ) from None
        # somebody may look, for a moment, whether it is held
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._scrub = scrub
        self._held = False
        self._mutex = threading.Lock()
        self._unwritten = bytearray()
        self.last = ""  # the digest of the newest line
        self.events: list[Event] = []

    def reserve(self) -> None:
        """Have room on the disk for all that a change may still have to say.

        Raises Refusal where there is none. A disk that fills up later, even in the outage window,
        then costs no line: what the run says at its end is what its record, its exit code and the
        list say.
        """
        if why_not := _reserved(self._file, os.fstat(self._file).st_size + _ROOM):
            raise Refusal(
                f"the journal would not have room to be written to its end: {why_not}",
                _make_room(self.path),
            )

    def write(self, event: str, **facts: Any) -> None:
        """Append one event.

        One that announces something, or ends it, is flushed to disk, and all before it. Raises
        TypeError for what `events.py` does not declare, and Refusal after the end line, and when
        the disk refuses before any deed has begun. From then on a line that the disk refuses is
        kept in memory, told aloud and tried again: half a hand-over is worse than that.
        """
        declared = EVENTS.get(event)
        if declared is None:
            raise TypeError(f"{event!r} is no event: declare it in run/events.py")
        if undeclared := declared.undeclared(facts):
            raise TypeError(f"{event!r} has no {undeclared}: declare it in run/events.py")
        if self._file < 0 or (self.events and self.events[-1]["event"] == RUN_ENDED):
            raise Refusal("this run has ended", "run the first cell again: it begins a new run")
        # Ctrl-C between the line and its digest would break the chain for ever
        with self._mutex, uninterrupted():
            told = self._scrub(json.loads(json.dumps(facts, default=_plain)))
            line = {
                "n": len(self.events),
                "at": utc(time.time()),
                "event": event,
                **told,
                "prev": self.last,
            }
            text = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
            self._put(text + b"\n", flush=declared.flushed)
            self.last = hashlib.sha256(text).hexdigest()
            self.events.append(json.loads(text))

    def _put(self, line: bytes, flush: bool) -> None:
        size = os.fstat(self._file).st_size
        self._unwritten += line
        try:
            self._flush(flush)
        except OSError as error:
            if not any(e["event"] == DEED_BEGUN for e in self.events):
                self._unwritten.clear()
                # nothing is kept here, so no half of a line may stay there
                os.ftruncate(self._file, size)
                raise Refusal(
                    f"the journal cannot be written: {error.strerror}", _make_room(self.path)
                ) from None
            print(
                f"THE JOURNAL CANNOT BE WRITTEN ({error.strerror}). The run goes on, and keeps "
                "it in memory and here:"
            )
            print(text_of(line), flush=True)

    def _flush(self, to_disk: bool = True) -> None:
        """Write what has not been written yet.

        A line that was cut short by a full disk is completed later.
        """
        while self._unwritten:
            del self._unwritten[: os.write(self._file, self._unwritten)]
        if to_disk and not self._held:
            os.fsync(self._file)

    @property
    def began(self) -> float:
        """When its first line was written, in seconds since the epoch."""
        return datetime.fromisoformat(self.events[0]["at"]).timestamp()

    @property
    def whole(self) -> bool:
        """Whether every line is on disk."""
        return not self._unwritten

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside the outage window lines are written at once but flushed right after.

        A flush may take long.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
            with contextlib.suppress(OSError):  # a disk that fails is found by the next line
                self._flush()

    def close(self) -> None:
        """Let the lock go, after a last attempt to write what the disk has refused."""
        if self._file < 0:
            return
        try:
            self._flush()
        except OSError as error:
            lines = self._unwritten.count(b"\n")
            print(
                f"THE JOURNAL IS NOT WHOLE: {lines} lines are not on disk ({error.strerror}); "
                "they stand above."
            )
        release(self.path)
        os.close(self._file)
        self._file = -1


def _make_room(path: Path) -> str:
    return f"make room for {path.parent}"


def _reserved(file: int, until: int) -> str:
    """Keep blocks of the disk for a file up to there, without making it longer.

    Gives why there are none. Where the file system cannot, nobody knows, and it is left at that.
    Python knows only the call that makes it longer.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    keep_size = 1
    if fallocate is None:
        return ""
    if fallocate(file, keep_size, ctypes.c_int64(0), ctypes.c_int64(until)) == 0:
        return ""
    number = ctypes.get_errno()
    return os.strerror(number) if number in (errno.ENOSPC, errno.EDQUOT) else ""


def release(path: Path) -> None:
    """Give back what a journal had reserved and not used, also that of a run that was killed."""
    with contextlib.suppress(OSError):
        os.truncate(path, path.stat().st_size)


@dataclass(frozen=True)
class Story:
    """A journal that was read: its events, and what became of the run.

    `state` is ended, running or interrupted; `broken` says where the chain of digests does not
    hold; `digests` are those of its lines, in order.
    """

    events: Sequence[Event]
    state: str
    broken: str = ""
    digests: Sequence[str] = ()

    @property
    def format(self) -> int:
        """Which events and fields it was written with, see `events.py`."""
        told = self.first(RUN_BEGUN).get("format", 1)
        return told if isinstance(told, int) else 1

    @property
    def outcome(self) -> str:
        """The outcome of the end line, else the state."""
        if self.state != "ended":
            return self.state
        return str(self.events[-1].get("outcome", ""))

    @property
    def changed(self) -> bool:
        """Whether any deed has begun."""
        return any(e["event"] == DEED_BEGUN for e in self.events)

    def first(self, event: str) -> Event:
        """The first event of a kind, or an empty one."""
        return next((e for e in self.events if e["event"] == event), {})

    def last(self, event: str) -> Event:
        """The last event of a kind, or an empty one."""
        return next((e for e in reversed(self.events) if e["event"] == event), {})


def read(folder: Path) -> Story:
    """Read a run's journal. Raises FileNotFoundError if there is none."""
    path = folder / JOURNAL
    lines = path.read_bytes().split(b"\n")[:-1]  # a line without its newline was never finished
    events: list[Event] = []
    digests: list[str] = []
    previous, broken = "", ""
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            follows = (
                event["prev"] == previous
                and event["n"] == number - 1
                and isinstance(event["event"], str)
            )
        except ODD:
            broken = broken or f"line {number} is not an event"
            continue
        if not follows:
            broken = broken or f"line {number} does not continue line {number - 1}"
        previous = hashlib.sha256(line).hexdigest()
        digests.append(previous)
        events.append(event)
    story = Story(events, _state(path, events), broken, digests)
    return replace(story, events=as_format_2(events)) if story.format == 1 else story


def held_by_writer(folder: Path) -> bool:
    """Whether the process that writes this journal still lives: it holds a lock on the file."""
    with (folder / JOURNAL).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _state(path: Path, events: Sequence[Event]) -> str:
    if events and events[-1]["event"] == RUN_ENDED:
        return "ended"
    return "running" if held_by_writer(path.parent) else "interrupted"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__, **asdict(value)}
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
