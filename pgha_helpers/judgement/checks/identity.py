"""Is this a pair at all, and who is who?"""

from __future__ import annotations

from ...model import Blank, Running, Sighting, Silent, Snapshot
from ...model.errors import NotSeen
from ...model.sightings import disk_of, system_id_of, to_be_seen
from .check import check
from .forks import at_stake
from .machines import disks_of, each_once


@check(value=lambda now: each_once(s.node for s in now.running))
def both_nodes_answer(now: Snapshot) -> str | None:
    """Both nodes answer SQL.

    Start the one that is down; mend what keeps this runbook out of one that runs; else run promote
    or rebuild.
    """
    down = [f"{s.node} {s}" for s in now.sightings if not isinstance(s, Running)]
    return "; ".join(down) or None


@check(value=lambda now: each_once(node for node, _ in disks_of(now)))
def both_shells_answer(now: Snapshot) -> str | None:
    """Both nodes answer over ssh.

    Mend the ssh account or its key: nothing can be stopped, fenced or started without it.
    """
    silent = [f"{s.node}: {s.shell_silent}" for s in now.running if s.shell_silent]
    silent += [f"{s.node}: {s.why}" for s in now.sightings if isinstance(s, Silent)]
    return "; ".join(silent) or None


@check(value=lambda now: each_once(s.node for s in now.running))
def they_are_as_addressed(now: Snapshot) -> str | None:
    """Each address is answered by the data directory that the pair file names.

    Mend host, port or data_directory in the pair file: another cluster is answering.
    """
    disks_of(now)
    answers = [_strange(now, s) for s in now.running]
    return "; ".join(strange for strange in answers if strange) or None


@check()
def the_standby_is_as_addressed(now: Snapshot) -> str | None:
    """The standby's address is answered by the data directory that the pair file names.

    Mend host, port or data_directory in the pair file: another cluster is answering.
    """
    return _strange(now, now.standby)


def _strange(now: Snapshot, seen: Running) -> str | None:
    """Why the server that answers SQL is not the one that ssh looks at.

    The backend that answered must be among the processes of the data directory: an alias, a virtual
    address or a wrong port leads to another server, whose paths and system identifier may well be
    the same.
    """
    wanted = now.pair[seen.node].data_directory.rstrip("/")
    if seen.disk:
        here = seen.backend in seen.disk.processes
    else:
        here = seen.data_directory.rstrip("/") == wanted
    if here:
        return None
    return f"{seen.node} answers with {seen.data_directory}, which is not {wanted} as ssh sees it"


@check(value=lambda now: next(filter(None, now.system_ids()), ""))
def they_are_one_system(now: Snapshot) -> str | None:
    """Both nodes are copies of one cluster: the same system identifier.

    Two clusters that were initialised apart become a pair only by the setup notebook.
    """
    unread = [s for s in now.sightings if not isinstance(s, Blank) and not system_id_of(s)]
    if unread:
        raise NotSeen(f"{unread[0].node} {unread[0]}", to_be_seen(unread[0]))
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


@check(value=lambda now: ", ".join(f"{s.node} {s.version // 10000}" for s in now.running))
def they_run_one_major_version(now: Snapshot) -> str | None:
    """Both nodes run the same major version of PostgreSQL.

    Streaming replication works only within one major version.
    """
    disks = {s.node: disk_of(s) for s in now.sightings}
    majors = {node: disk.programs for node, disk in disks.items() if disk and disk.programs}
    majors |= {s.node: s.version // 10000 for s in now.running}
    if len({*majors.values()}) <= 1:
        return None
    return " and ".join(f"{node} has {major}" for node, major in majors.items())


@check(value=lambda now: now.primary.node)
def one_node_is_writable(now: Snapshot) -> str | None:
    """Exactly one node is writable.

    With two of one cluster, stop one at once: rebuild with node= and method=stop. With none, run
    promote.
    """
    if len(now.primaries) == 1:
        return None
    if now.primaries:
        ours, theirs = now.system_ids()
        return f"{now.two_primaries()}; {at_stake(now)}" if ours == theirs else now.two_primaries()
    return "; ".join(f"{s.node} {s}" for s in now.sightings)


@check(value=lambda now: now.primary.node)
def the_primary_is_not_armed(now: Snapshot) -> str | None:
    """No standby definition waits on the primary for its next restart.

    A hand-over died after it armed the node: run promote again, or remove the file.
    """
    primary = now.primary
    if primary.disk is None:
        raise NotSeen(
            f"{primary.node}: {primary.shell_silent}", f"mend the shell of {primary.node}"
        )
    if not primary.disk.standby_files:
        return None
    file = primary.disk.standby_files[0]
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
    timelines = {s.node: _timeline(s) for s in now.sightings}
    a, b = now.pair.names
    if timelines[a] == timelines[b]:
        return None
    return f"{a} is on timeline {timelines[a]} and {b} is on timeline {timelines[b]}"


def _timeline(seen: Sighting) -> int:
    if isinstance(seen, Running):
        return seen.timeline
    disk = disk_of(seen)
    if disk is None or disk.control is None:
        raise NotSeen(f"{seen.node} {seen}", to_be_seen(seen))
    return disk.control.checkpoint.timeline
