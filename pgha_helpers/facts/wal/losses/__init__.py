"""What a node has beyond a fork: its transactions, by the WAL on its disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ....model import Position
from ....model.losses import Losses, LostTransaction, Relation
from ....run.run import Run
from .beginning import beginning
from .names import name_all
from .reading import files_of, read_once
from .stretches import timelines_after


def losses(run: Run, node: str, fork: Position, segment: int, own: int = 0) -> Losses:
    """List what `node` has committed from `fork` to the end of its WAL.

    `segment`: bytes of one file of WAL. `fork` is on the timeline on which the node was there; it
    may have gone on to others since, to its `own` as far as that is known. The node may run or be
    stopped; what it goes on to write is not listed. What cannot be read is told in `unread`. Raises
    Unreachable where there is no shell, TooSlow after `timeouts.clone` seconds.
    """
    door = run.doors[node]
    start = beginning(door, fork, files_of(door).names, segment)
    found, reader = read_once(run, node, fork, segment, start, own)
    relations = set(_relations(found))
    names, databases = name_all(run, node, relations, reader.created, reader.databases)
    return replace(found, names=names, databases=databases)


def read_again(run: Run, found: Losses, also: Callable[[LostTransaction], object]) -> Losses:
    """Read once more what `losses` has read, and give each transaction to `also`.

    Memory does not hold all of them.
    """
    own = found.end.timeline
    again, _ = read_once(run, found.node, found.fork, found.segment, found.start, own, also)
    return again


def _relations(found: Losses) -> Iterable[Relation]:
    yield from found.totals
    for one in found.transactions:
        yield from one.dropped
    for two in found.undecided:
        yield from (relation for relation, _ in two.rows)


__all__ = ["files_of", "losses", "read_again", "timelines_after"]
