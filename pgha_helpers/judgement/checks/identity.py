"""Is this a pair at all, and who is who?"""

from __future__ import annotations

from dataclasses import replace

from ...model import Blank, Cause, Running, Sighting, Snapshot
from ...model.causes import merged
from ...model.sightings import disk_of, system_id_of
from ...model.unseen import by_shell, elsewhere
from .check import check
from .forks import at_stake
from .machines import each_once


@check(value=lambda now: each_once(s.node for s in now.running))
def both_nodes_answer(now: Snapshot) -> tuple[Cause, ...]:
    """Both nodes answer SQL.

    Start the one that is down; mend what keeps this runbook out of one that runs; else run promote
    or rebuild.
    """
    return now.unasked()


@check(value=lambda now: each_once(node for node, _ in now.disks()))
def both_shells_answer(now: Snapshot) -> tuple[Cause, ...]:
    """Both nodes answer over ssh.

    Mend the ssh account or its key: nothing can be stopped, fenced or started without it.
    """
    silent = [s for s in now.sightings if disk_of(s) is None]
    return merged(
        cause for seen in silent for cause in by_shell(now.pair, seen, now.other(seen.node))
    )


@check(value=lambda now: each_once(s.node for s in now.running))
def they_are_as_addressed(now: Snapshot) -> tuple[Cause, ...]:
    """Each address is answered by the data directory that the pair file names.

    Mend host, port or data_directory in the pair file: another cluster is answering.
    """
    strange = tuple(filter(None, (elsewhere(now.pair, s) for s in now.running)))
    if not strange:
        now.disks()
    return strange


@check()
def the_standby_is_as_addressed(now: Snapshot) -> tuple[Cause, ...]:
    """The standby's address is answered by the data directory that the pair file names.

    Mend host, port or data_directory in the pair file: another cluster is answering.
    """
    strange = elsewhere(now.pair, now.standby)
    return (strange,) if strange else ()


@check(value=lambda now: next(filter(None, now.system_ids()), ""))
def they_are_one_system(now: Snapshot) -> str | None:
    """Both nodes are copies of one cluster: the same system identifier.

    Two clusters that were initialised apart become a pair only by the setup notebook.
    """
    for seen in now.sightings:
        if not isinstance(seen, Blank) and not system_id_of(seen):
            raise now.not_seen(seen.node)
    return _two_systems(now)


@check()
def whatever_can_be_read_is_one_system(now: Snapshot) -> str | None:
    """The lost node, where its disk can be read, is a copy of the same cluster.

    Mend the pair file: these two were never a pair.
    """
    return _two_systems(now)


def _two_systems(now: Snapshot) -> str | None:
    ours, theirs = now.system_ids()
    a, b = now.pair.names
    if not (ours and theirs) or ours == theirs:
        return None
    return f"{a} is {ours} and {b} is {theirs}"


@check(value=lambda now: ", ".join(f"{s.node} {s.major}" for s in now.running))
def they_run_one_major_version(now: Snapshot) -> str | None:
    """Both nodes run the same major version of PostgreSQL.

    Streaming replication works only within one major version.
    """
    disks = {s.node: disk_of(s) for s in now.sightings}
    majors = {node: disk.programs for node, disk in disks.items() if disk and disk.programs}
    majors |= {s.node: s.major for s in now.running}
    if len({*majors.values()}) <= 1:
        return None
    return " and ".join(f"{node} has {major}" for node, major in majors.items())


@check(value=lambda now: now.primary.node)
def one_node_is_writable(now: Snapshot) -> tuple[Cause, ...]:
    """Exactly one node is writable.

    With two of one cluster, stop one at once: rebuild with node= and method=stop. With none, run
    promote.
    """
    why = now.why_not_one_primary()
    if len(now.primaries) == 2 and len(set(now.system_ids())) == 1:
        return (replace(why[0], more=(f"; {at_stake(now)}",)),)
    return why


@check(value=lambda now: now.primary.node)
def the_primary_is_not_armed(now: Snapshot) -> str | None:
    """No standby definition waits on the primary for its next restart.

    A hand-over died after it armed the node: run promote again, or remove the file.
    """
    primary = now.primary
    files = now.disk(primary.node).standby_files
    if not files:
        return None
    file = files[0]
    return (
        f"{primary.node} is writable but has {file}: a restart or one crashed backend would "
        "make it a standby"
    )


@check(level="warning", value=lambda now: now.pair.preferred)
def the_preferred_node_is_primary(now: Snapshot) -> str | None:
    """The node that the pair file prefers is the primary.

    Run promote when it suits you: the pair works as it is.
    """
    preferred, primary = now.pair.preferred, now.primary.node
    if preferred and primary != preferred:
        return f"{primary} is primary, {preferred} is preferred"
    return None


@check()
def whatever_runs_is_on_one_timeline(now: Snapshot) -> str | None:
    """Both nodes are on one timeline, running or not.

    Two histories cannot be told ahead or behind: run promote as a failover, then rebuild.
    """
    timelines = {s.node: _timeline(now, s) for s in now.sightings}
    a, b = now.pair.names
    if timelines[a] == timelines[b]:
        return None
    return f"{a} is on timeline {timelines[a]} and {b} is on timeline {timelines[b]}"


def _timeline(now: Snapshot, seen: Sighting) -> int:
    if isinstance(seen, Running):
        return seen.timeline
    disk = disk_of(seen)
    if disk is None or disk.control is None:
        raise now.not_seen(seen.node)
    return disk.control.checkpoint.timeline
