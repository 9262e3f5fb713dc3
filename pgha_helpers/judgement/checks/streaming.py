"""Whether the standby is attached: to this primary, by its slot, in one history."""

from __future__ import annotations

from ...model import Lsn, Running, Sender, Slot, Snapshot
from ...model.dialect import instead
from ...model.errors import NotSeen
from ...model.foreign import lines_of
from ...model.host import LONGEST
from ...model.major import Major
from ...model.show import plural, size, span
from ..plans.rebuild import one_switch
from .check import check


def sender_for(primary: Running, standby: str) -> Sender | None:
    """The walsender that feeds this standby, known by its application_name."""
    return next((s for s in primary.senders if s.application == standby), None)


def _sender_state(now: Snapshot) -> str:
    sender = sender_for(now.primary, now.standby.node)
    return sender.state if sender else "absent"


@check(value=_sender_state)
def the_primary_feeds_the_standby(now: Snapshot) -> str | None:
    """The primary streams to the standby.

    Look at the standby's log; run rebuild for it.
    """
    primary, standby = now.primary, now.standby
    sender = sender_for(primary, standby.node)
    if sender and sender.state == "streaming":
        return None
    lacks = _no_slot(now)
    why = f": {lacks}" if lacks else ""
    if sender:  # also for the moment of each attempt, which ends for want of that slot
        return f"the walsender for {standby.node} is in state {sender.state}{why}"
    return f"{primary.node} has no walsender whose application_name is {standby.node}{why}"


def _sender_address(now: Snapshot) -> str:
    receiver = now.standby.receiver
    return receiver.source if receiver else "none"


@check(value=_sender_address)
def the_standby_is_fed_by_the_primary(now: Snapshot) -> str | None:
    """The standby's walreceiver streams, and from this primary.

    Look at primary_conninfo on the standby; run rebuild for it.
    """
    standby, receiver = now.standby, now.standby.receiver
    if receiver is None or receiver.status != "streaming":
        its = f": its own is {receiver.status}" if receiver else ""
        return f"{standby.node} has no walreceiver that streams{its}"
    host, port = now.pair[now.primary.node].seen_by_peer
    right = (receiver.sender_host, receiver.sender_port) == (host, port) or not receiver.sender_host
    if right:
        return None
    return f"{standby.node} is fed by {receiver.source}, not {host}:{port}"


@check(value=lambda now: f"timeline {now.primary.timeline}")
def they_are_on_one_timeline(now: Snapshot) -> str | None:
    """Both nodes are on the same timeline.

    Wait until the standby has followed; if it does not, run rebuild.
    """
    a, b = now.primary, now.standby
    if a.timeline == b.timeline:
        return None
    return f"{a.node} is on {a.timeline} and {b.node} is on {b.timeline}"


@check(value=lambda now: f"timeline {now.primary.timeline}")
def they_tell_one_history(now: Snapshot) -> str | None:
    """Both nodes' history files tell the same story of their timeline.

    Two promotions made two histories under one number: run rebuild for the node whose commits may
    go.
    """
    a, b = now.primary, now.standby
    if a.timeline == b.timeline == 1:
        return None
    ours, theirs = (_history(now, seen, a.timeline) for seen in (a, b))
    if _one_story(a.major, ours, theirs):
        return None
    return (
        f"{a.timeline:08X}.history ends with {_last(ours)!r} on {a.node}, and with "
        f"{_last(theirs)!r} on {b.node}"
    )


def _history(now: Snapshot, seen: Running, timeline: int) -> list[list[str]]:
    """The lines of a timeline's history file, in words. Raises NotSeen where it cannot be read."""
    disk = now.disk(seen.node)
    if timeline not in disk.histories:
        file = f"{timeline:08X}.history"
        why = f"{seen.node} has no {file} in pg_wal"
        if unread := disk.unread.get(file):
            why = f"{file} of {seen.node}: {unread}"
        raise NotSeen(
            why,
            "copy that file there from the archive, or from the other node if they surely have "
            "one history",
        )
    return [line.split() for line in lines_of(disk.histories[timeline]) if line.strip()]


