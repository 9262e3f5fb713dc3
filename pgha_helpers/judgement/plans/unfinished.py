"""What a hand-over that died has left, and how to finish it: by what is seen, never remembered."""

from __future__ import annotations

from ...model import Blank, Control, Disk, Hung, Running, Sighting, Silent, Snapshot, Stopped
from ...model.errors import NotSafe
from ...model.host import ForNow
from ...model.survey import Survey
from .failover import refuse_promotion_without_room
from .for_now import why_not_back
from .plan import Plan
from .rebuild import history_of


def resumption(now: Snapshot, wanted: str) -> Plan:
    """Nobody is writable: finish a hand-over that died after the stop."""
    if promoted := _promoted_and_dead(now):
        return _reopen(now, promoted)
    target = standby_to_promote(now, wanted)
    refuse_promotion_without_room(now, target)
    other = now.other(target.node)
    _refuse_an_end_that_nobody_knows(other)
    return Plan(
        "promote",
        target.node,
        other.node,
        "resume",
        steps=(
            f"See {other.node} stopped, or in recovery, and keep its standby definition in place",
            f"Prove that {target.node} has replayed everything that {other.node} wrote; without "
            f"proof {target.node} is restarted and {other.node} is opened again",
            f"Promote {target.node}",
            f"Checkpoint {target.node}, start {other.node} as its standby",
        ),
        roles=f"nobody is primary; {target.node} is in recovery, {other.node} is not writable",
        told=(f"{other.node} {other}", f"{target.node} {target}"),
    )


def _refuse_an_end_that_nobody_knows(other: Sighting) -> None:
    """Only what was stopped cleanly has a last record that the other one can be asked for."""
    if isinstance(other, Silent):
        raise NotSafe(
            f"{other.node} {other}, and nobody knows what it last wrote",
            "this is a failover: occasion=failover, with fenced_by",
        )
    if isinstance(other, Hung) and other.refuses:
        raise NotSafe(
            f"{other.node} is alive and refuses us: {other.answer}",
            "mend that: it may be taking writes",
        )
    if isinstance(other, Hung) and other.starting:
        raise NotSafe(
            f"{other.node} is starting: {other.answer}", "wait until it is up, then run this again"
        )
    if isinstance(other, Hung) and _may_serve_others(other):
        raise NotSafe(
            f"{other.node} is not down, it does not answer us, and may be serving others: {other}",
            "mend the way to it; if it is lost, this is a failover: occasion=failover looks at "
            f"{other.node} from everywhere",
        )
    if isinstance(other, Blank) or (isinstance(other, Stopped) and not _stopped_cleanly(other)):
        raise NotSafe(
            f"{other.node} was not stopped cleanly: {other}",
            "this is a failover: occasion=failover",
        )


def _may_serve_others(old: Hung) -> bool:
    """Whether its silence may be only for us: no hand-over has armed it, and it has not begun to
    stop.
    """
    stopping = old.answer or (old.disk.control and old.disk.control.state != "in production")
    return not (stopping or old.disk.standby_files)


def standby_to_promote(now: Snapshot, wanted: str) -> Running | Stopped:
    """The standby to promote: the one that was named, or the one that has more.

    One that was stopped as a standby, or died as one, is started first, but only where nothing else
    runs.
    """
    candidates = [s for s in now.standbys if not wanted or s.node == wanted]
    asleep = [s for s in now.sightings if isinstance(s, Stopped) and s.control.ended_in_recovery]
    asleep = [s for s in asleep if s.disk.standby_files and (not wanted or s.node == wanted)]
    if len(asleep) == 1 and not now.running:
        return asleep[0]
    if not candidates:
        raise NotSafe(
            f"there is no standby to promote: {'; '.join(f'{s.node} {s}' for s in now.sightings)}",
            "start the node that was the standby, then run this again",
        )
    return max(candidates, key=lambda s: (s.timeline, s.position.lsn))


def _promoted_and_dead(now: Snapshot) -> Stopped | None:
    """The node that was promoted and died before anybody heard of it.

    Its history says that it left the old timeline past the shutdown checkpoint of the other node,
    which is armed and was shut down as a primary: it has everything, and perhaps more.
    """
    for seen in now.sightings:
        other = now.other(seen.node)
        if not (isinstance(seen, Stopped) and isinstance(other, Stopped)):
            continue
        if seen.disk.standby_files or not armed_and_stopped(other):
            continue
        if other.control.shut_down_as_primary and took_over(seen.disk, other.control):
            return seen
    return None


def took_over(disk: Disk, end: Control) -> bool:
    """Whether the newest history on this disk left the other node's timeline past the checkpoint at
    which it ended.
    """
    newest = disk.histories[max(disk.histories)] if disk.histories else ""
    fork = history_of(newest).get(end.checkpoint.timeline)
    return fork is not None and fork > end.checkpoint.lsn


def _reopen(now: Snapshot, promoted: Stopped) -> Plan:
    other = now.other(promoted.node)
    refuse_promotion_without_room(now, promoted)
    return Plan(
        "promote",
        promoted.node,
        other.node,
        "reopen",
        steps=(
            f"Start {promoted.node}: it was promoted with everything that {other.node} wrote, "
            "and died then",
            f"Checkpoint {promoted.node}, start {other.node} as its standby",
        ),
        roles=f"nobody runs; {promoted.node} was promoted, {other.node} is to be its standby",
        told=(f"{other.node} {other}", f"{promoted.node} {promoted}"),
    )


def _stopped_cleanly(stopped: Stopped) -> bool:
    return stopped.control.shut_down_as_primary or stopped.control.shut_down_in_recovery


def armed_and_stopped(other: object) -> bool:
    if not (isinstance(other, Stopped) and _stopped_cleanly(other)):
        return False
    return bool(other.disk.standby_files)


def way_back(now: Snapshot, primary: Running) -> Plan:
    """The promotion is done; only the way back of the old primary is missing, or its slot is to be
    dropped.
    """
    old = now.other(primary.node)
    return Plan(
        "promote",
        primary.node,
        old.node,
        "return",
        steps=(
            f"{primary.node} is already primary",
            f"Start {old.node} as its standby if it is not running, see it stream, drop the slot "
            "that it kept",
            *(
                f"Set {it.setting} on {it.node} back, as it was before run {it.run}"
                for it in to_set_back(now)
            ),
        ),
        roles=(
            f"{primary.node} is primary on timeline {primary.timeline}, {old.node} is not yet back"
        ),
        told=(f"{old.node} {old}",),
    )


def to_set_back(now: Snapshot) -> list[ForNow]:
    """Settings that a run has changed for a while, and that may be set back; a close look tells."""
    seen = [found for found in now.survey.values() if isinstance(found, Survey) and found.host]
    return [
        it for found in seen if found.host for it in found.host.for_now if not why_not_back(it, now)
    ]
