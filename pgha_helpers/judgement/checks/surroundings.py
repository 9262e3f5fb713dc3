"""May the run do what it will have to, and who else has a hand in this?"""

from __future__ import annotations

from ...model import ForNow, Snapshot
from ...model.dialect import has
from ...model.errors import NotSeen
from ...model.host import Manager
from ...model.show import span
from .check import check

_RULERS = ("repmgrd", "patroni", "pg_autoctl", "stolon-keeper", "pacemakerd", "pacemaker-execd")


@check(value=lambda now: " and ".join(s.node for s in now.running) + " tried")
def each_can_replicate_from_the_other(now: Snapshot) -> str | None:
    """Each node can replicate from the other one: its very primary_conninfo, tried there.

    Check pg_hba.conf on the other node, the passfile of PostgreSQL's user on this one, and
    peer_host; setup mends both.
    """
    tried = {name: now.host(name).connection for name in now.pair.names}
    if len(tried) == 2 and len({*tried.values()}) == 1 and all(tried.values()):
        why, both = tried[now.pair.names[0]], " and ".join(tried)
        return f"{both} cannot replicate from each other: {why}"
    failed = [
        f"{name} cannot replicate from {now.pair.other(name).name}: {why}"
        for name, why in tried.items()
        if why
    ]
    return "; ".join(failed) or None


@check(value=lambda now: f"as {', '.join(_users(now))}")
def every_command_is_allowed(now: Snapshot) -> str | None:
    """Every command that a run will use is there and allowed.

    Mend bin_directory, state_directory or service in the pair file, or sudoers on that node.
    """
    refused = [f"{name}: {why}" for name in now.pair.names for why in now.host(name).refused]
    return "; ".join(refused) or None


#: What stands in for a program that a package of PostgreSQL may lack, and what that costs.
_INSTEAD = {
    "pg_basebackup": "copies are made by rsync only",
    "pg_controldata": "the control file is read by its bytes",
    "pg_rewind": "what has diverged is copied anew",
    "pg_waldump": "a program of ours reads WAL in perl, ten times slower",
    "psql": "whether it can replicate from the other node is tried only when it does",
}


#: What older versions have not, or not in the words that we read.
_SINCE = {"pg_basebackup": "pg_basebackup", "pg_rewind": "pg_rewind", "pg_xlogdump": "waldump"}


@check(level="warning", value=lambda now: " and ".join(s.node for s in now.running) + " asked")
def every_program_is_installed(now: Snapshot) -> str | None:
    """Every program of PostgreSQL is in bin_directory, and of one version.

    Install the package of the server's own version that has them: some programs of another minor
    version refuse to work with it, pg_rewind only when it has rewound.
    """
    told = [
        f"{seen.node} has no {program}: {_INSTEAD[program]}"
        for seen in now.running
        for program in now.host(seen.node).lacks
        if program not in _SINCE or has(_SINCE[program], seen.major)
    ]
    told += [
        f"{name} has {program}, another version than its server's"
        for name in now.pair.names
        for program in now.host(name).others
    ]
    return "; ".join(told) or None


@check(value=lambda now: _count(now, rules=True))
def no_cluster_manager_rules_here(now: Snapshot) -> str | None:
    """No cluster manager rules this cluster.

    Pause it for the move, or use it instead of this runbook: two that stop and start PostgreSQL are
    one too many.
    """
    return _told(now, rules=True) or None


@check(level="warning", value=lambda now: _kept(now))
def no_removal_was_left_half_done(now: Snapshot) -> str | None:
    """Each directory that was renamed aside is whole.

    A removal died half-way: verify shows the line that ends it.
    """
    half = [
        f"{k.path} on {k.node}"
        for name in now.pair.names
        for k in now.host(name).kept
        if k.state != "aside"
    ]
    return f"half removed: {', '.join(half)}" if half else None


@check(level="warning", value=lambda now: f"{len(_for_now(now))} changed")
def no_setting_is_changed_for_now(now: Snapshot) -> str | None:
    """No setting is still as a run has changed it for a while.

    Run rebuild: it sets it back as soon as no commit would have to wait for that.
    """
    return "; ".join(map(str, _for_now(now))) or None


def _for_now(now: Snapshot) -> list[ForNow]:
    """Those of the nodes that were looked at. Raises NotSeen where there are none, and a node was
    not.
    """
    found: list[ForNow] = []
    unseen = None
    for name in now.pair.names:
        try:
            found += now.host(name).for_now
        except NotSeen as silence:
            unseen = silence
    if unseen and not found:
        raise unseen
    return found


def _kept(now: Snapshot) -> str:
    """Those that are kept, with the day on which they were renamed."""
    found = [k for name in now.pair.names for k in now.host(name).kept]
    told = [f"{k.node} {k.name} since {k.since:%Y-%m-%d}" for k in found]
    return ", ".join(told) or "none kept"


@check(level="warning", value=lambda now: _count(now, rules=False))
def nobody_else_restarts_postgresql(now: Snapshot) -> str | None:
    """Nobody else restarts PostgreSQL: systemd, cron, monit.

    Know what it does before the move: the old primary comes back as a standby, whoever starts it,
    perhaps too early.
    """
    return _told(now, rules=False) or None


def _told(now: Snapshot, rules: bool) -> str:
    told = [f"{manager.words} on {name}" for name, manager in _managers(now, rules)]
    return "; ".join(told)


def _count(now: Snapshot, rules: bool) -> str:
    return f"{len(_managers(now, rules))} seen"


def _managers(now: Snapshot, rules: bool) -> list[tuple[str, Manager]]:
    """Who else has a hand in this, by node: those that rule this cluster, or all others."""
    found = []
    for name in now.pair.names:
        for manager in now.host(name).managers:
            if (manager.ours and manager.name in _RULERS) == rules:
                found.append((name, manager))
    return found


def _users(now: Snapshot) -> list[str]:
    """The OS users whose commands were tried."""
    return sorted(
        {node.owner or (node.ssh.user if node.ssh else "") or "yourself" for node in now.pair}
    )


def _last_drill(now: Snapshot) -> str:
    return "none" if now.drilled is None else f"{span(now.drilled)} ago"


def _drill_every(now: Snapshot) -> str:
    return span(now.pair.drill_every) if now.pair.drill_every else ""


@check(level="warning", value=_last_drill, limit=_drill_every)
def the_last_drill_is_recent(now: Snapshot) -> str | None:
    """The last drill that passed is not older than drill_every.

    Run pgha drill when it suits you: there and back, with a report.
    """
    every = now.pair.drill_every
    if not every or (now.drilled is not None and now.drilled <= every):
        return None
    return "no drill has passed yet" if now.drilled is None else f"it was {span(now.drilled)} ago"
