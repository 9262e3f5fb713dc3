"""A node that left the primary's history is rewound: proven, saved, rehearsed, and only then overwritten."""

from __future__ import annotations

from ..actions import access, rewind, servers, standby
from ..errors import NotAchieved
from ..facts import evidence, look
from ..model import Running, Stopped
from ..plans.rebuild import fork_of
from ..run import Run
from .keeping import keeping_beside


def rewind_from(run: Run, node: str, source: Running) -> None:
    """Rewind `node` from `source`: it is armed then, and not started. Raises NotAchieved where it must not be."""
    primary, major = source.node, source.version // 10000
    servers.checkpoint(run, primary, "pg_rewind believes its control file")
    rewind.prove_timeline(run, primary, source.timeline)
    access.ensure_hba(run, primary)
    access.ensure_rewinding(run, primary)
    rewind.prove_source(run, node)
    standby.define(run, node, major)
    standby.arm(run, node, major)
    servers.stop(run, node, "its data directory is rewound")
    now = look(run)
    loser, found = now[node], evidence(run, now, node)
    fork = fork_of(now, loser, found.timeline) if isinstance(loser, Stopped) else None
    if fork is None or found.rewinding is None or not found.same:
        raise NotAchieved(f"{node} cannot be rewound any more: {loser}", "run this notebook again")
    with keeping_beside(run, node, overwritten=True) as kept:
        saved = rewind.save(run, node, fork, major)
        kept()
    rewind.recover(run, node, major)
    rewind.rehearse(run, node, found.rewinding)
    rewind.rewind(run, node, saved, found.rewinding)
    rewind.see_its_own(run, node, saved)
