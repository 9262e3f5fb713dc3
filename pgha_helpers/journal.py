"""The record proper: one line of JSON per event, flushed to disk before the deed that it announces.

Each line carries the SHA-256 of the line before, and its writer holds a lock on the file: a journal without an end
line whose lock is free was interrupted, whatever anybody says.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from .errors import Refusal
from .show import utc

Event = dict[str, Any]
NAME = "journal.jsonl"


class Journal:
    """A journal being written. Raises Refusal if the folder cannot be written to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Refusal(f"no journal can be written in {folder}: {error.strerror}", "mend `records:`") from None
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._last, self._count, self._held = "", 0, False
        self._mutex = threading.Lock()
        self.events: list[Event] = []

    def write(self, event: str, **facts: Any) -> None:
        """Append one event and flush it to disk.

        Raises Refusal after the end line, and OSError when the disk refuses: but inside the outage window that is
        only said aloud, because half a hand-over is worse than a line that stands on the terminal alone.
        """
        if self._file < 0 or (self.events and self.events[-1]["event"] == "run ended"):
            raise Refusal("this run has ended", "run the first cell again: it begins a new run")
        with self._mutex:
            now = time.time()
            line = {"n": self._count, "at": utc(now), "event": event, **facts, "prev": self._last}
            text = json.dumps(line, default=_plain, ensure_ascii=False)
            self._put(text.encode("utf-8", "replace") + b"\n")
            self._last, self._count = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), self._count + 1
            self.events.append(json.loads(text))

    def _put(self, line: bytes) -> None:
        try:
            os.write(self._file, line)
            if not self._held:
                os.fsync(self._file)
        except OSError as error:
            if not self._held:
                raise
            print(f"THE JOURNAL CANNOT BE WRITTEN ({error}). {line.decode()}", flush=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside the outage window lines are written at once but flushed right after: a flush may take long."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            with contextlib.suppress(OSError):  # a disk that fails is found by the next line
                os.fsync(self._file)

    def close(self) -> None:
        """Let the lock go."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


@dataclass(frozen=True)
class Story:
    """A journal that was read: its events, and what became of the run.

    `state` is ended, running or interrupted; `broken` says where the chain of digests does not hold.
    """

    events: Sequence[Event]
    state: str
    broken: str = ""

    @property
    def outcome(self) -> str:
        """The outcome of the end line, else the state."""
        return str(self.events[-1]["outcome"]) if self.state == "ended" else self.state

    @property
    def changed(self) -> bool:
        """Whether any deed has begun."""
        return any(e["event"] == "deed begun" for e in self.events)

    def first(self, event: str) -> Event:
        """The first event of a kind, or an empty one."""
        return next((e for e in self.events if e["event"] == event), {})

    def last(self, event: str) -> Event:
        """The last event of a kind, or an empty one."""
        return next((e for e in reversed(self.events) if e["event"] == event), {})


def read(folder: Path) -> Story:
    """Read a run's journal. Raises FileNotFoundError if there is none."""
    path = folder / NAME
    lines = path.read_bytes().split(b"\n")[:-1]  # a line without its newline was never finished
    events: list[Event] = []
    previous, broken = "", ""
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError:
            broken = broken or f"line {number} is not JSON"
            continue
        if event.get("prev") != previous:
            broken = broken or f"line {number} does not continue line {number - 1}"
        previous = hashlib.sha256(line).hexdigest()
        events.append(event)
    return Story(events, _state(path, events), broken)


def _state(path: Path, events: Sequence[Event]) -> str:
    if events and events[-1]["event"] == "run ended":
        return "ended"
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return "running"
    return "interrupted"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__, **asdict(value)}
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
