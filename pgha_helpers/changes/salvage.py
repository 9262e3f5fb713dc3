"""What a lost primary's disk still holds: its last WAL, brought over before the promotion.

A crashed server loses nothing that it has acknowledged (but for commits under
synchronous_commit=off or fsync=off): it is in the WAL on its disk. Only when no process of it is
left that WAL is final: a postmaster killed with -9 leaves backends that still commit (tried). So
this comes after the fence.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future

from ..facts.disk import read_disk
from ..facts.replay import replayed
from ..facts.wal.by_bytes import read_bytes
from ..facts.wal.lost_wal import look_behind, look_for_end, still_there
from ..facts.wal.record import name_of, record_at
from ..judgement.plans import Plan
from ..judgement.plans.rebuild import own_timeline
from ..model import (
    Blank,
    Control,
    DeedKind,
    Disk,
    Lsn,
    Position,
    Running,
    Silent,
    Snapshot,
    Stopped,
)
from ..model.errors import HaError, NotAchieved
from ..model.lost_wal import Behind, Found, LostWal, WalEnd
from ..model.show import size
from ..run.events import DAMAGED_WAL, NOT_SALVAGED
from ..run.run import Run
from .deeds import wal_copy
from .deeds.replay import replay_past

_STILL = 3.0  # seconds without progress, before the segments are copied a second time
_LEAST = 24  # bytes: a record's header, which ends with the CRC of all of it
_WITHOUT = "-p salvage=none promotes without it: what was not received then stays on that disk only"


def salvage(run: Run, plan: Plan, now: Snapshot, fingerprint: str) -> bool:
    """Bring over every record that the old primary's disk has beyond the standby's WAL.

    It is seen replayed. Does nothing where that disk cannot be read, or with `salvage=none`. Raises
    NotAchieved where it can be read, and not all that it holds can be brought over; with
    `salvage=some` damage in the middle is told, and what stands before it is brought over.
    `fingerprint` is that of the disk's WAL where the fence has just taken it, or empty.

    Gives whether it is proved that nothing is missing: then no archive has more, either.
    """
    target = now[plan.node]
    assert isinstance(target, Running), "a plan to promote is made only for a node that answers"
    unread = isinstance(now[plan.peer], Silent | Blank)
    if unread or run.parameters["salvage"] == "none":
        because = str(now[plan.peer]) if unread else "salvage=none"
        run.journal.write(NOT_SALVAGED, node=plan.peer, because=because)
        print(f"Nothing is salvaged from {plan.peer}: {because}.", flush=True)
        return False
    seen = now[plan.peer]
    # where nothing ran, what was seen is its end
    disk = seen.disk if isinstance(seen, Stopped) else read_disk(run.doors[plan.peer])
    control = _of_one_history(plan, disk, target)
    with _or_without():
        found, known = _look_for_end(run, plan, control, target.timeline, fingerprint)
        behind = _bring_over(run, plan, found, known)
        _judge_damage(run, plan, found.end, behind.goes_on)
        _prove_one_history(run, plan, found, behind.last)
        return behind.goes_on is None


@contextlib.contextmanager
def _or_without() -> Iterator[None]:
    """Name the way that is left beside the remedy of whatever goes wrong inside.

    It may go wrong again with the same words.
    """
    try:
        yield
    except HaError as error:
        if "salvage=none" not in error.remedy:
            error.remedy = f"{error.remedy}. {_WITHOUT}".removeprefix(". ")
        raise


def _of_one_history(plan: Plan, disk: Disk, target: Running) -> Control:
    """The control file of a disk whose newest timeline is the standby's.

    Raises NotAchieved for another one.
    """
    if disk.control is None:
        raise NotAchieved(f"the control file of {plan.peer} cannot be read: {disk.blank}", _WITHOUT)
    newest = own_timeline(disk)
    if newest != target.timeline:
        raise NotAchieved(
            f"{plan.peer} is on timeline {newest} and {plan.node} on {target.timeline}: two "
            "histories",
            _WITHOUT,
        )
    return disk.control


def _look_for_end(
    run: Run, plan: Plan, control: Control, timeline: int, fingerprint: str
) -> tuple[Found, LostWal | None]:
    """Where its WAL ends, and what was read of it at the gate if that still stands.

    Nothing is read twice.
    """
    with run.deed(plan.peer, "find the end of its WAL", DeedKind.FIND_END) as deed:
        deed.changed = False
        here = Position(timeline, replayed(run.doors[plan.node]))
        if known := still_there(run, plan.peer, here, fingerprint):
            deed.say(
                f"its WAL ends at {known.found.end}, and nothing has touched it since the "
                "gate read it"
            )
            return known.found, known
        try:
            found = look_for_end(run, plan.peer, here, control)
        except NotAchieved as unknown:
            raise NotAchieved(unknown.what, _WITHOUT) from None
        deed.say(f"its WAL ends at {found.end}")
        return found, None


def _bring_over(run: Run, plan: Plan, found: Found, known: LostWal | None) -> Behind:
    """Copy until the standby has replayed the last record.

    A second time, too: a recycled file may have replaced one meanwhile. What stands behind the end
    is looked for as soon as the old primary's shell has nothing else to do, and only if that is not
    under way or known.
    """
    door, end = run.doors[plan.node], found.end
    looking: list[Future[Behind]] = []

    def look_there() -> None:
        if not looking and not known:
            looking.append(run.aside(lambda: look_behind(run.doors[plan.peer], found)))

    def seen_there() -> Behind:
        if known:
            return known.behind
        return looking[0].result()

    for again in (False, True):
        if end.last is None or replayed(door) > end.last:
            print(f"{plan.node} has every record that the disk of {plan.peer} holds.", flush=True)
            look_there()
            return seen_there()
        _prove_same_before(run, plan, found)
        read = known.lacking if known and not again else {}
        wal_copy.bring_over(
            run, plan.peer, plan.node, found.here, end.behind, found.segment, read, look_there
        )
        patience = run.timeouts.replay if again else min(_STILL, run.timeouts.replay)
        with run.deed(plan.node, f"replay up to {end}", DeedKind.REPLAY) as deed:
            at = replay_past(run, plan.node, end.last, patience, wake=True)
            deed.say(f"replayed to {at}, all that {plan.peer} wrote" if at else "it stands still")
        if at:
            return seen_there()
    raise NotAchieved(
        f"{plan.node} has replayed to {replayed(door)}, and not the last record of "
        f"{plan.peer} at {end.last}",
        f"read the log of {plan.node}, then run this notebook again. {_WITHOUT}",
    )


def _prove_same_before(run: Run, plan: Plan, found: Found) -> None:
    """Only what the standby has not is copied: up to where it is, both must have the same bytes."""
    words = f"prove that {plan.peer} has the same WAL before {found.here}"
    with run.deed(plan.node, words, DeedKind.PROVE_HISTORY) as deed:
        deed.changed = False
        ours, theirs = found.before[plan.node], found.before[plan.peer]
        if not ours or ours != theirs:
            gone = next((name for name, digest in found.before.items() if not digest), "")
            told = "they have other bytes: two histories"
            if gone:
                told = f"{gone} has no WAL before {found.here} any more"
            raise NotAchieved(
                f"{plan.peer} is not proved to have the WAL of {plan.node} before "
                f"{found.here}: {told}",
                f"nothing was copied; keep the disk of {plan.peer}. {_WITHOUT}",
            )
        deed.say(f"proved: {plan.peer} has the same WAL before {found.here}")


def _judge_damage(run: Run, plan: Plan, end: WalEnd, damage: Lsn | None) -> None:
    """Refuse, or tell, a record in the middle that is not whole.

    Whoever replays takes it for the end, and opens with less.
    """
    if damage is None:
        return
    words = (
        f"the WAL of {plan.peer} is damaged at {end}: it goes on at {damage}, at least "
        f"{size(damage - end.behind)} further. No server can replay what stands behind the damage"
    )
    run.journal.write(DAMAGED_WAL, node=plan.peer, end=str(end), goes_on=str(damage))
    if run.parameters["salvage"] != "some":
        raise NotAchieved(
            words,
            "keep that disk. -p salvage=some promotes with all that stands before the damage; "
            f"{_WITHOUT}",
        )
    print(f"{words[0].upper()}{words[1:]}. KEEP THAT DISK.", flush=True)


def _prove_one_history(run: Run, plan: Plan, found: Found, theirs: bytes) -> None:
    """The last record of the old primary is in the standby's own WAL.

    By its bytes, else as pg_waldump tells it.
    """
    if found.end.last is None:
        return
    at = Position(found.end.timeline, found.end.last)
    did = f"prove one history: the record at {at} on both nodes"
    with run.deed(plan.node, did, DeedKind.PROVE_HISTORY) as deed:
        deed.changed = False
        ours = read_bytes(run.doors[plan.node].sql, at, len(theirs), found.segment)
        if len(theirs) < _LEAST or ours != theirs:
            _prove_same_words(run, plan, at, found.segment)
        deed.say(
            f"proved: nothing that {plan.peer} had is missing; both have at {at} the same "
            f"{name_of(found.end.told)}"
        )


def _prove_same_words(run: Run, plan: Plan, at: Position, segment: int) -> None:
    """See pg_waldump tell the same record there on both nodes. Raises NotAchieved if not."""
    told = run.both(lambda name: record_at(run.doors[name], at, segment))
    words = dict(zip(run.pair.names, told, strict=True))
    theirs = words[plan.peer]
    if not theirs or words[plan.node] != theirs:
        both = ", ".join(f"{name} has {record or 'nothing'}" for name, record in words.items())
        raise NotAchieved(f"at {at} {both}: two histories", f"keep the disk of {plan.peer}")
