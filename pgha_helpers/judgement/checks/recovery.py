"""Does the standby recover as we wrote it down, and from whom? A leftover of somebody's restore
would promote it.
"""

from __future__ import annotations

from ...model import Running, Snapshot
from ...model.conninfo import parts
from ...model.dialect import trigger_file
from .check import check

#: Each would end recovery, and open the standby for writes or shut it down.
_TARGETS = (
    "recovery_target",
    *(f"recovery_target_{kind}" for kind in ("lsn", "name", "time", "xid")),
)


@check(value=lambda now: _told(now.standby))
def the_standby_recovers_as_it_must(now: Snapshot) -> str | None:
    """The standby recovers without end, from the primary, by its own slot.

    Look where it is set: select name, setting, sourcefile, sourceline from pg_settings. Run
    rebuild: it writes ours.
    """
    standby = now.standby
    return "; ".join([*_ends(standby), *_source(now, standby)]) or None


@check(value=lambda now: ", ".join(now.disk(now.standby.node).triggers) or "none")
def no_file_waits_to_promote_the_standby(now: Snapshot) -> str | None:
    """No file waits in the standby's data directory to promote it.

    Run rebuild for the standby, which removes it, and find out whose promotion was begun there and
    never sent: the next walreceiver or walsender that is started makes PostgreSQL look, and then
    there are two primaries.
    """
    standby, found = now.standby, now.disk(now.standby.node).triggers
    where = now.pair[standby.node].data_directory
    if not found:
        return None
    return (
        f"{standby.node} has {' and '.join(found)} in {where}: it may promote itself at any moment"
    )


def _ends(standby: Running) -> list[str]:
    """What would end its recovery, each in words. A setting that this version does not have says
    nothing.
    """
    have, node = standby.settings, standby.node
    ends = [
        f"{name} is {have[name]!r} on {node}: recovery ends there"
        for name in _TARGETS
        if have.get(name)
    ]
    if have.get("recovery_target_timeline", "latest") != "latest":
        ends.append(
            f"recovery_target_timeline is {have['recovery_target_timeline']!r} on {node}, not "
            "'latest'"
        )
    for name in filter(have.get, ("trigger_file", "promote_trigger_file")):
        if have[name] == trigger_file(standby.major):
            continue
        ends.append(f"{name} is {have[name]!r} on {node}: that file would promote it")
    if standby.disk and "recovery.signal" in standby.disk.standby_files:
        ends.append(f"{node} has a recovery.signal beside its standby definition")
    waiting = [name for name in standby.pending_restart if name.startswith("recovery_target")]
    ends += [f"{name} was changed on {node} and waits for the next restart" for name in waiting]
    return ends


def _source(now: Snapshot, standby: Running) -> list[str]:
    """What is strange about where it gets its WAL from; nothing where the role may not read it."""
    node, have = now.pair[standby.node], standby.settings
    wrong, reach = [], parts(have.get("primary_conninfo", ""))
    there = reach.get("host", ""), reach.get("port", "5432")
    own, right = (_place(n.seen_by_peer) for n in (node, now.pair.other(node.name)))
    if reach and there != right and there in (own, (node.host, str(node.port))):
        wrong.append(
            f"primary_conninfo of {node.name} leads to {node.name} itself: it was copied from "
            "the other node"
        )
    elif "host" in reach and "," not in reach["host"] and there != right:
        wrong.append(
            f"primary_conninfo of {node.name} leads to {':'.join(there)}, not {':'.join(right)}"
        )
    name = reach.get("application_name", node.name)
    if name != node.name:
        wrong.append(f"primary_conninfo of {node.name} calls it {name!r}")
    if reach and not reach.get("dbname") and _copies_slots(now, standby):
        wrong.append(
            f"primary_conninfo of {node.name} has no dbname, without which no logical slot is "
            "copied to it"
        )
    if have.get("primary_slot_name", node.slot) != node.slot:
        wrong.append(
            f"primary_slot_name is {have['primary_slot_name']!r} on {node.name}, not {node.slot!r}"
        )
    return wrong


def _copies_slots(now: Snapshot, standby: Running) -> bool:
    """Whether it copies logical slots from the primary, or should."""
    return standby.settings.get("sync_replication_slots") == "on" or any(
        slot.failover for slot in now.primary.slots
    )


def _place(place: tuple[str, int]) -> tuple[str, str]:
    return place[0], str(place[1])


def _told(standby: Running) -> str:
    command = standby.settings.get("restore_command")
    return f"and restores with {command!r}" if command else "by streaming alone"
