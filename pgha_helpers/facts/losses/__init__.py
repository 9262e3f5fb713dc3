"""What a node has beyond a fork: its transactions, by the WAL on its disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...model import Position
from ...model.losses import Losses, Lost, Relation
from ...model.marks import MB
from ...run import Run
from .names import name_all
from .reading import files_of, read_once
from .stretches import position_of, timelines_after

#: Bytes before the fork: at first a few, then more while a transaction is not known to have begun in what was read.
_BACK = (16 * MB, 128 * MB, 512 * MB)


def losses(run: Run, node: str, fork: Position, segment: int) -> Losses:
    """List what `node` has committed from `fork` to the end of its WAL. `segment`: bytes of one file of WAL.

    `fork` is on the timeline on which the node was there; it may have gone on to others since. The node may run or be
    stopped; what it goes on to write is not listed. What cannot be read is told in `unread`.
    Raises Unreachable where there is no shell, TooSlow after `timeouts.clone` seconds.
    """
    found, reader, start = None, None, None
    for back in _BACK:
        found, reader = read_once(run, node, fork, segment, back)
        if not found.incomplete or found.start == start:
            break
        start = found.start
    assert found and reader
    names, databases = name_all(run, node, set(_relations(found)), reader.created, reader.databases)
    return replace(found, names=names, databases=databases)


def read_again(run: Run, found: Losses, segment: int, also: Callable[[Lost], object]) -> Losses:
    """Read once more what `losses` has read, and give each transaction to `also`: memory does not hold all of them."""
    back = max(0, int(found.fork.lsn) - int(found.start))
    return read_once(run, found.node, found.fork, segment, back, also)[0]


def _relations(found: Losses) -> Iterable[Relation]:
    yield from found.totals
    for one in found.transactions:
        yield from one.dropped
    for two in found.undecided:
        yield from (relation for relation, _ in two.rows)


__all__ = ["files_of", "losses", "position_of", "read_again", "timelines_after"]
