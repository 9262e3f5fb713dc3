"""What a failover may lose, in words that the gate shows: counted where it can be read, else said to be unknown."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Blank, Hung, Lsn, Position, Running, Silent, Stopped
from ..show import size

Old = Running | Stopped | Hung | Blank | Silent
_BUT = "commits under synchronous_commit=off or fsync=off excepted, which it may never have written"


@dataclass(frozen=True)
class Known:
    """Where a record saw the primary last: its position, when (UTC), in which run, and whom else it fed, in words."""

    at: Position
    when: str
    run: str
    fed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """What is known of the old primary's WAL beyond the standby's.

    `end` is where the WAL on its disk ends, `commits` how many lie there beyond the standby's, from `first` to `newest`
    (UTC); `damaged` is where whole records stand behind that end, if they do. `unread` says why that is not known;
    `known` is the newest position in this machine's records. `last_commit` is when the newest commit was made
    that the standby has replayed (UTC).
    """

    end: Position | None = None
    commits: int = 0
    first: str = ""
    newest: str = ""
    damaged: Lsn | None = None
    unread: str = ""
    known: Known | None = None
    last_commit: str = ""


def may_be_lost(target: Running, old: Old, told: Account, salvage: str) -> tuple[str, ...]:
    """The sentences. `salvage` is the parameter: all, some or none."""
    commit = f", its newest commit of {told.last_commit}" if told.last_commit else ""
    has = f"{target.node} has WAL up to {target.position}{commit}"
    if told.end is not None:
        return has, _read(target, old, told, told.end, salvage), *_others(target, old, told.known)
    lost = _by_control_file(target, old) or _unread(target, old, told)
    return has, lost, *_others(target, old, told.known)


def _others(target: Running, old: Old, known: Known | None) -> tuple[str, ...]:
    """Whom else the old primary fed when it was last seen."""
    if known is None or not known.fed:
        return ()
    return (
        f"{old.node} fed others, too, when run {known.run} saw it last, at {known.when}: {'; '.join(known.fed)}. They "
        f"have no source now, and follow {target.node} only when you point them there. A standby among them MAY HAVE "
        f"RECEIVED MORE than {target.node}: look first",
    )


def _by_control_file(target: Running, old: Old) -> str:
    """What the control file tells of a server that was shut down cleanly, although its WAL cannot be read."""
    if not isinstance(old, Stopped) or old.control.checkpoint.timeline != target.timeline:
        return ""
    if not (old.control.shut_down_as_primary or old.control.shut_down_in_recovery):
        return ""
    missing = old.control.least_end - target.position
    if missing <= 0:
        return f"that is past all that {old.node} wrote before it was stopped: nothing is lost"
    return f"{old.node} wrote at least {size(missing)} more: THOSE COMMITS WILL BE MISSING on {target.node}"


def _read(target: Running, old: Old, told: Account, end: Position, salvage: str) -> str:
    if end.timeline != target.timeline:
        return f"the WAL on {old.node} ends at {end}: TWO HISTORIES, of which {target.node} has only its own"
    if told.damaged and salvage == "all":
        return f"the WAL of {old.node} is DAMAGED at {end}, and goes on at {told.damaged}: nothing would be promoted"
    if told.damaged:
        return f"the WAL of {old.node} is DAMAGED at {end}; whatever stands behind it, from {told.damaged} on, IS LOST"
    missing = end.lsn - target.position.lsn
    if missing <= 0:
        return f"it has all that the disk of {old.node} holds, up to {end}: nothing is lost ({_BUT})"
    when = f", made from {told.first} to {told.newest}" if told.commits else ""
    commits = f"{told.commits} commit{'' if told.commits == 1 else 's'}"
    more = f"the disk of {old.node} holds {size(missing)} more, with {commits}{when}"
    if salvage == "none":
        return f"{more}: they WILL BE MISSING on {target.node}, because salvage=none"
    moving = ", as of now: it has processes left" if isinstance(old, Hung) else ""
    return f"{more}{moving}. Salvage brings them over, and nothing is lost ({_BUT})"


def _unread(target: Running, old: Old, told: Account) -> str:
    unread = f"the WAL of {old.node} cannot be read: {told.unread}"
    if told.known is None:
        return (
            f"{unread}, and no record tells where it was. What it acknowledged beyond that is UNKNOWN, AND MAY BE LOST"
        )
    seen = told.known
    if seen.at.timeline != target.timeline:
        where = f"was on another timeline ({seen.at})"
    elif (missing := seen.at.lsn - target.position.lsn) > 0:
        where = f"had written {size(missing)} more, which ARE LOST"
    else:
        where = f"had written nothing that {target.node} does not have"
    return (
        f"{unread}. It was last seen at {seen.when}, by run {seen.run}: by then it {where}. What it acknowledged "
        f"later is UNKNOWN beyond {seen.when}, and MAY BE LOST: all but what {target.node} has received"
    )
