"""Segments that a lost node closed and never archived: nobody should discover the hole at the next
recovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...model import Snapshot
from ...model.positions import is_segment, segment_start
from ...model.show import plural
from ...model.sightings import disk_of
from .rebuild import history_of

_SHOWN = 5  # names that are told one by one


@dataclass(frozen=True)
class Unarchived:
    """Names of a node's segments that are ready for its archiver: before the fork, and after it.

    Those before it belong to the history that goes on, and only this node may have closed them.
    Those after it belong to the one that is left behind.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def sort_unarchived(now: Snapshot, names: Sequence[str], segment: int) -> Unarchived:
    """Which of a node's segments that wait for its archiver lie before the fork. Raises NotSeen
    without a primary.
    """
    disk, timeline = disk_of(now.primary), now.primary.timeline
    forks = history_of(disk.histories.get(timeline, "") if disk else "") | {
        timeline: now.primary.written
    }
    whole = {name: name.removesuffix(".partial") for name in sorted(names)}
    starts = {
        name: segment_start(file, segment) for name, file in whole.items() if is_segment(file)
    }
    before = tuple(
        name for name, at in starts.items() if at.timeline in forks and at.lsn < forks[at.timeline]
    )
    return Unarchived(before, tuple(name for name in starts if name not in before))


def told_of_unarchived(node: str, found: Unarchived, keeps: bool) -> tuple[str, ...]:
    """What to say of them at the gate; `keeps` says that the run copies those that matter to a
    place beside first.
    """
    told = []
    if found.before:
        first = found.before[0]
        kept = "they stay in the directory that is kept"
        if keeps:
            kept = "they are kept beside the data directory"
        told.append(
            f"{_count(found.before)} never archived on {node}: {_some(found.before)}. "
            f"Point-in-time recovery past {first} has a hole unless you archive what is missing "
            f"there; {kept}"
        )
    if found.after:
        told.append(
            f"{_count(found.after)} never archived on {node}, beyond the fork: "
            f"{_some(found.after)}. There the history begins that is left behind: do not archive "
            "them among the others"
        )
    return tuple(told)


def _count(names: Sequence[str]) -> str:
    return plural(len(names), "segment was", "segments were")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more, up to {names[-1]}" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
