"""What is going on at the primary that a stop would cut off, lose, or wait for?"""

from __future__ import annotations

from ...model import Cause, Running, Snapshot, dialect
from ...model.causes import merged
from ...model.errors import NotSeen
from ...model.show import plural, size, span
from ...model.survey import Archiver, LogicalSlot, Transaction
from ..plans.readers import readers
from .check import check

_NAMED = 3  # of a kind, in one sentence


@check(value=lambda now: str(len(now.closely(now.primary.node).prepared)))
def no_transaction_is_prepared(now: Snapshot) -> str | None:
    """No prepared transaction is undecided.

    Let its transaction manager decide, or do it by hand: commit prepared 'gid' or rollback prepared
    'gid'. It would move to the new primary undecided, with all its locks.
    """
    prepared = now.closely(now.primary.node).prepared
    told = [f"{transaction}, {span(transaction.age)} old" for transaction in prepared]
    return f"prepared on {now.primary.node}: {_few(told)}" if told else None


@check(
    value=lambda now: _oldest(now.closely(now.primary.node).transactions),
    limit=lambda now: span(now.pair.limits.long_transaction),
)
def no_transaction_is_long(now: Snapshot) -> str | None:
    """No client's transaction has been open for long.

    Wait for it, end it (select pg_terminate_backend(pid)), or give promote a `drain` that waits and
    then ends it.
    """
    limit = now.pair.limits.long_transaction
    long = [t for t in now.closely(now.primary.node).transactions if t.age > limit]
    told = [f"{t} for {span(t.age)}" + _held(t) for t in long]
    return f"open on {now.primary.node}: {_few(told)}" if told else None


def _held(transaction: Transaction) -> str:
    return f", holds xmin back by {transaction.xmin_age}" if transaction.xmin_age > 0 else ""


def _oldest(transactions: tuple[Transaction, ...]) -> str:
    oldest = max(transactions, key=lambda t: t.age, default=None)
    return f"the oldest is {span(oldest.age)} old" if oldest else "none is open"


def _few(told: list[str]) -> str:
    """The first few, and how many more there are: a sentence must end."""
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more


@check(value=lambda now: f"{sum(len(now.closely(s.node).backups) for s in _both(now))} seen")
def no_base_backup_is_running(now: Snapshot) -> str | None:
    """No base backup is being taken from either node.

    Wait for its end, or cancel it: the stop would break it, and it could copy the standby
    definition of the old primary. An exclusive one that was left: select pg_stop_backup().
    """
    told = [
        f"{backup} on {s.node}"
        for s in (now.primary, now.standby)
        for backup in now.closely(s.node).backups
    ]
    return f"a base backup is running: {_few(told)}" if told else None


@check(
    value=lambda now: _archiving(_archiver(now)), limit=lambda now: span(now.pair.limits.archiving)
)
def the_archiver_would_not_hold_the_shutdown(now: Snapshot) -> str | None:
    """The archiver works, and has little left to do.

    Mend archive_command or what it writes to, and wait until it has caught up: the shutdown waits
    for it.
    """
    archiver, limit, node = _archiver(now), now.pair.limits.archiving, now.primary.node
    if archiver.mode == "off" or not (archiver.waiting or archiver.failing):
        return None
    if archiver.failing and archiver.waiting:
        return f"archiving fails on {node}, last of {archiver.last_failed}; {_waits(archiver)}"
    if archiver.oldest > limit:
        return (
            f"{node}: a segment has waited {span(archiver.oldest)} for the archiver, "
            f"{span(limit)} allowed"
        )
    if archiver.waiting and archiver.seconds is None:
        raise NotSeen(
            f"{node}: {_waits(archiver)}, and nothing tells how long one takes",
            "Wait until one more segment has been archived",
        )
    seconds = archiver.seconds or 0.0
    if seconds > limit:
        return f"the archiver of {node} needs about {span(seconds)}, {span(limit)} allowed"
    return None


def _archiver(now: Snapshot) -> Archiver:
    now.host(now.primary.node)  # what waits is counted by the shell
    archiver = now.closely(now.primary.node).archiver
    if archiver.unread and archiver.mode != "off":
        raise NotSeen(
            f"{now.primary.node}: {archiver.unread}",
            f"look at the tools in the PATH of {now.primary.node}",
        )
    return archiver


def _logical_slots(now: Snapshot) -> str:
    return plural(len(now.closely(now.primary.node).logical_slots), "slot")


def _waits(archiver: Archiver) -> str:
    return plural(archiver.waiting, "segment waits", "segments wait")


def _archiving(archiver: Archiver) -> str:
    if archiver.mode == "off":
        return "archive_mode is off"
    pace = "" if archiver.segment is None else f", {span(archiver.segment)} each"
    return f"{_waits(archiver)}{pace}"


