"""Why a node of a snapshot cannot be asked by SQL or by its shell, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator

from . import libpq
from .causes import Cause
from .disk import Disk
from .pair import Pair
from .show import plural, to_minute
from .sightings import Blank, Hung, Running, Sighting, Silent, Stopped

_LOST = "; if it was the primary and is lost, run promote with occasion=failover"


def by_sql(pair: Pair, seen: Sighting, other: Sighting) -> Iterator[Cause]:
    """Why this node does not answer SQL; nothing where it does. What to do depends on the other."""
    node = (seen.node,)
    match seen:
        case Stopped():
            yield _stopped(seen, other)
        case Blank():
            yield Cause(node, f"no cluster: {seen.why}", _to_be_found(seen.disk))
        case Hung():
            yield _hung(pair, seen, other)
        case Silent():
            yield from _silent(seen, other)


def by_shell(pair: Pair, seen: Sighting, other: Sighting) -> Iterator[Cause]:
    """Why this node's shell does not answer, or looks at another server than SQL; nothing where it
    does.
    """
    if isinstance(seen, Silent):
        yield from _silent(seen, other)
    if not isinstance(seen, Running):
        return
    if seen.shell_silent:
        yield Cause((seen.node,), seen.shell_silent, seen.shell_remedy or "mend the shell there")
    elif strange := elsewhere(pair, seen):
        yield strange


def elsewhere(pair: Pair, seen: Running) -> Cause | None:
    """Why the server that answers SQL is not the one that ssh looks at.

    The backend that answered must be among the processes of the data directory: an alias, a virtual
    address or a wrong port leads to another server, whose paths and system identifier may well be
    the same.
    """
    wanted = pair[seen.node].data_directory
    same = seen.data_directory.rstrip("/") == wanted.rstrip("/")
    here = seen.backend in seen.disk.processes if seen.disk else same
    if here:
        return None
    node, place = (seen.node,), pair[seen.node]
    answers = f"SQL is answered from {seen.data_directory}"
    if same:
        return Cause(
            node,
            f"{answers} by another server than the one that ssh sees there",
            "correct host or port, or ssh.host, in the pair file: they lead to two machines",
        )
    if seen.disk and seen.disk.owner:
        return Cause(node, seen.disk.blank, _to_be_found(seen.disk))
    what = f"{answers}, and not from {wanted}, as the pair file says"
    if seen.disk and seen.disk.blank:
        what = f"data_directory is wrong: {seen.disk.blank}; {answers}"
    return Cause(
        node,
        what,
        f"correct data_directory in the pair file; or host or port, if {place.host}:{place.port} "
        "is another server",
    )


def _stopped(seen: Stopped, other: Sighting) -> Cause:
    """That it does not run, and since when: a server that was shut down has written its control
    file last then.
    """
    node, state, written = (seen.node,), seen.control.state, seen.disk.written
    lacks = f"; {seen.disk.no_wal}" if seen.disk.no_wal else ""
    remedy = _to_be_started(seen, other)
    if state.startswith("shut down"):
        since = (f" since {to_minute(written)}",) if written else ()
        return Cause(node, f"stopped{lacks}", remedy, since)
    last = (f", last written {to_minute(written)}",) if written else ()
    what = f"not running, and it was not shut down: control file says {state!r}{lacks}"
    return Cause(node, what, remedy, last)


def _to_be_found(disk: Disk) -> str:
    if disk.owner:
        return f"correct owner in the pair file: {disk.owner}"
    return (
        "correct data_directory or bin_directory in the pair file if they are wrong, else "
        "run rebuild"
    )


def _to_be_started(seen: Stopped, other: Sighting) -> str:
    if isinstance(other, Running) and other.writable:
        return f"run rebuild with node={seen.node}: it starts it as a standby"
    if isinstance(other, Stopped):
        return (
            "start both servers as they were; or run promote, which goes on with the one that was "
            "the standby"
        )
    if isinstance(other, Running) and not seen.control.ended_in_recovery:
        return f"start {seen.node} again{_LOST}"
    return f"start {seen.node} again; it stays what it was"


def _if_lost(other: Sighting) -> str:
    """What else to do, unless the primary is seen: then this one is none."""
    return "" if isinstance(other, Running) and other.writable else _LOST


def _hung(pair: Pair, seen: Hung, other: Sighting) -> Cause:
    node, port = (seen.node,), pair[seen.node].port
    if seen.starting:
        return Cause(node, f"starting: {seen.answer}", "wait until it is up; else see its log")
    if not seen.answer and seen.disk.port not in (0, port):
        return Cause(
            node,
            f"port {port} is wrong: the server listens on {seen.disk.port}",
            f"correct port in the pair file: {seen.disk.port}",
        )
    if seen.answer or libpq.misled(seen.why):
        return Cause(node, seen.why, seen.remedy or "mend what keeps this runbook out of it")
    halted = f", {len(seen.disk.halted)} of them halted" if seen.disk.halted else ""
    alive = plural(len(seen.disk.processes), "process runs", "processes run")
    return Cause(
        node,
        f"{seen.why}, although {alive}{halted}",
        f"see its log: it hangs, or host or port lead elsewhere{_if_lost(other)}",
    )


def _silent(seen: Silent, other: Sighting) -> Iterator[Cause]:
    """One cause where the whole machine is silent, else one for each road."""
    node, roads = (seen.node,), tuple(filter(None, (seen.sql, seen.shell)))
    if not any(road.answer or libpq.misled(road.what) for road in roads):
        yield Cause(
            node,
            f"no answer, neither by SQL nor by ssh: {seen.why}",
            f"see that its machine is up, and the network to it{_if_lost(other)}",
        )
        return
    for road in roads:
        yield Cause(node, road.what, road.remedy or f"mend what keeps us from {seen.node}")
