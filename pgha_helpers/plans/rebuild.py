"""Which node to rebuild, and by which method: with the evidence that decides it.

Two histories are told apart by WAL records, not by timeline numbers: a standby that lost its signal file opens on
the same timeline, without any history file.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BadParameters, NotSafe
from ..model import Blank, Hung, Lsn, Running, Silent, Snapshot, Stopped
from ..model.sightings import disk_of
from ..model.snapshot import streams_to
from .plan import Plan

METHODS = ("", "follow", "clone")


@dataclass(frozen=True)
class Evidence:
    """What WAL says of a node that might follow.

    `its` and `ours` are the record at the node's last checkpoint as pg_waldump tells it on the node and on the
    primary; `last` is a position inside the node's own last record. Empty or None: could not be read, which counts
    as unknown.
    """

    its: str = ""
    ours: str = ""
    last: Lsn | None = None


def which_node(now: Snapshot, node: str) -> str:
    """The node to rebuild: the one that was named, or the one that is not the primary.

    Raises BadParameters for a name that is not in the pair, NotSafe for the writable node.
    """
    if node and node not in now.pair.names:
        raise BadParameters(f"node is {node!r}", f"it may be {' or '.join(now.pair.names)}")
    if node == now.primary.node:
        raise NotSafe(f"{node} is the writable node: it is never rebuilt", f"rebuild {now.pair.other(node).name}")
    return now.pair.other(now.primary.node).name


def plan_rebuild(now: Snapshot, node: str = "", method: str = "", evidence: Evidence | None = None) -> Plan:
    """Plan a rebuild. Raises NotSafe where it may not be tried, BadParameters for an unknown node or method."""
    if method not in METHODS:
        raise BadParameters(f"method is {method!r}", "it may be follow, clone, or empty for the runbook's choice")
    loser = now[which_node(now, node)]
    if isinstance(loser, Silent):
        raise NotSafe(f"{loser.node} {loser}", "a node is rebuilt over ssh: mend that first")
    _same_system(now, loser)
    if isinstance(loser, Hung) and loser.starting and method != "clone":
        raise NotSafe(f"{loser.node} is starting: {loser.answer}", "wait until it is up, or insist with method=clone")
    if method != "clone" and isinstance(loser, Running) and streams_to(now.primary, loser.node):
        done = f"already so: {loser.node} streams from {now.primary.node}"
        return Plan("rebuild", loser.node, now.primary.node, "follow", already=done)
    why_not = why_not_follow(now, loser, evidence or Evidence())
    if method == "follow" and why_not:
        raise NotSafe(f"{loser.node} cannot follow: {why_not}", "leave method empty: it will be cloned beside")
    return _clone(now, loser, why_not) if method == "clone" or why_not else _follow(now, loser)


def why_not_follow(now: Snapshot, loser: Running | Stopped | Hung | Blank, evidence: Evidence) -> str | None:
    """Why this node cannot simply be started as a standby of the primary, or None if it can."""
    if isinstance(loser, Blank | Hung):
        return str(loser)
    timeline = loser.timeline if isinstance(loser, Running) else loser.control.checkpoint.timeline
    if isinstance(loser, Stopped) and (promoted := _promoted_since(loser)):
        return f"it was promoted to timeline {promoted}, and died before its first checkpoint there"
    fork = fork_of(now, timeline)
    if fork is None:
        return f"it is on timeline {timeline}, which is not in the history of {now.primary.node}"
    if evidence.last is None:
        return "the end of its WAL cannot be read"
    if evidence.last >= fork:
        return f"its WAL goes beyond the fork at {fork}, to a record at {evidence.last}"
    if not evidence.its or not evidence.ours:
        return "the WAL around its last checkpoint is not there to be compared"
    return None if evidence.its == evidence.ours else "its last checkpoint is another record in the primary's WAL"


def _promoted_since(loser: Stopped) -> int:
    """The timeline that this node has opened for writes and its control file does not tell yet, or 0.

    A standby, too, may have a newer history than its control file tells; but it has written nothing of its own.
    """
    newest = max(loser.disk.histories, default=0)
    own = not loser.control.ended_in_recovery and newest > loser.control.checkpoint.timeline
    return newest if own else 0


def fork_of(now: Snapshot, timeline: int) -> Lsn | None:
    """Up to where this timeline is the primary's own history; None if it is not part of it."""
    primary = now.primary
    if timeline == primary.timeline:
        return primary.written
    disk = disk_of(primary)
    return history_of(disk.histories.get(primary.timeline, "") if disk else "").get(timeline)


def history_of(text: str) -> dict[int, Lsn]:
    """Parse a timeline history file: ancestor timeline to the position where it was left.

    >>> history_of("1\\t0/3000148\\tno recovery target specified\\n\\n2\\t0/5000000\\treason\\n")
    {1: Lsn('0/3000148'), 2: Lsn('0/5000000')}
    """
    rows = [line.split("\t") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {int(row[0]): Lsn.parse(row[1].strip()) for row in rows}


def _same_system(now: Snapshot, loser: Running | Stopped | Hung | Blank) -> None:
    ours, theirs = now.system_ids()
    if ours and theirs and ours != theirs:
        raise NotSafe(
            f"{now.primary.node} and {loser.node} are two systems, not a pair: {ours} and {theirs}",
            "the setup notebook makes a pair of them",
        )


def _follow(now: Snapshot, loser: Running | Stopped | Hung | Blank) -> Plan:
    primary = now.primary.node
    restart = "Restart" if isinstance(loser, Running) else "Start"
    return Plan(
        "rebuild",
        loser.node,
        primary,
        "follow",
        steps=(
            f"Give {primary} a slot for {loser.node} and prove that {loser.node} can connect",
            f"Write the standby definition of {loser.node}",
            f"{restart} {loser.node} and see it stream",
        ),
        roles=f"{primary} is primary, {loser.node} has nothing that {primary} does not have",
        told=(f"{loser.node} {loser}",),
    )


def _clone(now: Snapshot, loser: Running | Stopped | Hung | Blank, why_not: str | None) -> Plan:
    primary, node = now.primary.node, loser.node
    return Plan(
        "rebuild",
        node,
        primary,
        "clone",
        steps=(
            f"Give {primary} a slot for {node} and prove that {node} can connect",
            f"Copy {primary} with pg_basebackup into a fresh directory beside {now.pair[node].data_directory}",
            f"Stop what runs on {node}; rename its old data directory aside (nothing is deleted), move the copy in",
            f"Start {node} and see it stream",
        ),
        roles=f"{primary} is primary, {node} is not a usable standby",
        told=(f"why a copy: {why_not or 'it was asked for'}", f"{node} {loser}"),
    )
