"""Keeping what a loser had, before anything of it is overwritten.

Its WAL, byte for byte, and the list of what it did. Nothing changes on the node: both go into the
record of the run, and the journal tells their digests.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from ...facts.wal.losses import files_of, read_again, timelines_after
from ...model import Lsn, frontend
from ...model.errors import NotSafe, Refusal, TooSlow, Unreachable
from ...model.foreign import shown, text_of
from ...model.losses import CSV_HEAD, Losses, LostTransaction
from ...model.positions import is_segment, segment_start, there
from ...model.show import plural, size
from ...run.events import DIVERGED_KEPT
from ...run.run import Run
from ...wire.doors import Door
from ...wire.scripts import shell_functions
from ...wire.shell import as_user

DIVERGED_CSV = "diverged.csv"

_SHA256 = shell_functions("sha256.sh")
#: A file, and its digest beside it: both at once, because each takes as long, and the node's shell
#: stays free.
_BOTH = _SHA256 + 'sha256 < "$1" >&2 & cat -- "$1"; wait'


def keep_wal(
    run: Run, losses: Losses, wal: str = "", still: Callable[[], None] = lambda: None
) -> tuple[str, ...]:
    """Copy the WAL that holds `losses` into the record, whole files, and compare them.

    Gives their names there, `wal-` and PostgreSQL's own; none where nothing lies beyond the fork.
    What is there already is compared, not copied again. It is read from the folder `wal` on the
    node, or else from the node's own; `still` raises when it is not to go on. Raises NotSafe where
    WAL is missing in between or changes meanwhile, Refusal where there is no room for it,
    Unreachable, TooSlow.
    """
    door = run.doors[losses.node]
    wal = wal or door.wal
    names = _between(door, losses, wal)
    room = shutil.disk_usage(run.folder).free
    needed = len(names) * losses.segment
    if room < needed * 1.1:
        raise Refusal(
            f"the diverged WAL of {losses.node} has {size(needed)}, and {run.folder} has "
            f"{size(room)} free",
            "make room there; nothing of the node is overwritten before its WAL is kept",
        )
    scale: dict[str, Any] = {
        "unit": "B",
        "unit_scale": True,
        "unit_divisor": 1024,
        "disable": not frontend.watched(),
    }
    with tqdm(total=needed, desc=f"WAL of {losses.node}", mininterval=0.5, **scale) as bar:
        for name in names:
            _keep(run, door, f"{wal}/{name}", bar, still)
    return tuple(f"wal-{name}" for name in names)


def _between(door: Door, losses: Losses, wal: str) -> list[str]:
    """The files of this range on each of its timelines, and the histories between these."""
    fork, end, segment = losses.fork, losses.end, losses.segment
    if end.lsn <= fork.lsn:
        return []
    files = files_of(door, wal)
    after = timelines_after(fork.timeline, files.names, files.histories, end.timeline)
    gone_through = [one for one, _ in after]
    first = int(fork.lsn) // segment
    last = (int(end.lsn) - 1) // segment
    found: dict[int, list[str]] = {number: [] for number in range(first, last + 1)}
    for name in filter(is_segment, files.names):
        at = segment_start(name, segment)
        if at.timeline in gone_through and first <= int(at.lsn) // segment <= last:
            found[int(at.lsn) // segment].append(name)
    empty = [Lsn(number * segment) for number, names in found.items() if not names]
    if missing := [at for at in empty if there(at, segment) == at]:
        raise NotSafe(
            f"{door.node.name} lacks {plural(len(missing), 'file')} of its WAL between {fork} and "
            f"{end}, the first at {missing[0]}: what it had cannot be kept whole",
            "keep its data directory: only a copy beside it leaves everything where it is",
        )
    histories = [
        f"{one:08X}.history"
        for one in gone_through
        if one in files.histories and one > fork.timeline
    ]
    return [*(name for names in found.values() for name in names), *histories]


def _keep(run: Run, door: Door, source: str, bar: tqdm[Any], still: Callable[[], None]) -> None:
    target = run.folder / f"wal-{source.rpartition('/')[2]}"

    def come(count: int) -> None:
        still()
        bar.update(count)

    have = _hashed(target) if target.exists() else ""
    if not have or have != _digest(door, source, run):
        have, there = _copy(door, source, target, come, run.timeouts.clone)
        if have != there:
            raise NotSafe(
                f"what has come of {source} from {door.node.name} is not what is there: it was "
                "written to, or cut off",
                "see that PostgreSQL is stopped there, and run this notebook again",
            )
    run.journal.write(
        DIVERGED_KEPT,
        file=target.name,
        node=door.node.name,
        sha256=have,
        bytes=target.stat().st_size,
    )


def _digest(door: Door, path: str, run: Run) -> str:
    return door.script(
        _SHA256 + 'sha256 < "$1"', path, within=run.timeouts.checkpoint
    ).text.partition(" ")[0]


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(
    door: Door, source: str, target: Path, come: Callable[[int], None], within: float
) -> tuple[str, str]:
    """Copy one file from the node, a piece at a time.

    Gives the digests of what has come, and of what is there.
    """
    digest = hashlib.sha256()
    told = b""
    with _whole(target) as file:
        for piece, words in _pieces(door, source, within):
            digest.update(piece)
            file.write(piece)
            come(len(piece))
            told += words
    return digest.hexdigest(), text_of(told).partition(" ")[0]


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone, which has its name once all of it is on disk."""
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _pieces(door: Door, source: str, within: float) -> Iterator[tuple[bytes, bytes]]:
    """What a file on the node holds, and beside it its digest there, then other words.

    A connection that is lost looks like its end, which the digest tells apart.
    """
    pipes = door.pipes(
        "exec " + shlex.join(as_user(door.node.owner, "sh", "-c", _BOTH, "sh", source))
    )
    deadline = time.monotonic() + within
    try:
        while time.monotonic() < deadline:
            yield pipes.receive(1.0)
        raise TooSlow(f"{door.node.name}: {source} was not read within {within:g} s")
    except EOFError:
        return
    except OSError as error:
        raise Unreachable(
            f"{door.node.name}: the connection was lost while {source} was read: {error}"
        ) from None
    finally:
        pipes.close()


def keep_list(run: Run, losses: Losses) -> str:
    """Write every transaction of `losses` into the record, as diverged.csv; gives that name.

    Where there are more than memory holds, the node's WAL is read once more. Raises NotSafe if it
    is not what it was then.
    """

    path = run.folder / DIVERGED_CSV
    with _whole(path) as file:

        def write(*lost: LostTransaction) -> None:
            file.write(shown(losses.csv(lost)).encode("utf-8"))

        file.write((",".join(CSV_HEAD) + "\n").encode("utf-8"))
        if losses.count > len(losses.transactions):
            again = read_again(run, losses, write)
            _same(losses, again)
        else:
            write(*losses.transactions)
    run.journal.write(
        DIVERGED_KEPT,
        file=DIVERGED_CSV,
        node=losses.node,
        sha256=_hashed(path),
        transactions=losses.count,
    )
    return DIVERGED_CSV


def _same(before: Losses, now: Losses) -> None:
    if (before.count, before.end) != (now.count, now.end):
        raise NotSafe(
            f"{before.node} had {plural(before.count, 'transaction')} beyond the fork, and now has "
            f"{now.count}",
            "somebody writes there: run this notebook again",
        )
