"""What a failover may lose, in words that the gate shows: counted where it can be read, else said
to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...model import Blank, Hung, Lsn, Position, Running, Silent, Stopped
from ...model.dialect import has
from ...model.show import size

Old = Running | Stopped | Hung | Blank | Silent
_BUT = "commits under synchronous_commit=off or fsync=off excepted, which it may never have written"


@dataclass(frozen=True)
class LastKnown:
    """Where a record saw the primary last: its position, when (UTC), in which run, and whom else it
    fed, in words.
    """

    at: Position
    when: str
    run: str
    fed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LossEstimate:
    """What is known of the old primary's WAL beyond the standby's.

    `end` is where the WAL on its disk ends, `commits` how many lie there beyond the standby's, from
    `first` to `newest` (UTC); `room` are the bytes that the standby's disk needs for that WAL and
    for its promotion, `grows` those that the databases may grow by when it is replayed. `damaged`
    is where whole records stand behind that end, if they do. `unread` says why that is not known;
    `known` is the newest position in this machine's records. `last_commit` is when the newest
    commit was made that the standby has replayed (UTC).
    """

    end: Position | None = None
    commits: int = 0
    first: str = ""
    newest: str = ""
    room: int = 0
    grows: int = 0
    damaged: Lsn | None = None
    unread: str = ""
    known: LastKnown | None = None
    last_commit: str = ""


#: Past the gate nobody reads what it has shown.
NOBODY_LOOKED = LossEstimate(unread="nobody has looked")

#: Segments that a promotion takes beside all others: it begins a new timeline with one, and goes on
#: to the next.
PROMOTION = 2


def why_not_salvaged(
    target: Running, old: Old, told: LossEstimate, salvage: str
) -> tuple[str, str]:
    """Why a salvage is known to fail before anything is done, and what to do about that; two empty
    texts else.

    Of one that hangs nothing is known yet: its WAL moves until it is fenced.
    """
    without = (
        "-p salvage=none promotes without it: what was not received then stays on that disk only"
    )
    if salvage == "none" or told is NOBODY_LOOKED or isinstance(old, Blank | Silent):
        return "", ""
    what = f"salvage={salvage} would promote nothing: "
    if told.end is not None and told.end.timeline != target.timeline:
        what += (
            f"{old.node} is on timeline {told.end.timeline} and {target.node} on "
            f"{target.timeline}, two histories"
        )
        return what, f"keep that disk. {without}"
    if lacking := _lacking(target, told):
        return f"{what}{lacking}", f"make room there, then run this notebook again. {without}"
    if isinstance(old, Stopped) and told.damaged and salvage == "all":
        before = "-p salvage=some promotes with all that stands before the damage"
        return (
            f"{what}the WAL of {old.node} is DAMAGED at {told.end}, and goes on at {told.damaged}",
            (f"keep that disk. {before}; {without}"),
        )
    if isinstance(old, Stopped) and told.unread:
        mount = "mount that disk, and run this notebook again" if old.disk.no_wal else "mend that"
        return f"{what}the WAL of {old.node} cannot be read: {told.unread}", f"{mount}. {without}"
    return "", ""


def _lacking(target: Running, told: LossEstimate) -> str:
    """What the standby's disk has too little of; empty where it has enough, or does not tell."""
    disk = target.disk
    if disk is None or disk.wal_free is None or disk.free_bytes is None:
        return ""
    one = disk.wal_free == disk.free_bytes  # asked at once: it is one file system
    for what, needed, free in (
        ("WAL", told.room + (told.grows if one else 0), disk.wal_free),
        ("databases", told.grows, disk.free_bytes),
    ):
        if needed > free:
            return (
                f"{size(needed)} are needed on {target.node} for its {what}, {size(free)} are free"
            )
    return ""


def may_be_lost(target: Running, old: Old, told: LossEstimate, salvage: str) -> tuple[str, ...]:
    """The sentences. `salvage` is the parameter: all, some or none."""
    commit = f", its newest commit of {told.last_commit}" if told.last_commit else ""
    has = f"{target.node} has WAL up to {target.position}{commit}"
    if told.end is not None:
        return has, _read(target, old, told, told.end, salvage), *_others(target, old, told.known)
    lost = _by_control_file(target, old) or _unread(target, old, told)
    return has, lost, *_others(target, old, told.known)


