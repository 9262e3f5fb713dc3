"""The primary is lost: how it is fenced, what is saved of it, and what may be lost when the other
node is promoted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...model import Blank, Hung, Running, Sighting, Silent, Snapshot, Stopped, dialect
from ...model.errors import NotSafe
from ...model.show import size, span
from .fencing import LostPrimary, fence_step, refuse_a_living_primary, symptoms
from .for_now import RESTORE, asynchronous, without_archive
from .loss_estimate import PROMOTION, LossEstimate, may_be_lost, why_not_salvaged
from .plan import Plan


def plan_failover(
    now: Snapshot,
    target: Running | Stopped,
    fenced_by: str,
    salvage: str,
    skip_delay: bool,
    estimate: Callable[[str], LossEstimate],
) -> Plan:
    """Plan to promote `target` without the old primary. Raises NotSafe while anything says that
    this one is alive.
    """
    old = now.other(target.node)
    if isinstance(old, Running) or isinstance(target, Stopped):
        raise _no_failover(target, old)
    refuse_a_living_primary(now, target, old, fenced_by)
    _refuse_a_delay(target, skip_delay)
    refuse_promotion_without_room(now, target)
    set_aside, extras, for_now = asynchronous(target)
    fence, told = fence_step(now, old, fenced_by), estimate(old.node)
    what, remedy = why_not_salvaged(target, old, told, salvage)
    if what:
        raise NotSafe(what, remedy)
    steps = (
        *_triggers(target),
        fence,
        *_let_go(target),
        *set_aside,
        _salvage(target, old, salvage),
        *_without_archive(target),
        f"Let {target.node} replay to the end, and promote it",
        f"Checkpoint {target.node}; {old.node} comes back later, through rebuild",
    )
    lost = may_be_lost(target, old, told, salvage)
    roles = f"{old.node} {_kind(old)}, {target.node} is its standby on timeline {target.timeline}"
    said = (*for_now, *_archive(target), *symptoms(now, old), *lost)
    return Plan(
        "promote", target.node, old.node, "failover", steps, extras=extras, roles=roles, told=said
    )


def _without_archive(target: Running) -> Iterator[str]:
    for node in without_archive(target):
        yield f"Set {RESTORE} to '' on {node} for now, if all is salvaged"


def _no_failover(target: Running | Stopped, old: Sighting) -> NotSafe:
    """Why not, where the old primary runs, or the standby does not."""
    ended_well = isinstance(old, Stopped) and old.control.state.startswith("shut down")
    if isinstance(target, Running) or ended_well:
        return NotSafe(
            f"{old.node} {old}, {target.node} {target}", "nothing is lost: use occasion=switchover"
        )
    return NotSafe(
        f"{target.node} was the standby, and does not run: {target}",
        "start its server, which stays a standby; where it does not start, its log says why. "
        "Then run this again",
    )


def refuse_promotion_without_room(now: Snapshot, target: Running | Stopped) -> None:
    """Raises NotSafe where the WAL of a node that is to be primary has no room even for its
    promotion.

    It would crash in its first checkpoint, and nobody could write until somebody made room.
    """
    disk = target.disk
    if disk is None or disk.control is None or disk.wal_free is None:
        return
    needed = PROMOTION * disk.control.segment
    if disk.wal_free < needed:
        raise NotSafe(
            f"{target.node} has {size(disk.wal_free)} free for its WAL, and needs {size(needed)} "
            "to be primary",
            f"make room where {now.pair[target.node].data_directory}/pg_wal lies, then run this "
            "notebook again",
        )


def _refuse_a_delay(target: Running, skip_delay: bool) -> None:
    by_reload = dialect.has("standby_signal", target.major)
    allowed = target.settings.get("allow_alter_system", "on") == "on"
    if not target.replay_delay or (skip_delay and by_reload and allowed):
        return
    remedy = "-p skip_delay=true lets it replay at once"
    if not by_reload:
        remedy = (
            f"take it out of recovery.conf on {target.node}, restart that server and run "
            "this notebook again"
        )
    if not allowed:
        remedy = (
            f"set it to 0 in a file of {target.node} and reload: allow_alter_system is off there"
        )
    raise NotSafe(
        f"recovery_min_apply_delay is {span(target.replay_delay)} on {target.node}: replay comes "
        "that late",
        f"{remedy}. If it is there to undo an accident: stop, and think first",
    )


def _archive(target: Running) -> tuple[str, ...]:
    if not target.settings.get(RESTORE):
        return ()
    return (
        f"{RESTORE} is set on {target.node}: a promotion asks it about five times for what is "
        "not there",
    )


def _triggers(target: Running) -> tuple[str, ...]:
    found = " and ".join(target.disk.triggers if target.disk else ())
    if not found:
        return ()
    return (f"Remove {found}, by which {target.node} may promote itself too early",)


def _let_go(target: Running) -> tuple[str, ...]:
    steps = []
    if target.replay_paused:
        steps.append(f"Resume replay on {target.node}, which is paused")
    if target.replay_delay:
        delay = span(target.replay_delay)
        steps.append(f"Skip recovery_min_apply_delay ({delay}) on {target.node}")
    return tuple(steps)


def _salvage(target: Running, old: LostPrimary, salvage: str) -> str:
    if isinstance(old, Silent | Blank):
        return f"Salvage nothing: the disk of {old.node} cannot be read"
    if salvage == "none":
        return f"Salvage nothing from the disk of {old.node}, because salvage=none"
    unless = "else nothing is promoted" if salvage == "all" else "as far as its WAL is whole"
    return (
        f"Bring over what the disk of {old.node} holds beyond the WAL of {target.node}, and "
        f"replay it; {unless}"
    )


def _kind(old: LostPrimary) -> str:
    words = {Stopped: "is stopped", Hung: "hangs", Blank: "has no cluster", Silent: "is silent"}
    return words[type(old)]


def promoted(primary: Running, old: Sighting) -> Plan:
    """The failover is done, as far as its promotion goes; whether clients have heard of it, nobody
    remembers.
    """
    set_aside, extras, told = asynchronous(primary)
    return Plan(
        "promote",
        primary.node,
        old.node,
        "promoted",
        steps=(
            *set_aside,
            f"{primary.node} is already primary: lead the clients there, and checkpoint it",
            f"{old.node} comes back later, through rebuild",
        ),
        extras=extras,
        roles=f"{primary.node} is primary on timeline {primary.timeline}, {old.node} is lost",
        told=(*told, f"{old.node} {old}"),
    )