@check(value=lambda now: _logical_slots(now))
def failover_slots_are_synchronised(now: Snapshot) -> str | None:
    """Every logical slot that is to survive a move (failover = true) has its copy on the standby.

    Wait for the copy, or mend what keeps it away, all on the standby: sync_replication_slots and
    hot_standby_feedback are set on by you, a dbname in primary_conninfo is written by rebuild. A
    slot of its own goes by rebuild, too, with drop_slots and its name as it stands here.
    """
    lost = [
        slot.name + _blocked(now, slot.name)
        for slot in _logical(now)
        if slot.failover and not _survives(now, slot)
    ]
    return f"not yet on {now.standby.node}: {_few(lost)}" if lost else None


def _blocked(now: Snapshot, name: str) -> str:
    """What keeps the copy of a slot away for ever: the server never overwrites a slot that it has
    not copied.
    """
    node = now.standby.node
    own = any(slot.name == name and not slot.synced for slot in now.closely(node).logical_slots)
    if not own:
        return ""
    return f" ({node} has a slot of its own of that name, from when it was primary: {node}.{name})"


@check(level="warning", value=lambda now: plural(len(readers(now)), "other"))
def nobody_else_who_reads_wal_would_be_left_behind(now: Snapshot) -> str | None:
    """Nobody but the pair's standby reads WAL from the primary, and would be left behind there.

    A further standby goes on behind the old primary, at second hand; to feed it from the new one,
    make its slot there and set its primary_conninfo. A backup that streams has a gap until it is
    pointed at the new primary, with a slot.
    """
    found = list(readers(now))
    return f"would stay behind on {now.primary.node}: {_few(found)}" if found else None


@check(
    level="warning",
    value=lambda now: _logical_slots(now),
)
def no_logical_slot_would_be_left_behind(now: Snapshot) -> str | None:
    """Every consumer of a logical slot would find its slot on the new primary.

    From 17 on: create the slot with failover = true and let the standby synchronise it. Before:
    tell the consumer's owner that it must make its slot anew, and that changes between would be
    missing there.
    """
    lost = [
        f"{slot.name} ({slot.plugin} in {slot.database}, {'in use' if slot.active else 'idle'})"
        for slot in _logical(now)
        if not slot.failover
    ]
    moves = dialect.has("failover_slots", now.primary.major)
    why = "" if moves else "; slots do not move before 17"
    return f"would not be on {now.standby.node}: {_few(lost)}{why}" if lost else None


def _logical(now: Snapshot) -> list[LogicalSlot]:
    """The primary's logical slots that have something to lose; those of a standby's own are not
    ours to judge.
    """
    return [slot for slot in now.closely(now.primary.node).logical_slots if not slot.lost]


def _survives(now: Snapshot, wanted: LogicalSlot) -> bool:
    there = now.closely(now.standby.node).logical_slots
    return any(slot.name == wanted.name and slot.synced and not slot.lost for slot in there)


@check(level="warning", value=lambda now: plural(len(_unlogged(now)), "table"))
def no_unlogged_table_would_be_emptied(now: Snapshot) -> str | None:
    """No unlogged table has rows that a move would lose.

    Copy what is needed into a logged table, or alter table … set logged: unlogged tables are empty
    on the new primary. So is a hash index before 10, which is in no WAL: reindex it there.
    """
    told = [
        f"{name} in {database} ({'of unknown size' if bytes_ is None else size(bytes_)})"
        for database, name, bytes_ in _unlogged(now)
        if bytes_ != 0
    ]
    why = {d.sizes_unseen: d for d in now.closely(now.primary.node).databases if d.sizes_unseen}
    unseen = f". To know the size: {_few([*why])}" if why else ""
    return f"would be empty: {_few(told)}{unseen}" if told else None


def _unlogged(now: Snapshot) -> list[tuple[str, str, int | None]]:
    """Database, name and bytes of each unlogged table, the largest first."""
    found = [
        (d.name, name, n)
        for d in now.closely(now.primary.node).databases
        for name, n in d.unlogged.items()
    ]
    return sorted(found, key=lambda table: -(table[2] or 0))


@check(
    level="warning",
    value=lambda now: f"{sum(len(now.closely(s.node).databases) for s in _both(now))} visits",
)
def every_database_was_looked_into(now: Snapshot) -> str | None:
    """Every database could be looked into, for unlogged tables and missing extensions.

    Let the role that looks (monitor_user, else user) connect to it, or look for yourself.
    """
    told = merged(
        Cause((s.node,), f"{d.name}: {d.unseen}")
        for s in _both(now)
        for d in now.closely(s.node).databases
        if d.unseen
    )
    return _few([str(cause) for cause in told]) or None


def _both(now: Snapshot) -> tuple[Running, Running]:
    return now.primary, now.standby
