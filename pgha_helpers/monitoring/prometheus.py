"""Status as a file for the textfile collector of Prometheus's node_exporter.

The name of each metric stands in `docs/status.md`. A file that grows old is an alarm of its own:
`pgha_status_timestamp_seconds` says when it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest, write_to_textfile

from ..judgement.checks import HEALTHY
from ..model.sightings import disk_of
from ..records.making.files import is_stream
from .node_status import NodeStatus
from .status import LEVELS, PairStatus

_ANSWERS = ("yes", "no", "unknown")
#: Name without its prefix, what it means, and its labels.
METRICS = (
    ("status", "Worst of all checks: 0 ok, 1 warning, 2 critical, 3 unknown", "pair"),
    ("status_timestamp_seconds", "When the pair was looked at", "pair"),
    ("check_status", "Of one check: 0 ok, 1 warning, 2 critical, 3 unknown", "pair check"),
    ("node_up", "Whether the node answers SQL", "pair node"),
    ("node_primary", "Whether the node takes writes", "pair node"),
    ("node_timeline", "Timeline of the node", "pair node"),
    ("node_free_bytes", "Free where the data directory is", "pair node"),
    ("lag_bytes", "WAL that the standby has not replayed yet", "pair node"),
    ("lag_seconds", "Delay of replay, as the primary tells it", "pair node"),
    ("slot_bytes", "WAL that the standby's slot keeps on the primary", "pair node"),
    ("ready", "1 for the answer that holds: could it be done now?", "pair change answer"),
    ("expected_outage_seconds", "Median of the pair's earlier switchovers", "pair"),
    ("expected_failover_seconds", "Median of the pair's earlier failovers", "pair"),
    ("expected_loss_bytes", "WAL that a failover without the old disk loses", "pair"),
    ("expected_loss_commits", "Commits in it, about", "pair"),
    ("expected_loss_seconds", "Seconds that these took, about", "pair"),
)


def write_prometheus(path: Path, told: Sequence[PairStatus]) -> None:
    """Write the file in one step: whoever reads meanwhile reads the old one. Raises OSError."""
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(f"pgha_{name}", words, labels.split(), registry=registry)
        for name, words, labels in METRICS
    }
    for one in told:
        _tell(gauges, one)
    if is_stream(path):
        path.write_bytes(generate_latest(registry))
        return
    write_to_textfile(str(path), registry)
    path.chmod(0o644)  # whatever the umask says: its reader is another user


def _tell(gauges: dict[str, Gauge], one: PairStatus) -> None:
    def set_(name: str, value: float | None, *labels: str) -> None:
        if value is not None:
            gauges[name].labels(one.pair, *labels).set(value)

    set_("status", LEVELS[one.level])
    set_("status_timestamp_seconds", datetime.fromisoformat(one.taken).timestamp())
    for check, verdict in zip(HEALTHY, one.verdicts, strict=False):
        set_("check_status", LEVELS[verdict.level], check.name)
    for node in one.nodes:
        set_("node_up", bool(node.role), node.node)
        set_("node_primary", node.role == "primary", node.node)
        set_("node_timeline", node.timeline, node.node)
        set_("node_free_bytes", _free(one, node), node.node)
        set_("lag_bytes", node.lag_bytes, node.node)
        set_("lag_seconds", node.lag_seconds, node.node)
        set_("slot_bytes", node.slot_keeps, node.node)
    if one.ready is None:
        return
    switchover, failover = one.ready.switchover, one.ready.failover
    for change, ready in (("switchover", switchover.answer), ("failover", failover.answer)):
        for answer in _ANSWERS:
            set_("ready", answer == ready, change, answer)
    set_("expected_outage_seconds", switchover.outage.median if switchover.outage else None)
    set_("expected_failover_seconds", failover.takes.median if failover.takes else None)
    set_("expected_loss_bytes", failover.loss.bytes)
    set_("expected_loss_commits", failover.loss.commits)
    set_("expected_loss_seconds", failover.loss.seconds)


def _free(one: PairStatus, node: NodeStatus) -> int | None:
    disk = disk_of(one.now[node.node]) if one.now else None
    return disk.free_bytes if disk else None
