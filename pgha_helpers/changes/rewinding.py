"""A node that left the primary's history is rewound: proven, saved, rehearsed, then overwritten."""

from __future__ import annotations

from ..facts import look
from ..facts.disk import read_disk
from ..facts.node_config import read_node_configs
from ..facts.starting import too_low
from ..facts.wal.rebuilding import rebuild_evidence
from ..facts.wal.rewinding import removed
from ..judgement.plans.rebuild import Evidence, Rewinding, fork_of
from ..model import Position, Running, Snapshot, Stopped
from ..model.errors import NotAchieved
from ..model.sightings import disk_of
from ..run.run import Run
from .deeds import access, promoting, rewind, servers, standby
from .keep_diverged import keeping_beside


def rewind_from(run: Run, node: str, source: Running) -> None:
    """Rewind `node` from `source`: it is armed then, and not started.

    Raises NotAchieved where it must not be.
    """
    primary, major = source.node, source.major
    access.ensure_hba(run, primary)
    if access.ensure_rewinding(run, primary):
        rewind.prove_source(run, node)

    def put_to_rest() -> None:
        standby.define(run, node, major, too_low(run, node, source))
        standby.arm(run, node, major)
        servers.stop(run, node, "its data directory is rewound")

    servers.checkpoint(run, primary, "pg_rewind believes its control file", put_to_rest)
    promoting.prove_timeline(run, primary)
    loser, fork, asked = _parted(run, node, *_at_rest(run, node))
    configs = read_node_configs(run, node)
    links = [link for link in configs.mine.links if link in configs.mine.named]
    saved = rewind.save(run, node, fork, loser.control.segment, major, configs.mine)
    with (
        keeping_beside(run, node, overwritten=True, wal=f"{saved}/pg_wal") as kept,
        rewind.recovered(run, node, asked.clean, major, links) as where,
    ):
        copied = rewind.rehearse(run, node, where, asked, major)
        kept()
        rewind.rewind(run, node, where, saved, asked, major, copied, configs)
    rewind.see_its_own(run, node, saved)


def _at_rest(run: Run, node: str) -> tuple[Snapshot, Evidence]:
    """What the plan was made from, where nothing has run on the node since.

    Else what is seen and found now.
    """
    planned = run.seen.evidence
    if planned and _has_rested(run, node, planned[0]):
        return planned
    now = look(run)
    return now, rebuild_evidence(run, now, node)


def _has_rested(run: Run, node: str, seen: Snapshot) -> bool:
    """Whether nothing runs on the node, and nothing has run there since it was seen."""
    then = disk_of(seen[node])
    disk = read_disk(run.doors[node])
    if then is None or disk.processes:
        return False
    return (then.control, then.histories) == (disk.control, disk.histories)


def _parted(
    run: Run, node: str, now: Snapshot, found: Evidence
) -> tuple[Stopped, Position, Rewinding]:
    """The node at rest, where its own history may begin, and what a rewind needs.

    From there on it may have what the primary lacks. Raises NotAchieved where the primary's history
    is not left there, or not kept: a checkpoint removes old WAL.
    """
    loser, asked, primary = now[node], found.rewinding, now.primary
    never = NotAchieved(f"{node} cannot be rewound any more: {loser}", "run this notebook again")
    if not isinstance(loser, Stopped) or not found.same:
        raise never
    fork = fork_of(now, loser, found.timeline)
    if fork is None or asked is None or asked.redo is None:
        raise never
    door = run.doors[primary.node]
    gone = removed(door, asked.redo, primary.written, loser.control.segment)
    if gone:
        raise NotAchieved(
            f"{node} cannot be rewound any more: {primary.node} has removed WAL that it would "
            f"need, from segment {gone[0]} on; nothing of {node} was overwritten",
            "rebuild with method=clone",
        )
    if found.parted and found.parted.lsn < fork.lsn:
        fork = found.parted
    return loser, fork, asked
