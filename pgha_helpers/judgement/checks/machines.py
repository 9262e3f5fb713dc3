"""Do the machines have room, and do their clocks agree?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ...model import Disk, Snapshot
from ...model.errors import NotSeen
from ...model.show import size
from .check import check

_T = TypeVar("_T")
_SEGMENTS = 4  # of WAL, for which a standby must have room before it is made primary
_STOP = 1024 * 1024  # bytes: a few small files, which every checkpoint writes anew


@check(
    level="warning",
    value=lambda now: each_once(f"{node} {skew:+.2f} s" for node, skew in _skews(now).items()),
    limit=lambda now: f"{now.pair.limits.clock_skew:g} s",
)
def the_clocks_agree(now: Snapshot) -> str | None:
    """The nodes' clocks agree with this machine's.

    Mend NTP: with skewed clocks, lag in seconds and the times in this record mean little.
    """
    limit = now.pair.limits.clock_skew
    told = [
        f"{node} is {skew:+.1f} s off" for node, skew in _skews(now).items() if abs(skew) > limit
    ]
    return "; ".join(told) or None


@check(
    level="warning",
    value=lambda now: each_once(f"{node} {size(free)}" for node, free in _free(now).items()),
    limit=lambda now: size(now.pair.limits.free_space),
)
def there_is_disk_space(now: Snapshot) -> str | None:
    """Both data directories, and their WAL, have room to grow.

    Free some space: a full disk stops the primary, or replay on the standby.
    """
    limit = now.pair.limits.free_space
    told = [f"{node} has {size(free)} free" for node, free in _free(now).items() if free < limit]
    return "; ".join(told) or None


@check(value=lambda now: size(_room(now)), limit=lambda now: size(_needed(now)))
def the_standby_has_room_to_be_primary(now: Snapshot) -> str | None:
    """The standby's disk has room for what it writes as primary.

    Make room there first: a new primary without room crashes in its first checkpoint, and then
    nobody can write.
    """
    room, needed = _room(now), _needed(now)
    if room < needed:
        return f"{now.standby.node} has {size(room)} free, and needs {size(needed)}"
    return None


@check(value=lambda now: size(_free(now)[now.primary.node]), limit=lambda _: size(_STOP))
def the_primary_has_room_to_stop(now: Snapshot) -> str | None:
    """The primary's disk has room for what its shutdown writes.

    Make a little room: where nothing can be written the next checkpoint crashes it, and a move
    begins with one. Then it is moved.
    """
    free = _free(now)[now.primary.node]
    if free < _STOP:
        return f"{now.primary.node} has {size(free)} free, and needs {size(_STOP)}"
    return None


def _free(now: Snapshot) -> dict[str, int]:
    """Bytes by node, where there are fewer: for the data directory, or for its WAL."""
    return {node: _least(node, disk) for node, disk in now.disks()}


def _least(node: str, disk: Disk) -> int:
    free = _told(node, disk, "free", disk.free_bytes)
    return free if disk.wal_free is None else min(free, disk.wal_free)


def _skews(now: Snapshot) -> dict[str, float]:
    return {node: _told(node, disk, "clock", disk.clock_skew) for node, disk in now.disks()}


def _told(node: str, disk: Disk, word: str, value: _T | None) -> _T:
    """What the node's shell told. Raises NotSeen where that could not be read."""
    if value is None:
        raise NotSeen(
            f"{node}: {disk.unread.get(word, f'{word} is not told')}",
            f"look at the tools in the PATH of {node}",
        )
    return value


def _room(now: Snapshot) -> int:
    name = now.standby.node
    return _least(name, now.disk(name))


def _needed(now: Snapshot) -> int:
    """A few segments: those of a promotion, and those of the checkpoints around it."""
    return _SEGMENTS * int(now.standby.settings["wal_segment_size"])


def each_once(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
