"""How two clusters, or one and an empty directory, become a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...model import Blank, Hung, Pair, Running, Sighting, Silent, Snapshot, Stopped, dialect
from ...model.errors import BadParameters, NotSafe
from ...model.host import Start
from ...model.sightings import to_be_seen
from .consent import Extra, ExtraKind
from .plan import Plan, Step, StepKind
from .rebuild import Evidence, rebuild_plan

SETUP_METHODS = ("", "basebackup", "rsync")

#: Settings that a reload does not change: altering one costs a restart, which is an outage.
NEED_RESTART = frozenset(
    {"wal_level", "max_wal_senders", "max_replication_slots", "hot_standby", "wal_log_hints"}
)

_AT_LEAST = {"max_wal_senders": 5, "max_replication_slots": 5}


@dataclass(frozen=True)
class Wishes:
    """What setup found missing beside the settings: the replication role, the canary's table,
    pg_hba lines by node.

    `role` is "create", or "give" where there is such a role, and it may not replicate. `start` is
    what the primary would start with again, where somebody has looked.
    """

    role: str = ""
    canary: bool = False
    hba: Mapping[str, bool] = field(default_factory=dict)
    start: Start = field(default_factory=Start)

    def let_nobody_in(self, node: str) -> bool:
        """Whether no standby can connect there before it is brought."""
        return bool(self.role or self.hba.get(node))


def settings_to_change(node: Running, pair: Pair) -> dict[str, str]:
    """The settings that this node needs and does not have, with their values."""
    have = node.settings
    change = {
        name: str(least) for name, least in _AT_LEAST.items() if int(have.get(name, least)) < least
    }
    if dialect.lower(have, {"wal_level": "hot_standby"}, ["wal_level"]):
        change["wal_level"] = dialect.instead("level_replica", node.major) or "replica"
    for name in ("hot_standby", dialect.TITLES):
        if have.get(name, "on") != "on":
            change[name] = "on"
    if have.get("data_checksums") != "on" and have.get("wal_log_hints", "on") != "on":
        change["wal_log_hints"] = "on"
    if int(have.get("wal_retrieve_retry_interval", 0)) > 1000:
        change["wal_retrieve_retry_interval"] = "100ms"
    return change | _wal_keep(node, pair)


def _wal_keep(node: Running, pair: Pair) -> dict[str, str]:
    segment = int(node.settings["wal_segment_size"])
    name, value = dialect.wal_keep(node.major, pair.limits.wal_keep, segment)
    unit = 1024 * 1024 if name == "wal_keep_size" else segment
    return {name: value} if int(node.settings[name]) * unit < pair.limits.wal_keep else {}


def setup_plan(
    now: Snapshot,
    primary: str = "",
    method: str = "",
    wishes: Wishes | None = None,
    evidence: Evidence | None = None,
) -> Plan:
    """Plan a setup. Raises BadParameters for a bad name or method, NotSafe where it may not be
    tried.
    """
    if method not in SETUP_METHODS:
        raise BadParameters(
            f"method is {method!r}",
            "it may be basebackup, rsync, or empty for the runbook's choice",
        )
    keep = which_to_keep(now, primary)
    if isinstance(keep, Stopped):
        return _start_first(now, keep)
    wishes = wishes or Wishes()
    restart = _refuse_what_cannot_be_changed(keep, now.pair, wishes)
    if evidence and (restart or wishes.let_nobody_in(keep.node)):
        evidence = replace(evidence, connection="")  # to be proved when what it takes is there
    other = now.other(keep.node)
    standby = _standby(now, keep, other, evidence, method)
    steps = (*_primary_steps(now, keep, wishes), *_standby_steps(other, standby))
    if not steps:
        return replace(
            standby,
            verb="setup",
            already=f"already so: {other.node} streams from {keep.node}, as set up",
        )
    return Plan(
        "setup",
        other.node,
        keep.node,
        "setup",
        steps=steps,
        extras=((*((Extra(ExtraKind.RESTART, keep.node),) if restart else ()), *standby.extras)),
        roles=f"{keep.node} is kept as primary, {other.node} becomes its standby",
        told=(f"{keep.node} {keep}", f"{other.node} {other}"),
    )


def _refuse_what_cannot_be_changed(keep: Running, pair: Pair, wishes: Wishes) -> bool:
    """Whether the primary has to be restarted. Raises NotSafe where it may not be changed, or would
    stay down.
    """
    change, node = settings_to_change(keep, pair), keep.node
    restart = bool(NEED_RESTART & change.keys())
    if change and keep.settings.get("allow_alter_system", "on") != "on":
        raise NotSafe(
            f"allow_alter_system is off on {node}, and {', '.join(sorted(change))} must "
            "change there",
            "change that in its configuration yourself, or set allow_alter_system = on there, "
            f"and reload {node}",
        )
    if restart and wishes.start.refused:
        raise NotSafe(
            f"{node} has to be restarted, and would not start again: "
            f"{'; '.join(wishes.start.refused)}",
            f"mend that on {node} first: until then no restart would bring it back",
        )
    return restart


def _start_first(now: Snapshot, keep: Stopped) -> Plan:
    """A setup that died while it restarted the primary: what it needs beyond the start is seen only
    then.
    """
    other = _quiet(now.other(keep.node))
    aside = () if isinstance(other, Blank) else (_aside(now, other),)
    return Plan(
        "setup",
        other.node,
        keep.node,
        "setup",
        steps=(
            f"Start {keep.node}, which was shut down cleanly, and do what is still missing",
            *aside,
        ),
        extras=(Extra(ExtraKind.RESTART, keep.node),),
        roles=f"{keep.node} is kept as primary and is stopped",
        told=(f"{keep.node} {keep}",),
    )


def _quiet(other: Sighting) -> Running | Stopped | Blank:
    """The other node, if it can be worked on. Raises NotSafe for one that nobody can judge now."""
    if isinstance(other, Hung) and other.starting:
        raise NotSafe(
            f"{other.node} is starting: {other.answer}", "wait until it is up, then run this again"
        )
    if isinstance(other, Silent | Hung):
        remedy = "mend that, it is set up over ssh; or stop its server, if it is to be replaced"
        raise NotSafe(f"{other.node} {other}", remedy)
    return other


def which_to_keep(now: Snapshot, primary: str) -> Running | Stopped:
    """The cluster that is kept: the one that is named, or the only writable one.

    One that was shut down as a primary may be named too, unless the other node has a copy of it.
    """
    if primary and primary not in now.pair.names:
        raise BadParameters(f"primary is {primary!r}", f"it may be {' or '.join(now.pair.names)}")
    if not primary and len(now.primaries) != 1:
        seen = "; ".join(f"{s.node} {s}" for s in now.sightings)
        unseen = dict.fromkeys(to_be_seen(s) for s in now.sightings if isinstance(s, Hung | Silent))
        if unseen:
            raise NotSafe(f"which cluster is kept cannot be told: {seen}", "; ".join(unseen))
        raise BadParameters(
            f"which cluster is kept must be said: {seen}",
            f"primary={now.pair.names[0]} or {now.pair.names[1]}",
        )
    keep = now[primary or now.primary.node]
    if (
        isinstance(keep, Stopped)
        and keep.control.shut_down_as_primary
        and not keep.disk.standby_files
    ):
        ours, theirs = now.system_ids()
        if ours != theirs:
            return keep
    if not isinstance(keep, Running):
        raise NotSafe(f"{keep.node} {keep}", _to_be_kept(keep))
    if keep.in_recovery:
        raise NotSafe(
            f"{keep.node} is a standby", "a standby is made primary by the promote notebook"
        )
    return keep


def _to_be_kept(keep: Sighting) -> str:
    """What to do about a node that was named to be kept and does not answer."""
    if isinstance(keep, Stopped):
        return "start the cluster that is to be kept"
    if isinstance(keep, Blank):
        return (
            "there is nothing to keep: name the other node, or mend data_directory or "
            "bin_directory in the pair file"
        )
    return to_be_seen(keep)


def _standby(
    now: Snapshot, keep: Running, other: Sighting, evidence: Evidence | None, method: str
) -> Plan:
    """How the other node becomes a standby: the rebuild's plan, or a clone over a cluster of its
    own.
    """
    other = _quiet(other)
    ours, theirs = now.system_ids() if now.pair.names[0] == keep.node else now.system_ids()[::-1]
    if isinstance(other, Blank) or theirs != ours:
        return _replace(now, keep, other, method)
    if isinstance(other, Running) and other.writable:
        raise NotSafe(
            f"{keep.node} and {other.node} are copies of one cluster and both are writable: a "
            "split brain",
            "stop one of them, then run rebuild",
        )
    plan = rebuild_plan(now, other.node, "", evidence)
    if plan.kind == "follow":
        return plan
    plan = rebuild_plan(now, other.node, "rsync" if method == "rsync" else "clone", evidence)
    if method == "rsync":
        return replace(plan, steps=_replace(now, keep, other, method).steps)
    return plan


def _replace(now: Snapshot, keep: Running, other: Running | Stopped | Blank, method: str) -> Plan:
    aside = () if isinstance(other, Blank) else (_aside(now, other),)
    start = f"Start {other.node} as standby of {keep.node} and see it stream"
    directory = now.pair[other.node].data_directory
    copy = Step(
        StepKind.BASEBACKUP,
        f"Copy {keep.node} with pg_basebackup into a fresh directory beside {directory}",
    )
    if method == "rsync":
        copy = Step(
            StepKind.RSYNC,
            f"Copy {keep.node} with rsync into {directory} if it is empty, else into a fresh "
            "directory beside it",
        )
    return Plan("rebuild", other.node, keep.node, "clone", steps=(copy, *aside, start))


def _aside(now: Snapshot, other: Running | Stopped) -> str:
    directory = now.pair[other.node].data_directory
    if isinstance(other, Stopped):
        return (
            f"Rename {directory} of {other.node} aside: another cluster, whose databases were "
            "not read"
        )
    theirs = ", ".join(other.databases) or "no databases of users"
    return (
        f"Stop {other.node}, another cluster ({theirs}), and rename its {directory} aside: "
        "nothing is deleted"
    )


def _primary_steps(now: Snapshot, keep: Running, wishes: Wishes) -> tuple[str, ...]:
    change = settings_to_change(keep, now.pair)
    steps = []
    user = now.pair.replication_user
    if wishes.role == "create":
        steps.append(f"Create role {user} with REPLICATION on {keep.node}")
    elif wishes.role:
        steps.append(
            f"Give role {user} REPLICATION on {keep.node}, where somebody has made it without: "
            "whoever knows its password can then copy everything"
        )
    if change:
        told = ", ".join(f"{name} = {value}" for name, value in sorted(change.items()))
        restart = " (a reload)"
        if NEED_RESTART & change.keys():
            restart = " (a restart, which is an outage)"
        steps.append(f"On {keep.node} set {told}{restart}")
    if wishes.canary:
        steps.append(
            f"Make schema pgha with the table of promote's canary in database {now.pair.database}"
        )
    lacking = [name for name, missing in wishes.hba.items() if missing]
    if lacking:
        steps.append(
            f"Let the nodes replicate from each other: pg_hba.conf of {' and '.join(lacking)}"
        )
    return tuple(steps)


def _standby_steps(other: object, standby: Plan) -> tuple[str, ...]:
    return () if standby.already else standby.steps
