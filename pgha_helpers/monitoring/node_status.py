"""A node in a row: what is seen of it, in values that a program reads and in words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from ..judgement.checks.streaming import sender_for
from ..model import Running, Sighting, Slot, Snapshot
from ..model.errors import NotSeen
from ..model.show import Table, size, span, utc
from ..model.sightings import disk_of

_HEAD = ("node", "role", "address", "state", "timeline", "position")
_HEAD_2 = ("behind", "slot", "sync", "version", "since")


@dataclass(frozen=True)
class NodeStatus:
    """One node of a pair; what is not known, or does not belong to its role, is None or empty.

    `role` is primary, standby, or empty where nobody answered SQL. `state` is writable, the state
    of a walreceiver, `not streaming`, `replay paused`, or what the sighting of one that does not
    run is called. `position` is where its WAL ends, `replayed` how far a standby has replayed. The
    lag is the standby's, in bytes that it has not replayed and in seconds as its primary tells
    them; so are `slot`, on the primary, with the bytes of WAL that it keeps, and `sync_state`.
    `since` (UTC) is when the server was started, or became primary, or was last up.
    """

    node: str
    role: str
    host: str
    port: int
    state: str
    timeline: int | None = None
    position: str = ""
    replayed: str = ""
    lag_bytes: int | None = None
    lag_seconds: float | None = None
    slot: str = ""
    slot_state: str = ""
    slot_keeps: int | None = None
    sync_state: str = ""
    version: str = ""
    since: str = ""

    @property
    def row(self) -> tuple[str, ...]:
        """As a row of a table."""
        position = self.position
        if self.replayed and self.replayed != position:
            position += f", replayed {self.replayed}"
        timeline = "" if self.timeline is None else str(self.timeline)
        told = (self.node, self.role, f"{self.host}:{self.port}", self.state, timeline, position)
        slot = f"{self.slot}, {self.slot_state}" if self.slot else ""
        since = f"{self.since[:10]} {self.since[11:16]}Z" if self.since else ""
        return (*told, self.behind, slot, self.sync_state, self.version, since)

    @property
    def behind(self) -> str:
        """The lag as a person reads it; empty where it is not known."""
        told = []
        if self.lag_bytes is not None:
            told.append(size(self.lag_bytes))
        if self.lag_seconds is not None:
            told.append(span(self.lag_seconds))
        return " and ".join(told)


def table_of(nodes: Sequence[NodeStatus]) -> Table:
    """A row per node, without the columns that nobody has anything in."""
    head, rows = (*_HEAD, *_HEAD_2), [node.row for node in nodes]
    kept = [n for n in range(len(head)) if any(row[n] for row in rows)]
    return Table([head[n] for n in kept], [[row[n] for n in kept] for row in rows])


def rows_of(now: Snapshot) -> tuple[NodeStatus, ...]:
    """Both nodes, in the order of the pair file."""
    return tuple(_node(now, seen) for seen in now.sightings)


def _node(now: Snapshot, seen: Sighting) -> NodeStatus:
    place = now.pair[seen.node]
    if not isinstance(seen, Running):
        return _not_running(now, seen)
    told = NodeStatus(
        seen.node,
        seen.role,
        place.host,
        place.port,
        _state(seen),
        timeline=seen.timeline,
        position=str(seen.position.lsn),
        version=seen.release,
        since=_since(seen),
    )
    return told if seen.writable else _with_lag(now, seen, told)


def _not_running(now: Snapshot, seen: Sighting) -> NodeStatus:
    place, disk = now.pair[seen.node], disk_of(seen)
    told = NodeStatus(seen.node, "", place.host, place.port, seen.role)
    if disk is None or disk.control is None:
        return told
    at = disk.control.checkpoint
    since = utc(disk.written) if disk.written else ""
    return replace(told, timeline=at.timeline, position=str(at.lsn), since=since)


def _with_lag(now: Snapshot, seen: Running, told: NodeStatus) -> NodeStatus:
    """A standby's, with what its primary tells of it."""
    told = replace(told, replayed=str(seen.replayed))
    try:
        primary = now.primary
    except NotSeen:
        return told
    with suppress(NotSeen, ValueError):  # two standbys, or two histories
        told = replace(told, lag_bytes=now.lag())
    if sender := sender_for(primary, seen.node):
        told = replace(told, lag_seconds=sender.replay_lag, sync_state=sender.sync_state)
    wanted = now.pair[seen.node].slot
    slot = next((slot for slot in primary.slots if slot.name == wanted), None)
    return _with_slot(primary, slot, told) if slot else told


def _with_slot(primary: Running, slot: Slot, told: NodeStatus) -> NodeStatus:
    state = "active" if slot.active else "not active"
    if slot.wal_status in ("lost", "unreserved"):
        state += f", WAL {slot.wal_status}"
    keeps = None if slot.restart is None else max(0, primary.position.lsn - slot.restart)
    return replace(told, slot=slot.name, slot_state=state, slot_keeps=keeps)


def _state(seen: Running) -> str:
    if seen.writable:
        return "writable"
    if seen.replay_paused:
        return "replay paused"
    return seen.receiver.status if seen.receiver else "not streaming"


def _since(seen: Running) -> str:
    """When the server was started, or, if that is later, when it became primary."""
    try:
        at = datetime.fromisoformat(seen.started).timestamp()
    except ValueError:
        return seen.started
    if seen.writable and seen.disk:
        at = max(at, seen.disk.forked)
    return utc(at)
