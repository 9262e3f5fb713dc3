"""Made-up snapshots: a healthy pair, and the same pair but for one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pgha_helpers.model import (
    Control,
    Disk,
    Limits,
    Lsn,
    Node,
    Pair,
    Position,
    Receiver,
    Running,
    Sender,
    Slot,
    Snapshot,
    Stopped,
    Survey,
)
from pgha_helpers.model.host import Host, Start
from pgha_helpers.model.survey import Archiver, Database, WalReading

HERE = Lsn.parse("0/5000000")
EARLIER = Lsn.parse("0/4FF0000")
SYSTEM = "7000000000000000001"
DATA = "/var/lib/postgresql/18/main"

SETTINGS = {
    "max_connections": "100",
    "max_prepared_transactions": "0",
    "max_locks_per_transaction": "64",
    "max_worker_processes": "8",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "wal_level": "replica",
    "hot_standby": "on",
    "wal_log_hints": "off",
    "data_checksums": "on",
    "wal_keep_size": "512",
    "wal_segment_size": str(16 * 1024 * 1024),
    "wal_retrieve_retry_interval": "100",
    "listen_addresses": "*",
    "port": "5432",
    "synchronous_standby_names": "",
}


def pair(**changes: Any) -> Pair:
    """db0 and db1, on two machines."""
    nodes = (_node("db0", "10.0.0.10"), _node("db1", "10.0.0.11"))
    return replace(Pair("prod", nodes, limits=Limits()), **changes)


def _node(name: str, host: str) -> Node:
    return Node(name, host, DATA, "/usr/lib/postgresql/18/bin")


def control(
    state: str = "in production", at: Lsn = EARLIER, timeline: int = 1, **changes: Any
) -> Control:
    """A control file."""
    return replace(Control(SYSTEM, state, Position(timeline, at), at), **changes)


def disk(**changes: Any) -> Disk:
    """A node's disk, with a server at work."""
    return replace(Disk(control(), processes=(100, 101), free_bytes=100 * 1024**3), **changes)


def primary(name: str = "db0", **changes: Any) -> Running:
    """A primary that feeds the other node."""
    other = pair().other(name).name
    sender = Sender(
        200, other, "replicator", "10.0.0.11", "streaming", HERE, HERE, HERE, HERE, 0.0, "async"
    )
    slot = Slot(f"pgha_{other}", "physical", True, HERE, "reserved")
    plain = Running(name, False, 180006, SYSTEM, 1, DATA, 101, written=HERE, settings=SETTINGS)
    return replace(replace(plain, senders=(sender,), slots=(slot,), disk=disk()), **changes)


def standby(name: str = "db1", **changes: Any) -> Running:
    """A standby that is fed by the other node."""
    host = pair().other(name).host
    plain = Running(name, True, 180006, SYSTEM, 1, DATA, 101, settings=SETTINGS)
    fed = replace(
        plain,
        received=HERE,
        replayed=HERE,
        receiver=Receiver("streaming", host, 5432, f"pgha_{name}"),
    )
    return replace(replace(fed, disk=disk(standby_files=("standby.signal",))), **changes)


def stopped(
    name: str = "db0", state: str = "shut down", armed: bool = True, **changes: Any
) -> Stopped:
    """A node on which nothing runs."""
    files = ("standby.signal",) if armed else ()
    return Stopped(name, disk(control=control(state, **changes), processes=(), standby_files=files))


def host(**changes: Any) -> Host:
    """What the shell says in a close look at a node on which nothing stands in the way."""
    return replace(Host(start=Start(settings=SETTINGS)), **changes)


def survey(name: str = "db0", **changes: Any) -> Survey:
    """A close look at a node on which nothing stands in the way."""
    readings = (WalReading(1.0, HERE), WalReading(1.25, HERE))
    plain = Survey(
        name,
        Archiver("off", "", "", False),
        host(),
        databases=(Database("postgres"),),
        readings=readings,
    )
    return replace(plain, **{"settings": {"work_mem": "4MB"}, **changes})


def seen(first: Any, second: Any, surveys: Any = None, **changes: Any) -> Snapshot:
    """A close snapshot of these two sightings, in the order of the pair file.

    Whoever runs has a healthy survey, unless `surveys` has another one by node.
    """
    plain = {s.node: survey(s.node) if isinstance(s, Running) else str(s) for s in (first, second)}
    return Snapshot(pair(**changes), (first, second), survey={**plain, **(surveys or {})})


def healthy() -> Snapshot:
    """A pair that needs nothing."""
    return seen(primary(), standby())
