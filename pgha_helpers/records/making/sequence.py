"""The sequence of a pair's records on one machine: a line when each is begun, sealed or thinned.

It lies beside the records, one file a machine, and only grows. Each line names the digest of the
one before, so that a record which was removed, invented, hidden or exchanged is a hole. Where
records are signed, so is each line that closes something; the signature stands behind it:

    {"n": 7, "at": "…", "what": "sealed", "record": "…", "manifest": "…", "prev": "…"} U1NIU0lH…
"""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ...model import Head
from ...model.errors import Refusal
from ...model.foreign import ODD, text_of
from ...model.show import utc

# What a line may tell. The first one of a file tells which records were there before it.
OPENED, BEGUN, SEALED = "opened", "begun", "sealed"
ATTACHED, THINNED, UNUSED, PAGE = "attached", "thinned", "unused", "page"
DRILLED = "drilled"
NOTED = "noted"
TOLD, UNTOLD = "told", "untold"  # a notice of a record was sent, or why it could not be
DELIVERED, UNDELIVERED = "delivered", "undelivered"  # by `on_record:`
#: Signed wherever records are: what comes after one of these cannot be made anew without the key.
CLOSING = frozenset({SEALED, ATTACHED, THINNED, UNUSED, PAGE, DRILLED})
_PATIENCE = 30.0  # seconds: who takes in an old archive reads each of its manifests meanwhile
_TAIL = 64 * 1024  # bytes: most lines are much shorter, and the last one is read at each run


@dataclass(frozen=True)
class SequenceLine:
    """One line as it stands there. `digest` is that of its text, without the signature.

    `told` is empty for a line that is none: torn by a crash, or spoiled.
    """

    digest: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    signature: bytes = b""
    raw: str = ""

    @property
    def number(self) -> int:
        """Its place; -1 where it tells none."""
        told = self.told.get("n")
        return told if isinstance(told, int) else -1

    @property
    def what(self) -> str:
        """One of the words above."""
        return str(self.told.get("what", ""))

    @property
    def record(self) -> str:
        """The name of the folder that it is about; empty where it is about none, or several."""
        return str(self.told.get("record", ""))

    @classmethod
    def parse(cls, raw: bytes) -> SequenceLine:
        """A line of the file; a spoiled one tells nothing, and has a digest all the same."""
        shown = text_of(raw)
        head, between, signed = raw.rpartition(b"} ")
        texts = [(raw, b"")]
        if between:
            texts.append((head + b"}", signed))
        for text, tail in texts:
            with suppress(*ODD):
                told = json.loads(text)
                signature = base64.b64decode(tail, validate=True)
                if isinstance(told, dict):
                    return cls(hashlib.sha256(text).hexdigest(), told, signature, shown)
        return cls(hashlib.sha256(raw).hexdigest(), raw=shown)


@dataclass(frozen=True)
class Sequence:
    """The file of one pair and one machine. `group` may read it, too."""

    records: Path
    pair: str
    host: str
    group: str = ""

    @property
    def path(self) -> Path:
        """`sequence-PAIR@HOST.jsonl`, beside the records."""
        names = (quote(name, safe="") for name in (self.pair, self.host))
        return self.records / f"sequence-{'@'.join(names)}.jsonl"

    def lines(self, about: str = "") -> list[SequenceLine]:
        """All of them in order, or those that name a record. Raises OSError.

        None if there is no such file.
        """
        return [SequenceLine.parse(raw) for raw in self._raws(about)]

    def holds(self, head: Head) -> bool:
        """Whether a line that somebody else holds still stands here. Raises OSError."""
        raws = self._raws("")
        if head.number >= len(raws):
            return False
        return SequenceLine.parse(raws[head.number]).digest == head.digest

    def newest_first(self, about: str = "") -> Iterator[SequenceLine]:
        """The same from the newest back: each is read when it is asked for. Raises OSError."""
        return map(SequenceLine.parse, reversed(self._raws(about)))

    def _raws(self, about: str) -> list[bytes]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        raws = data.removesuffix(b"\n").split(b"\n") if data else []
        return [raw for raw in raws if about.encode() in raw]

    def texts(self, about: str = "") -> list[str]:
        """The same as they stand there. Raises OSError."""
        return [text_of(raw) for raw in self._raws(about)]

    def head(self) -> Head | None:
        """The newest line that closes something, as it is told elsewhere. Raises OSError."""
        closing = (line for line in self.newest_first() if line.what in CLOSING)
        return next((head_of(line, self.pair, self.host) for line in closing), None)

    def begin_with(self, found: Callable[[], Mapping[str, str]]) -> None:
        """Write the first line, if there is none: the records `found` there, and their digests."""
        if self.path.exists() and self.path.stat().st_size:
            return
        with self._held() as file:
            if not os.fstat(file).st_size:
                self._write(file, self._text(OPENED, SequenceLine(), {"found": found()}), b"")

    def append(
        self, what: str, sign: Callable[[bytes], bytes] | None = None, **facts: Any
    ) -> SequenceLine:
        """Write the next line, signed by `sign`. Raises Refusal, and then nothing was written.

        Nobody waits while a key is asked for: if somebody else was quicker, it is asked again.
        """
        after: SequenceLine | None = None
        text, signature = b"", b""
        while True:
            with self._held() as file:
                last = _last(file)
                if sign is None:
                    text = self._text(what, last, facts)
                if sign is None or last == after:
                    return self._write(file, text, signature)
            after = last
            text = self._text(what, last, facts)
            digest = hashlib.sha256(text).hexdigest()
            signature = sign(Head(last.number + 1, self.pair, self.host, digest).signed)

    def _text(self, what: str, last: SequenceLine, facts: Mapping[str, Any]) -> bytes:
        told = {"n": last.number + 1, "at": utc(time.time()), "what": what}
        if what == OPENED:
            told |= {"pair": self.pair, "host": self.host}
        line = {**told, **facts, "prev": last.digest}
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")

    def _write(self, file: int, text: bytes, signature: bytes) -> SequenceLine:
        size = os.fstat(file).st_size
        raw = text + (b" " + base64.b64encode(signature) if signature else b"")
        torn = size and os.pread(file, 1, size - 1) != b"\n"
        try:
            left = (b"\n" if torn else b"") + raw + b"\n"
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        except OSError as error:
            os.ftruncate(file, size)
            raise self._refusal(error) from None
        return SequenceLine.parse(raw)

    @contextmanager
    def _held(self) -> Iterator[int]:
        """The file, open and locked. Raises Refusal."""
        new, file = not self.path.exists(), -1
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            _lock(file)
            if new and self.group:
                shutil.chown(self.path, group=self.group)
                self.path.chmod(0o640)
        except (OSError, LookupError) as error:  # a group that this machine does not know
            if file >= 0:
                os.close(file)
            raise self._refusal(error) from None
        try:
            yield file
        finally:
            os.close(file)

    def _refusal(self, error: OSError | LookupError) -> Refusal:
        why = error.strerror if isinstance(error, OSError) else str(error)
        words = f"no record can be numbered in {self.path}: {why}"
        return Refusal(words, "mend that: each record has its line there")


