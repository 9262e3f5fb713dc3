"""`pgha -v`: what is asked of which node and how long that took, on stderr while it happens.

Nodes are asked by a kernel, by other processes of ours, or by the command itself. All write into
one pipe with a name, and the command alone reads it: so nobody who works ever waits for a reader,
and nothing of it is in a record.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from ..model import Pair
from ..model.foreign import text_of
from ..wire import trips
from .redaction import Redactor, secrets_of

PIPE = "PGHA_VERBOSE"  # environment: its path, for whatever this command starts
_LONGEST = 2000  # bytes: a line that is shorter than a page arrives in one piece

_reader: list[tuple[threading.Event, threading.Thread, Path]] = []
_secrets: set[str] = set()
_pipes: dict[str, int] = {}


def begin_telling() -> None:
    """From here on whatever this command and its processes ask is told on its stderr."""
    folder = Path(tempfile.mkdtemp(prefix="pgha-"))
    path = folder / "asked"
    os.mkfifo(path, 0o600)
    # for writing, too: else it ends whenever nobody writes
    number, over = os.open(path, os.O_RDWR | os.O_NONBLOCK), threading.Event()
    relay = threading.Thread(target=_relay, args=(number, over), name="pgha-verbose", daemon=True)
    os.environ[PIPE] = str(path)
    relay.start()
    _reader.append((over, relay, folder))


def end_telling() -> None:
    """Tell the rest; nothing where nobody has begun."""
    while _reader:
        over, relay, folder = _reader.pop()
        over.set()
        relay.join(2.0)
        shutil.rmtree(folder, ignore_errors=True)


def tell_of(pair: Pair) -> None:
    """Have what is asked of this pair's nodes told, if somebody listens."""
    path = os.environ.get(PIPE, "")
    if not path:
        return
    _secrets.update(secrets_of(pair))
    scrub = Redactor(_secrets)
    try:
        # a process that outlives its command finds no pipe, or none who reads it
        number = _pipes.get(path) or os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    _pipes[path] = number

    def tell(words: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it, or not fast enough
            os.write(number, scrub.text(words).encode()[:_LONGEST] + b"\n")

    trips.teller = tell


def _relay(number: int, over: threading.Event) -> None:
    rest = b""
    while True:
        if not select.select([number], [], [], 0.05)[0]:
            if over.is_set():
                return
            continue
        *lines, rest = (rest + os.read(number, 65536)).split(b"\n")
        for line in lines:
            print(text_of(line), file=sys.stderr, flush=True)
