"""What a change of roles leaves behind: slots that nobody uses, directories renamed aside.

Whoever wants a slot gone names it: it joins the consent, `rebuild db0, drop slot barman`. The words
stay the same however much of it a run that died has done already. A directory is removed by nobody
but whoever types the line that is shown for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ...model import ForNow, Running, SetAside, Slot, Snapshot
from ...model.errors import BadParameters, NotSafe
from ...model.show import size, span
from .consent import Extra, ExtraKind
from .for_now import why_not_back
from .plan import Plan


@dataclass(frozen=True)
class Leftovers:
    """What there is, and which slots are to go, by name.

    Settings that are changed `for_now` need no asking.
    """

    kept: tuple[SetAside, ...] = ()
    drop_slots: tuple[str, ...] = ()
    for_now: tuple[ForNow, ...] = ()


def names(text: str) -> tuple[str, ...]:
    """The names in a parameter, each once.

    >>> names("barman, old_slot,barman")
    ('barman', 'old_slot')
    """
    words = [word.strip() for word in text.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))


def with_leftovers(plan: Plan, now: Snapshot, left: Leftovers) -> Plan:
    """The plan, with what is left over told, and with what is asked for in steps and consent.

    A plan that has nothing else to do becomes one of kind `tidy`. Raises BadParameters or NotSafe
    for what may not go.
    """
    told = (
        *plan.told,
        *told_of_slots(now),
        *told_of_kept(left.kept),
        *_stays(plan, now, left.for_now),
    )
    slots = tuple(
        (seen.node, _may_go(now, seen, slot)) for seen, slot in _named_slots(now, left.drop_slots)
    )
    steps = (
        *_set_back(plan, now, left.for_now),
        *(_drop(now, node, slot) for node, slot in slots),
    )
    if plan.already and not steps:
        return replace(plan, told=told)
    extras = tuple(Extra(ExtraKind.DROP_SLOT, name) for name in left.drop_slots)
    if plan.already:
        plan = replace(plan, kind="tidy", already="", steps=(), roles=plan.already)
    steps, extras = (*plan.steps, *steps), (*plan.extras, *extras)
    return replace(plan, steps=steps, extras=extras, told=told)


def _set_back(plan: Plan, now: Snapshot, found: Sequence[ForNow]) -> tuple[str, ...]:
    """A step for each setting that can be set back, as it was."""
    return tuple(
        f"Set {it.setting} on {it.node} back to {it.was!r}, as it was before run {it.run}"
        for it in found
        if not why_not_back(it, now, rebuilt=plan.node)
    )


def _stays(plan: Plan, now: Snapshot, found: Sequence[ForNow]) -> tuple[str, ...]:
    """A sentence for each that cannot be, and why."""
    reasons = ((it, why_not_back(it, now, rebuilt=plan.node)) for it in found)
    return tuple(f"{it}. It stays so: {why_not}" for it, why_not in reasons if why_not)


def _named_slots(now: Snapshot, asked: Sequence[str]) -> list[tuple[Running, Slot]]:
    """The slots of these names: NAME, or NODE.NAME.

    Raises BadParameters for a logical one that both nodes have.

    Of those only one is left over: the other is what its consumer uses, and need not be in use at
    this moment.
    """
    found = []
    for each in asked:
        node, name = on_node(each)
        if node and node not in now.pair.names:
            raise BadParameters(
                f"drop_slots is {each!r}", f"before the dot {' or '.join(now.pair.names)} may stand"
            )
        slots = [(seen, slot) for seen in now.running for slot in seen.slots if slot.name == name]
        if len(slots) > 1 and not node and any(slot.kind == "logical" for _, slot in slots):
            ways = " or ".join(f"drop_slots={seen.node}.{name}" for seen, _ in slots)
            raise BadParameters(
                f"drop_slots is {name!r}, a logical slot that both nodes have", ways
            )
        found += [(seen, slot) for seen, slot in slots if node in ("", seen.node)]
    return found


def on_node(name: str) -> tuple[str, str]:
    """Node and slot of NODE.NAME; any node where only the slot is named, which has no dot.

    >>> on_node("db0.app"), on_node("app")
    (('db0', 'app'), ('', 'app'))
    """
    node, _, slot = name.rpartition(".")
    return node, slot


def _name(now: Snapshot, seen: Running, slot: Slot) -> str:
    """How to name it, so that no other one is meant."""
    others = (other for node in now.running if node is not seen for other in node.slots)
    shared = slot.kind == "logical" and any(other.name == slot.name for other in others)
    return f"{seen.node}.{slot.name}" if shared else slot.name


def _may_go(now: Snapshot, seen: Running, slot: Slot) -> Slot:
    """The slot again. Raises NotSafe for one that somebody uses, or that is not ours to drop."""
    if slot.active:
        raise NotSafe(
            f"slot {slot.name} on {seen.node} is in use",
            "end who uses it first; it is dropped only then",
        )
    if seen.writable and slot.name == now.pair.other(seen.node).slot:
        raise NotSafe(
            f"slot {slot.name} on {seen.node} is what its standby needs",
            "leave it out of drop_slots",
        )
    if slot.synced and seen.in_recovery:  # a promoted one keeps the word
        raise NotSafe(
            f"slot {slot.name} on {seen.node} is a copy of the primary's", "drop it on the primary"
        )
    return slot


def unused_slots(now: Snapshot) -> list[tuple[Running, Slot]]:
    """Slots that nobody uses and that are nobody's copy, on both nodes.

    But for the one that the standby needs.
    """
    return [
        (seen, slot)
        for seen in now.running
        for slot in seen.slots
        if not (slot.active or slot.temporary or (slot.synced and seen.in_recovery))
        and not (seen.writable and slot.name == now.pair.other(seen.node).slot)
    ]


def told_of_slots(now: Snapshot) -> tuple[str, ...]:
    """A sentence for each slot that is left over."""
    return tuple(
        f"left over on {seen.node}: {_words(slot)}, not in use, {held_back(seen, slot)}; "
        f"to drop it: drop_slots={_name(now, seen, slot)}"
        for seen, slot in unused_slots(now)
    )


def told_of_kept(found: Sequence[SetAside]) -> tuple[str, ...]:
    """A sentence for each directory that is kept, and how it may be removed."""
    return tuple(map(_told_of, found))


def _told_of(kept: SetAside) -> str:
    state = "kept" if kept.state == "aside" else "half removed"
    what = f"{kept.holds}, {size_of(kept)}, for {age_of(kept)}"
    return f"{state} on {kept.node}: {kept.path} ({what}); {how_to_remove(kept)}"


def how_to_remove(kept: SetAside) -> str:
    """The line to type on its node, or why there is none."""
    if kept.stays is None:
        return "whether it may be removed is told once the pair is whole"
    if kept.stays:
        return f"it stays: {kept.stays}"
    return f"to remove it, on {kept.node} as {kept.owner}: {kept.removal}"


def size_of(kept: SetAside) -> str:
    """How large it is, as a person reads it."""
    return "size not counted" if kept.size is None else size(kept.size)


def age_of(kept: SetAside) -> str:
    """How long it has been kept, as a person reads it."""
    return span(max(0.0, (datetime.now(UTC) - kept.since).total_seconds()))


def _words(slot: Slot) -> str:
    logical = f"logical slot {slot.name} of database {slot.database}"
    return logical if slot.kind == "logical" else f"slot {slot.name}"


def held_back(seen: Running, slot: Slot) -> str:
    """What a slot keeps on the node's disk, in words."""
    if slot.wal_status == "lost":
        return "its WAL is lost"
    if slot.restart is None:
        return "holds no WAL back"
    return f"holds back {size(max(0, seen.position.lsn - slot.restart))} of WAL"


def _drop(now: Snapshot, node: str, slot: Slot) -> str:
    """The step.

    Of a slot that the primary has, too, this is what an old primary has kept: no consumer needs it.
    """
    if slot.kind != "logical":
        return f"Drop {_words(slot)} on {node}"
    there = [
        seen.node
        for seen in now.running
        if seen.node != node and any(s.name == slot.name for s in seen.slots)
    ]
    consumer = f"uses that of {there[0]}" if there else "must begin anew"
    return f"Drop {_words(slot)} on {node}: its consumer {consumer}"
