"""What a copy needs on the node that gets it: where each part goes, whether there is room, what is
in the way.

A copy is made beside what is there and moved in at the end, so it needs the room of the whole, and
directories that can be renamed within their file system. Only where nothing is there it is made in
its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...model.errors import NotSafe
from ...model.show import size
from .plan import Plan, Step

MARGIN = 1.1  # what is written while the copy is made comes on top


@dataclass(frozen=True)
class Part:
    """One directory that receives a part of the copy.

    `path` is where it lies in the end, `beside` where it is made, up to the run's id. `needed` and
    `free` are bytes, `device` tells file systems apart, `source` is where the primary has this
    tablespace. `obstacle` is a sentence about what is in the way of a copy beside, `obstacle_here`
    about what is in the way of work on what is there; both may be empty. A `mounted` one is a mount
    point. `there` are bytes that
    would be written over.
    """

    what: str
    path: str
    needed: int
    beside: str = ""
    device: str = ""
    free: int = 0
    obstacle: str = ""
    obstacle_here: str = ""
    mounted: bool = False
    there: int = 0
    source: str = ""


@dataclass(frozen=True)
class Half:
    """What a copy that was not finished has left: `bytes` are free again once it is removed."""

    path: str
    bytes: int
    device: str = ""


@dataclass(frozen=True)
class Copying:
    """A copy of the primary for this node: its parts, and what dead runs have left.

    `bytes` is what there is to copy, without WAL. `begun` is the path of a copy whose swap was
    begun and not finished: it is moved in, and no new one is made. `left` is where the old
    directory's WAL should be and is not: that place is left alone, for a disk may be mounted there
    later, and the copy has its WAL inside. `state` says why nothing can be noted in the state
    directory, `foreign` are paths in the data directory that rsync could not overwrite. `lacking`
    says why pg_basebackup cannot make it, and `unlike` why the node's server could not start in it.
    """

    node: str
    bytes: int
    data: Part
    tablespaces: tuple[Part, ...] = ()
    wal: Part | None = None
    halves: tuple[Half, ...] = ()
    begun: tuple[str, ...] = ()
    left: str = ""
    state: str = ""
    foreign: tuple[str, ...] = ()
    in_place: bool = False
    lacking: str = ""
    unlike: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every directory that receives something."""
        parts = (self.data, *self.tablespaces)
        return (*parts, self.wal) if self.wal else parts

    @property
    def where(self) -> str:
        """In relation to what is there."""
        return "in" if self.in_place else "beside"

    def told(self) -> tuple[str, ...]:
        """What to say of it before the gate."""
        if self.begun:
            return (
                f"{self.begun[0]} is a whole copy, which a run that died was moving in: no new "
                "one is made",
            )
        where = "; ".join(
            f"{part.what} {self.where} {part.path} ({size(part.free)} free)" for part in self.parts
        )
        inside = (
            f"the copy has its WAL inside: {self.left}, where the old directory's should "
            "be, is left alone"
        )
        return (
            f"{size(self.bytes)} are to be copied: {where}",
            *((inside,) if self.left else ()),
            *(
                f"{half.path} ({size(half.bytes)}) is left by a copy that died, and is removed"
                for half in self.halves
            ),
        )


def why_not_copy(copying: Copying) -> tuple[str, ...]:
    """Every reason why the copy could not be made or not be moved in."""
    if len(copying.begun) > 1:
        return (
            f"two copies are half moved in, {' and '.join(copying.begun)}: rename the one that "
            "is not wanted",
        )
    if copying.begun:
        return _state(copying)
    return (
        *copying.unlike,
        *_state(copying),
        *_obstacles(copying),
        *_room(copying, lambda part: part.needed, copying.where),
    )


def why_not_worked_on(copying: Copying) -> tuple[str, ...]:
    """Every reason why what is there could not be worked on where it is: be started, rewound or
    overwritten.
    """
    return (
        *_state(copying),
        *(f"{part.what}: {part.obstacle_here}" for part in copying.parts if part.obstacle_here),
    )


def why_not_overwritten(copying: Copying) -> tuple[str, ...]:
    """Every reason why what is there could not be made like the primary by rsync, room to grow
    included.
    """
    foreign = f"it has what PostgreSQL's user cannot overwrite: {some(copying.foreign)}"
    room = _room(replace(copying, halves=()), lambda part: max(0, part.needed - part.there), "in")
    reasons = [*copying.unlike, *why_not_worked_on(copying)]
    if copying.foreign:
        reasons.append(foreign)
    return (*reasons, *room)


def why_not_rewound(copying: Copying, saved: int, wal: int) -> tuple[str, ...]:
    """Every reason why a rewind could not work here, or not to its end.

    It saves so many bytes beside the data directory, which is renamed meanwhile, and brings so many
    of the primary's `wal`.
    """
    data = copying.data
    renamed = (f"{data.what}: {data.obstacle}",) if data.obstacle else ()

    def needed(part: Part) -> int:
        grown = 0 if part is copying.wal else max(0, part.needed - part.there)
        return (
            grown + (wal if part is (copying.wal or data) else 0) + (saved if part is data else 0)
        )

    return (
        *why_not_worked_on(copying),
        *renamed,
        *_room(replace(copying, halves=()), needed, "in"),
    )


def refuse_copy(copying: Copying) -> None:
    """Raises NotSafe with every reason at once where the copy could not be made or not be moved
    in.
    """
    if reasons := why_not_copy(copying):
        raise NotSafe(
            f"{copying.node} cannot take a copy{'' if copying.in_place else ' beside'}: "
            f"{'; '.join(reasons)}",
            "mend that (nothing old is deleted to make room), or copy in place by another method",
        )


def into_nothing(copying: Copying, free: int, there: int) -> Copying:
    """The same for a copy that is made where it will be: nothing is renamed, and a mount point has
    its own room.

    `free` bytes are left in the directory itself, and `there` is what a copy that died has brought
    already.
    """
    data = replace(copying.data, needed=max(0, copying.data.needed - there))
    if data.mounted:
        data = replace(data, device=data.path, free=free)
    return replace(
        copying, data=replace(data, obstacle=data.obstacle_here), wal=None, halves=(), in_place=True
    )


def copied_by(plan: Plan) -> str:
    """The program that makes a copy in one of the plan's steps, or nothing."""
    steps = () if plan.already else plan.steps
    return next((step.kind for step in steps if isinstance(step, Step)), "")


def some(names: Sequence[str]) -> str:
    """The first few names.

    >>> some(("a", "b", "c", "d", "e"))
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _state(copying: Copying) -> tuple[str, ...]:
    return (f"its state directory: {copying.state}",) if copying.state else ()


def _obstacles(copying: Copying) -> Iterator[str]:
    for part in copying.parts:
        if part.obstacle:
            yield f"{part.what}: {part.obstacle}"


def _room(copying: Copying, needed: Callable[[Part], int], where: str) -> Iterator[str]:
    """A sentence per file system that is too small for all that it receives, `needed` bytes of a
    part.
    """
    parts: dict[str, list[Part]] = defaultdict(list)
    for part in copying.parts:
        parts[part.device].append(part)
    for device, here in parts.items():
        wanted = sum(needed(part) for part in here) * MARGIN
        free = here[0].free + sum(half.bytes for half in copying.halves if half.device == device)
        if free < wanted:
            what = " and ".join(part.what for part in here)
            lacking = f"{size(wanted - free)} are missing"
            yield (
                f"{what} {where} {here[0].path}: {size(wanted)} are needed, {size(free)} are "
                f"free, {lacking}"
            )
