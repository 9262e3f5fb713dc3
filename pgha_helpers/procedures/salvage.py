"""What a lost primary's disk still holds: its last WAL, brought to the standby before that is promoted.

A crashed server loses nothing that it has acknowledged (but for commits under synchronous_commit=off or fsync=off): it
is in the WAL on its disk. Only when no process of it is left that WAL is final: a postmaster killed with -9 leaves
backends that still commit (tried). So this comes after the fence.
"""

from __future__ import annotations

from ..actions import servers, wal_copy
from ..actions.replay import replay_past
from ..errors import NotAchieved
from ..facts.disk import read_disk
from ..facts.wal import record_at
from ..facts.wal_end import WalEnd, find_end, goes_on
from ..model import Blank, Control, Disk, Lsn, Position, Running, Silent, Snapshot, Stopped
from ..plans import Plan
from ..run import Run
from ..show import size

_STILL = 3.0  # seconds without progress, before the segments are copied a second time
_WITHOUT = "-p salvage=none promotes without it: what was not received then stays on that disk only"


def salvage(run: Run, plan: Plan, now: Snapshot) -> None:
    """Bring over every record that the old primary's disk has beyond the standby's WAL, and see it replayed.

    Does nothing where that disk cannot be read, or with `salvage=none`. Raises NotAchieved where it can be read, and
    not all that it holds can be brought over; with `salvage=some` damage in the middle is told, and what stands before
    it is brought over.
    """
    target = now[plan.node]
    assert isinstance(target, Running), "a plan to promote is made only for a node that answers"
    unread = isinstance(now[plan.peer], Silent | Blank)
    if unread or run.parameters["salvage"] == "none":
        because = str(now[plan.peer]) if unread else "salvage=none"
        run.journal.write("not salvaged", node=plan.peer, because=because)
        print(f"Nothing is salvaged from {plan.peer}: {because}.", flush=True)
        return
    seen = now[plan.peer]  # where nothing ran, that was its end
    disk = seen.disk if isinstance(seen, Stopped) else read_disk(run.doors[plan.peer])
    control = _of_one_history(plan, disk, target)
    end = _find_end(run, plan, control, target.timeline)
    damage = _bring_over(run, plan, end, control.segment)
    _judge_damage(run, plan, end, damage)
    _prove_one_history(run, plan, end, control.segment)


def _of_one_history(plan: Plan, disk: Disk, target: Running) -> Control:
    """The control file of a disk whose newest timeline is the standby's. Raises NotAchieved for another one."""
    if disk.control is None:
        raise NotAchieved(f"the control file of {plan.peer} cannot be read: {disk.blank}", _WITHOUT)
    newest = max([disk.control.checkpoint.timeline, *disk.histories])
    if newest != target.timeline:
        raise NotAchieved(
            f"{plan.peer} is on timeline {newest} and {plan.node} on {target.timeline}: two histories", _WITHOUT
        )
    return disk.control


def _find_end(run: Run, plan: Plan, control: Control, timeline: int) -> WalEnd:
    with run.deed(plan.peer, "find the end of its WAL") as deed:
        deed.changed = False
        since = max(servers.replayed(run.doors[plan.node]), control.redo)
        try:
            end = find_end(run.doors[plan.peer], Position(timeline, since), control.segment)
        except NotAchieved as unknown:
            raise NotAchieved(unknown.what, _WITHOUT) from None
        deed.say(f"its WAL ends at {end}")
    return end


def _bring_over(run: Run, plan: Plan, end: WalEnd, segment: int) -> Lsn | None:
    """Copy until the standby has replayed the last record: a recycled file may have replaced one meanwhile.

    Gives where the old primary's WAL goes on behind its end, if it does; that is looked for while the standby replays.
    """
    door, damage = run.doors[plan.node], None
    for again in (False, True):
        if end.last is None or servers.replayed(door) > end.last:
            print(f"{plan.node} has every record that the disk of {plan.peer} holds.", flush=True)
            return damage if again else goes_on(run.doors[plan.peer], end, segment)
        _copy(run, plan, end, segment)
        patience = run.timeouts.replay if again else min(_STILL, run.timeouts.replay)
        with run.deed(plan.node, f"replay up to {end}") as deed:
            at, damage = _replay_and_look(run, plan, end, segment, patience)
            deed.say(f"replayed to {at}, all that {plan.peer} wrote" if at else "it stands still")
        if at:
            return damage
    raise NotAchieved(
        f"{plan.node} has replayed to {servers.replayed(door)}, and not the last record of {plan.peer} at {end.last}",
        f"read the log of {plan.node}, then run this notebook again. {_WITHOUT}",
    )


def _replay_and_look(run: Run, plan: Plan, end: WalEnd, segment: int, patience: float) -> tuple[Lsn | None, Lsn | None]:
    """Up to where it has replayed (None: not to the end), and where the old primary's WAL goes on behind its end."""
    assert end.last is not None
    goal = end.last

    def work(name: str) -> Lsn | None:
        if name == plan.peer:
            return goes_on(run.doors[name], end, segment)
        return replay_past(run, name, goal, patience, wake=True)

    told = dict(zip(run.pair.names, run.both(work), strict=True))
    return told[plan.node], told[plan.peer]


def _copy(run: Run, plan: Plan, end: WalEnd, segment: int) -> None:
    """Only what the standby has not: up to where it is, both must have the same bytes."""
    here = Position(end.timeline, servers.replayed(run.doors[plan.node]))
    with run.deed(plan.node, f"prove that {plan.peer} has the same WAL before {here}") as deed:
        deed.changed = False
        if not wal_copy.same_beginning(run, here, segment):
            raise NotAchieved(
                f"{plan.peer} and {plan.node} have other bytes before {here}: two histories",
                f"nothing was copied; keep the disk of {plan.peer}. {_WITHOUT}",
            )
        deed.say(f"proved: {plan.peer} has the same WAL before {here}")
    wal_copy.bring_over(run, plan.peer, plan.node, here, end.behind, segment)


def _judge_damage(run: Run, plan: Plan, end: WalEnd, damage: Lsn | None) -> None:
    """A record in the middle that is not whole: whoever replays takes it for the end, and opens with less."""
    if damage is None:
        return
    words = (
        f"the WAL of {plan.peer} is damaged at {end}: it goes on at {damage}, at least {size(damage - end.behind)} "
        "further. No server can replay what stands behind the damage"
    )
    run.journal.write("damaged WAL", node=plan.peer, at=str(end), goes_on=str(damage))
    if run.parameters["salvage"] != "some":
        raise NotAchieved(
            words, f"keep that disk. -p salvage=some promotes with all that stands before the damage; {_WITHOUT}"
        )
    print(f"{words[0].upper()}{words[1:]}. KEEP THAT DISK.", flush=True)


def _prove_one_history(run: Run, plan: Plan, end: WalEnd, segment: int) -> None:
    """The last record of the old primary is in the standby's own WAL."""
    if end.last is None:
        return
    at = Position(end.timeline, end.last)
    with run.deed(plan.node, f"prove one history: the record at {at} on both nodes") as deed:
        deed.changed = False
        told = dict(zip(run.pair.names, run.both(lambda name: record_at(run.doors[name], at, segment)), strict=True))
        if not told[plan.peer] or told[plan.node] != told[plan.peer]:
            words = (f"{name} has {record or 'nothing'}" for name, record in told.items())
            raise NotAchieved(f"at {at} {', '.join(words)}: two histories", f"keep the disk of {plan.peer}")
        deed.say(f"proved: nothing that {plan.peer} had is missing; both have at {at}: {told[plan.peer]}")
