"""Who else reads a primary's WAL: further standbys and streaming backups, which no change of roles
takes along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from ...model import Running, Snapshot
from ...model.conninfo import PROOF


def readers(now: Snapshot) -> tuple[str, ...]:
    """Each of them but the pair's own standby, in words. Raises NotSeen without a primary, or
    without a standby.
    """
    primary, standby = now.primary, now.standby.node
    return (
        *fed([asdict(sender) for sender in primary.senders], (standby,)),
        *_idle(primary, now.pair[standby].slot),
    )


def fed(senders: Collection[Any], ours: Collection[str]) -> tuple[str, ...]:
    """Those that a primary feeds, by its walsenders as a look saw them and as a journal keeps them;
    without `ours`.

    Whoever tells what it has replayed is a standby. A consumer of a logical slot is told elsewhere,
    a base backup ends.

    >>> fed([{"application": "db2", "address": "10.0.0.12", "slot": "db2",
    ... "replayed": 7, "state": "streaming"}], ())
    ('the standby db2 at 10.0.0.12, by slot db2',)
    >>> fed([{"application": "pg_receivewal"}, {"application": "db1"}, "odd"], ("db1",))
    ('pg_receivewal, without a slot',)
    """
    told = [sender for sender in senders if isinstance(sender, Mapping)]
    return tuple(
        _words(sender)
        for sender in told
        if sender.get("application") not in (*ours, PROOF)
        and sender.get("state") != "backup"
        and sender.get("kind") != "logical"
    )


def _words(sender: Mapping[str, Any]) -> str:
    kind = "the standby " if sender.get("replayed") else ""
    where = f" at {sender['address']}" if sender.get("address") else ""
    slot = f"by slot {sender['slot']}" if sender.get("slot") else "without a slot"
    return f"{kind}{sender.get('application') or 'somebody without a name'}{where}, {slot}"


def _idle(primary: Running, own: str) -> tuple[str, ...]:
    """Owners of physical slots that nobody uses now: a standby or a backup that is down, or gone
    for good.
    """
    return tuple(
        f"whoever owns slot {slot.name}, which is idle"
        for slot in primary.slots
        if slot.kind == "physical" and slot.name != own and not (slot.active or slot.temporary)
    )
