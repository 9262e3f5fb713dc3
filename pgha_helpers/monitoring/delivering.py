"""`on_record:`: a command of the operator's own that brings each sealed record away."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from ..model import Head, Pair
from ..model.foreign import lines_of, shown, text_of
from ..model.show import span
from ..records.making.deliveries import undelivered
from ..records.making.folder import FolderLock, records_of
from ..records.making.numbering import add_line, own_sequence
from ..records.making.sequence import DELIVERED, UNDELIVERED, SequenceLine
from ..run.redaction import Redactor, secrets_of

_TAIL = 4096  # bytes of what it has said: its last line tells why it failed


def deliver_records(pair: Pair, until: float) -> Iterator[str]:
    """Run the command for each record that was not delivered, the newest first, until one fails.

    `until` is by the monotonic clock. Gives a sentence where one fails. Who may not write into the
    sequence delivers nothing: it would be forgotten.
    """
    own = own_sequence(pair)
    if not os.access(own.path, os.W_OK):
        return
    waiting, longest = undelivered(own.texts()), 0.0
    for name, line in reversed(waiting.items()):
        began, folder = time.monotonic(), records_of(pair) / name
        if until - began <= 2 * longest:  # none is begun only to be cut off
            return
        if not folder.is_dir():
            continue
        with FolderLock(folder) as mine:
            if not mine.held or name not in undelivered(own.texts(name)):
                continue  # somebody else does it
            why = _run(pair, folder, line, own.head(), until - began)
            longest = max(longest, time.monotonic() - began)
            if not why:
                add_line(pair, DELIVERED, record=name, manifest=line.told.get("manifest"))
                continue
        because = Redactor(secrets_of(pair)).text(why)
        add_line(pair, UNDELIVERED, record=name, because=because)
        yield f"{name} was not delivered by on_record, the next run tries again: {because}"
        return


def _run(pair: Pair, folder: Path, line: SequenceLine, head: Head | None, within: float) -> str:
    """Why the command failed; empty if it did not."""
    outcome, digest = (str(line.told.get(key, "")) for key in ("outcome", "manifest"))
    told, program = head.text if head else "", pair.on_record[0]
    # files, not pipes: what it leaves running in the background may hold them
    with TemporaryFile() as read, TemporaryFile() as written:
        read.write(told.encode())
        read.seek(0)
        try:
            process = subprocess.Popen(
                [*pair.on_record, str(folder), outcome, digest],
                stdin=read,
                stdout=written,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PGHA_PAIR": pair.name, "PGHA_HEAD": told},
                cwd=folder.parent,
                start_new_session=True,
            )
        except OSError as error:
            return f"{program}: {error.strerror}"
        try:
            status = process.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"{program} did not end within {span(round(within, 1))} (timeouts.notify)"
        if not status:
            return ""
        written.seek(max(0, written.seek(0, os.SEEK_END) - _TAIL))
        said = [shown(text) for text in lines_of(text_of(written.read())) if text.strip()]
    words = f": {said[-1]}" if said else ""
    return f"{program} ended with status {status}{words}"