def _one_story(major: Major, ours: list[list[str]], theirs: list[list[str]]) -> bool:
    """Whether their lines say the same, as far as a node can tell of a position."""
    if len(ours) != len(theirs):
        return False
    for (timeline, left, *why), (same, theirs_left, *their_why) in zip(ours, theirs, strict=True):
        switch = one_switch(major, Lsn.parse(left), Lsn.parse(theirs_left))
        if (timeline, why) != (same, their_why) or not switch:
            return False
    return True


def _last(history: list[list[str]]) -> str:
    return " ".join(history[-1]) if history else ""


@check(value=lambda now: instead("slots", now.primary.major) or now.pair[now.standby.node].slot)
def the_standby_has_its_slot(now: Snapshot) -> str | None:
    """The standby's replication slot is in use on the primary.

    Run rebuild for the standby: it makes the slot and attaches to it.
    """
    if lacks := _no_slot(now):
        return lacks
    slot = _slot(now)
    if slot is None or slot.active:
        return None
    return f"slot {slot.name} on {now.primary.node} is not active"


def _slot(now: Snapshot) -> Slot | None:
    """The standby's, on the primary."""
    name = now.pair[now.standby.node].slot
    return next((slot for slot in now.primary.slots if slot.name == name), None)


def _no_slot(now: Snapshot) -> str:
    """Why no standby could stream by its slot; empty where one could."""
    slot = _slot(now)
    if instead("slots", now.primary.major):
        return ""
    if slot is None:
        return f"{now.primary.node} has no slot {now.pair[now.standby.node].slot}"
    lost = slot.wal_status == "lost"
    return f"slot {slot.name} has lost WAL that the standby needs" if lost else ""


@check(
    level="warning",
    value=lambda now: plural(sum(len(s.slots) for s in now.running), "slot"),
    limit=lambda now: size(now.pair.limits.slot_wal),
)
def no_idle_slot_hoards_wal(now: Snapshot) -> str | None:
    """No unused slot keeps WAL for ever.

    Drop the slot once you know whose it was: select pg_drop_replication_slot(name).
    """
    limit = now.pair.limits.slot_wal
    hoards = []
    for node in now.running:
        for slot in node.slots:
            kept = 0 if slot.restart is None else node.position.lsn - slot.restart
            if not slot.active and kept > limit:
                hoards.append(f"slot {slot.name} on {node.node} is unused and keeps {size(kept)}")
    return "; ".join(hoards) or None


# of restore_command in a promotion: two files of the WAL, three histories (counted on 15 and 18)
_CALLS = 5


@check(level="warning", value=lambda now: _archive(now), limit=lambda _: "1000 ms")
def a_promotion_would_not_wait_for_an_archive(now: Snapshot) -> str | None:
    """A promotion would not wait for what restores from an archive.

    Let restore_command say quickly that it has not a file. From 14 on a switchover sets it to ''
    meanwhile, and a failover does once nothing more can come from anywhere; before 14 every
    promotion waits.
    """
    node, it = now.standby.node, now.host(now.standby.node).restore
    told, took = [], it.seconds if it else 0.0
    if took * _CALLS > 1:
        most = "at least " if took > LONGEST else ""
        told.append(
            f"restore_command on {node} takes {most}{span(took)} to say that it has not a file, "
            f"and a promotion asks about {_CALLS} times: {most}{span(took * _CALLS)}"
        )
    if command := now.closely(node).settings.get("recovery_end_command"):
        told.append(f"a promotion of {node} waits for its recovery_end_command, {command!r}")
    return "; ".join(told) or None


def _archive(now: Snapshot) -> str:
    it = now.host(now.standby.node).restore
    if it is None:
        return "no restore_command"
    return f"{span(it.seconds)} for a file that is not there"