def _lock(file: int) -> None:
    """Hold the file, which others hold for milliseconds. Raises OSError after _PATIENCE."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                words = f"another process has held it for {_PATIENCE:.0f} s"
                raise OSError(errno.EWOULDBLOCK, words) from None
        time.sleep(0.005)


def _last(file: int) -> SequenceLine:
    """The newest line; its number is right even if it is torn. Of an empty file, number -1."""
    size = os.fstat(file).st_size
    length = min(size, _TAIL)
    while True:
        tail = os.pread(file, length, size - length)
        raw = tail.removesuffix(b"\n").rpartition(b"\n")
        if raw[1] or length == size:
            break
        length = min(size, 2 * length)
    found = SequenceLine.parse(raw[2])
    if found.number >= 0 or not size:
        return found
    count = len(os.pread(file, size, 0).removesuffix(b"\n").split(b"\n"))
    return SequenceLine(found.digest, {"n": count - 1}, b"", found.raw)


def head_of(line: SequenceLine, pair: str, host: str) -> Head:
    """A line of a machine's sequence, as it is told elsewhere, and as its signature names it."""
    return Head(line.number, pair, host, line.digest, base64.b64encode(line.signature).decode())


def sequences(records: Path, pair: str) -> list[Sequence]:
    """Those of every machine that has made records of this pair there."""
    found = []
    for path in sorted(records.glob("sequence-*@*.jsonl")):
        of, _, host = path.name.removeprefix("sequence-").removesuffix(".jsonl").partition("@")
        if unquote(of) == pair:
            found.append(Sequence(records, pair, unquote(host)))
    return found


def standings(records: Path, pair: str, about: str = "") -> dict[str, dict[str, SequenceLine]]:
    """What the sequences of a pair tell of each record, or of one: see `standing`. Raises OSError.

    One is found without reading what a hundred thousand lines mean.
    """
    lines: list[SequenceLine] = []
    for each in sequences(records, pair):
        lines += each.lines(about)
    return standing(lines)


def standing(lines: list[SequenceLine]) -> dict[str, dict[str, SequenceLine]]:
    """What lines tell of each record, by its folder's name: {name: {what: line}}.

    One that was there before the sequence counts as begun, and as sealed if it had a manifest.
    """
    found: dict[str, dict[str, SequenceLine]] = {}
    for line in lines:
        if line.record:
            found.setdefault(line.record, {}).setdefault(line.what, line)
        for name in pairs_in(line, "records"):
            found.setdefault(name, {}).setdefault(line.what, line)
        for name, digest in pairs_in(line, "found").items():
            known = found.setdefault(name, {})
            known.setdefault(BEGUN, line)
            if digest:
                known.setdefault(SEALED, line)
    return found


def pairs_in(line: SequenceLine, key: str) -> dict[str, str]:
    """Names of records and the digests of their manifests, as an opening or a thinning tells."""
    told = line.told.get(key)
    if not isinstance(told, dict):
        return {}
    return {str(name): str(digest) for name, digest in told.items()}