def _others(target: Running, old: Old, known: LastKnown | None) -> tuple[str, ...]:
    """Whom else the old primary fed when it was last seen."""
    if known is None or not known.fed:
        return ()
    return (
        f"{old.node} fed others, too, when run {known.run} saw it last, at {known.when}: "
        f"{'; '.join(known.fed)}. They have no source now, and follow {target.node} only when you "
        f"point them there. A standby among them MAY HAVE RECEIVED MORE than {target.node}: look "
        "first",
    )


def _by_control_file(target: Running, old: Old) -> str:
    """What the control file tells of a server that was shut down cleanly, although its WAL cannot
    be read.
    """
    if not isinstance(old, Stopped) or old.control.checkpoint.timeline != target.timeline:
        return ""
    if not (old.control.shut_down_as_primary or old.control.shut_down_in_recovery):
        return ""
    missing = old.control.least_end - target.position
    if missing <= 0:
        return f"that is past all that {old.node} wrote before it was stopped: nothing is lost"
    return (
        f"{old.node} wrote at least {size(missing)} more: THOSE COMMITS WILL BE MISSING on "
        f"{target.node}"
    )


def _read(target: Running, old: Old, told: LossEstimate, end: Position, salvage: str) -> str:
    if end.timeline != target.timeline:
        return (
            f"the WAL on {old.node} ends at {end}: TWO HISTORIES, of which {target.node} has "
            "only its own"
        )
    if told.damaged and salvage == "all":
        return (
            f"the WAL of {old.node} is DAMAGED at {end}, and goes on at {told.damaged}: "
            "nothing would be promoted"
        )
    if told.damaged:
        return (
            f"the WAL of {old.node} is DAMAGED at {end}; whatever stands behind it, from "
            f"{told.damaged} on, IS LOST"
        )
    missing = end.lsn - target.position.lsn
    if missing <= 0:
        all_of_it = f"it has all that the disk of {old.node} holds, up to {end}"
        return f"{all_of_it}: nothing is lost ({_but(target)})"
    when = f", made from {told.first} to {told.newest}" if told.commits else ""
    commits = f"{told.commits} commit{'' if told.commits == 1 else 's'}"
    more = f"the disk of {old.node} holds {size(missing)} more, with {commits}{when}"
    if salvage == "none":
        return f"{more}: they WILL BE MISSING on {target.node}, because salvage=none"
    moving = ", as of now: it has processes left" if isinstance(old, Hung) else ""
    return f"{more}{moving}. Salvage brings them over, and nothing is lost ({_but(target)})"


def _but(target: Running) -> str:
    if has("wal_by_bytes", target.major):
        return _BUT
    page = f"on PostgreSQL {target.major} what stands behind damage is found from the next 8 kB on"
    return f"{_BUT}; {page}"


def _unread(target: Running, old: Old, told: LossEstimate) -> str:
    unread = f"the WAL of {old.node} cannot be read: {told.unread}"
    if isinstance(old, Blank):
        unread += (
            " (where its disk can be mounted, do that first: a salvage brings over what it holds)"
        )
    if told.known is None:
        return (
            f"{unread}, and no record tells where it was. What it acknowledged beyond that is "
            "UNKNOWN, AND MAY BE LOST"
        )
    seen = told.known
    if seen.at.timeline != target.timeline:
        where = f"was on another timeline ({seen.at})"
    elif (missing := seen.at.lsn - target.position.lsn) > 0:
        where = f"had written {size(missing)} more, which ARE LOST"
    else:
        where = f"had written nothing that {target.node} does not have"
    return (
        f"{unread}. It was last seen at {seen.when}, by run {seen.run}: by then it {where}. What "
        f"it acknowledged later is UNKNOWN beyond {seen.when}, and MAY BE LOST: all but what "
        f"{target.node} has received"
    )
