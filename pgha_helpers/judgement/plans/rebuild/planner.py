"""Which node to rebuild, and what would be done to it."""

from __future__ import annotations

from dataclasses import replace

from ....model import Blank, Hung, Running, Silent, Snapshot, dialect
from ....model.errors import BadParameters, NotSafe
from ....model.show import Table
from ....model.snapshot import streams_to
from ..consent import Extra, ExtraKind
from ..plan import Option, Plan
from .as_it_is import refuse_strays, refuse_what_cannot_be_written
from .evidence import Evidence
from .history import Loser, fork_of, timeline_of, why_another
from .options import KEEP_THE_OLD, choose, options, unknown
from .steps import PLAN_OF as PLANS
from .steps import after_stop, only_stop, put_back_plan

_NOTHING = "mend what one of them needs"
REBUILD_METHODS = ("", "follow", "rewind", "rsync", "clone", "stop")


def which_node(now: Snapshot, node: str) -> str:
    """The node to rebuild: the one that was named, or the one that is not the primary.

    Of two writable nodes of one system the one that is named is given up. Raises BadParameters for
    a name that is not in the pair, NotSafe for the writable node, and where two are writable and
    none was named.
    """
    if node and node not in now.pair.names:
        raise BadParameters(f"node is {node!r}", f"it may be {' or '.join(now.pair.names)}")
    ours, theirs = now.system_ids()
    if len(now.primaries) == 2 and ours == theirs:
        if not node:
            first, second = now.pair.names
            raise NotSafe(
                f"{now.two_primaries()}; clients may write to both, and each may hold commits "
                "that the other lacks",
                f"say which one is given up: node={first} or node={second}. It is stopped first, "
                "and what only it has is listed before; method=stop only stops it",
            )
        return node
    if node == now.primary.node:
        raise NotSafe(
            f"{node} is the writable node: it is never rebuilt",
            f"rebuild {now.pair.other(node).name}",
        )
    return now.pair.other(now.primary.node).name


def rebuild_plan(
    now: Snapshot, node: str = "", method: str = "", evidence: Evidence | None = None
) -> Plan:
    """Plan a rebuild. Raises NotSafe where it may not be tried, BadParameters for an unknown node
    or method.
    """
    if method not in REBUILD_METHODS:
        known = ", ".join(filter(None, REBUILD_METHODS))
        raise BadParameters(
            f"method is {method!r}", f"it may be {known}, or empty for the runbook's choice"
        )
    name = which_node(now, node)
    now = now.giving_up(name)
    loser = now[name]
    if isinstance(loser, Silent):
        raise NotSafe(f"{loser.node} {loser}", "a node is rebuilt over ssh: mend that first")
    _same_system(now, loser)
    if isinstance(loser, Hung) and loser.starting and method != "clone":
        raise NotSafe(
            f"{loser.node} is starting: {loser.answer}",
            "wait until it is up, or insist with method=clone",
        )
    if isinstance(loser, Blank) and loser.disk.unfinished:
        return put_back_plan(now, loser)
    if method == "stop":
        return only_stop(now, loser)
    if method != "clone" and isinstance(loser, Running) and _streams(now, loser, evidence):
        if loser.replay_paused:
            return _paused(now, loser)
        if not ((evidence and evidence.misdefined) or (loser.disk and loser.disk.triggers)):
            done = f"already so: {name} streams from {now.primary.node}"
            return Plan("rebuild", name, now.primary.node, "follow", already=done)
    return _by_choice(now, loser, method, evidence or Evidence())


def _paused(now: Snapshot, loser: Running) -> Plan:
    """It streams and replays nothing. A restart with the settings that it lacks lets it go on; a
    hand's pause stays.
    """
    primary = now.primary
    lower = dialect.lower(
        loser.settings, primary.settings, dialect.hot_standby_settings(primary.major)
    )
    if not lower:
        raise NotSafe(
            f"{loser.node} streams from {primary.node}, but somebody has paused its replay at "
            f"{loser.replayed}",
            "find out who, and why; then, on that node: select pg_wal_replay_resume()",
        )
    told = ", ".join(
        f"{name} is {loser.settings[name]} there and {value} here" for name, value in lower.items()
    )
    why = f"{loser.node} streams from {primary.node}, but its replay has stopped for ever: {told}"
    refuse_what_cannot_be_written(loser, Option("follow"))
    plan = PLANS["follow"](now, loser)
    return replace(plan, told=(why, *plan.told))


def _streams(now: Snapshot, loser: Running, evidence: Evidence | None) -> bool:
    """Whether it streams from the primary, and the WAL of both, where it was read, says that it is
    one history.

    A node that was opened for writes and made a standby again streams, too, for as long as nobody
    looks.
    """
    if loser.writable or not streams_to(now.primary, loser.node):
        return False
    if evidence is None:
        return True
    fork = fork_of(now, loser, timeline_of(loser, evidence))
    return (
        fork is not None
        and fork.timeline == now.primary.timeline
        and not why_another(evidence, now.primary.node)
    )


def _by_choice(now: Snapshot, loser: Loser, method: str, evidence: Evidence) -> Plan:
    if evidence.connection:
        primary = now.primary.node
        raise NotSafe(
            f"{loser.node} cannot replicate from {primary}: {evidence.connection}",
            f"check pg_hba.conf on {primary}, peer_host, and the passfile of PostgreSQL's user "
            f"on {loser.node}: a password in primary_conninfo is not used",
        )
    if evidence.start and evidence.start.unreadable:
        raise NotSafe(
            f"{loser.node} would not start, whatever is done: {evidence.start.unreadable}",
            f"mend its configuration on {loser.node}: it stays what it is",
        )
    found = choose(options(now, loser, evidence), method)
    chosen = next((option for option in found if option.chosen), None)
    if chosen is None or chosen.why_not:
        raise _no_way(loser, method, chosen, found)
    refuse_what_cannot_be_written(loser, chosen)
    refuse_strays(now, loser, chosen)
    plan = PLANS[chosen.kind](now, loser)
    room = evidence.copying.told() if evidence.copying and chosen.kind in KEEP_THE_OLD else ()
    why = _why(now, loser, chosen, found, method, evidence)
    lost = _lost(now, loser, chosen, evidence)
    told = (*why, evidence.rates.words, *lost, *_stumbles(loser, evidence), *plan.told, *room)
    plan = replace(
        plan,
        options=found,
        told=told,
        extras=_left_behind(loser, chosen, evidence),
        behind=_behind(chosen, evidence),
    )
    if isinstance(loser, Running) and loser.writable:
        return after_stop(now, loser, plan)
    return plan


def _no_way(loser: Loser, method: str, chosen: Option | None, found: tuple[Option, ...]) -> NotSafe:
    """Why it cannot be done so, and what can."""
    why_not = "; ".join(f"{option.method}: {option.why_not}" for option in found)
    if chosen:
        why_not = chosen.why_not
    mount = ""
    if loser.disk and loser.disk.no_wal:
        mount = f"{loser.disk.no_wal} Mount that first. "
    remedy = f"{mount}{_NOTHING}"
    if possible := ", ".join(option.method for option in found if not option.why_not):
        remedy = f"{mount}possible: {possible}. Leave method empty for the runbook's choice"
    return NotSafe(f"{loser.node} cannot {_verb(method)}: {why_not}", remedy)


def _stumbles(loser: Loser, evidence: Evidence) -> tuple[str, ...]:
    """What would keep it down with its files as they are. What is too low is raised, and data is
    replaced.
    """
    refused = evidence.start.refused if evidence.start else ()
    return tuple(
        f"{loser.node} WOULD NOT START as it is now: {why}. Mend that first, if no copy does"
        for why in refused
    )


def _verb(method: str) -> str:
    return {"follow": "follow", "rewind": "be rewound", "rsync": "be rebuilt by rsync"}.get(
        method, "be rebuilt"
    )


def _left_behind(loser: Loser, chosen: Option, evidence: Evidence) -> tuple[Extra, ...]:
    """The consent to leave transactions behind, prepared ones included; a node that
    follows has none.
    """
    left = evidence.left
    if chosen.method == "follow" or left is None:
        return ()  # what is not known is kept whole, and goes only when it is named
    count = left.count + len(left.undecided)
    grows = isinstance(loser, Running) and loser.writable and count
    if left.unread or grows:
        return (Extra(ExtraKind.LEAVE, number=count, at_least=True),)
    return (Extra(ExtraKind.LEAVE, number=count),) if count else ()


def _why(
    now: Snapshot,
    loser: Loser,
    chosen: Option,
    found: tuple[Option, ...],
    method: str,
    evidence: Evidence,
) -> tuple[str, ...]:
    """Why this method, and what it means where the operator insists."""
    if not method:
        reason = found[0].why_not or evidence.misdefined  # to follow is asked first
        return (f"why {chosen.method}: {reason}",) if reason else ()
    best = next((option for option in choose(found) if option.chosen), chosen)
    if best.method == chosen.method:
        would = "nothing is left to do for it: it can follow"
        if method == chosen.method:
            would = "would have been chosen"
        return (f"{method} was asked for, and {would}",)
    return (
        f"{method} was asked for ({chosen.cost}); the runbook would {best.method} ({best.cost})",
    )


def _lost(now: Snapshot, loser: Loser, chosen: Option, evidence: Evidence) -> tuple[str, ...]:
    """What is said of the transactions that the node has and the primary lacks, and of the
    directory that has them.
    """
    disk, left = loser.disk, evidence.left
    if chosen.method == "follow":
        return ()
    if disk and disk.half:
        return (
            f"{loser.node} has {disk.half}: what it had is in the record of the run that began it",
        )
    means = _means(now, loser, chosen, evidence)
    if left:
        some = f"only {loser.node} has " if left.count else ""
        return (f"{some}{left.sentence}", *left.unread, *means)
    if not evidence.nothing and not unknown(now, loser, evidence):
        return (f"{loser.node} has nothing that {now.primary.node} lacks", *means)
    why = "it cannot be counted"
    if disk and disk.no_wal:
        why = f"{disk.no_wal} Mount that first, and all of it can be listed"
    elif disk and disk.blank and evidence.nothing:
        why = f"{disk.blank}. If a disk belongs there, mount that first"
    return (f"WHAT {loser.node} HAD THAT THE PRIMARY LACKS IS NOT KNOWN: {why}", *means)


def _means(now: Snapshot, loser: Loser, chosen: Option, evidence: Evidence) -> tuple[str, ...]:
    """What becomes of the old directory, whoever chose the method."""
    if evidence.nothing:
        return ()
    if chosen.kind in KEEP_THE_OLD:
        return (f"the old directory of {loser.node} is renamed and kept whole",)
    return (
        f"{now.pair[loser.node].data_directory} of {loser.node} IS OVERWRITTEN: of what only it "
        "holds, WAL is kept",
    )


def _behind(chosen: Option, evidence: Evidence) -> Table | None:
    left = evidence.left if chosen.method != "follow" else None
    return left.table() if left and (left.count or left.undecided) else None


def _same_system(now: Snapshot, loser: Loser) -> None:
    ours, theirs = now.system_ids()
    if ours and theirs and ours != theirs:
        raise NotSafe(
            f"{now.primary.node} and {loser.node} are two systems, not a pair: {ours} and {theirs}",
            "the setup notebook makes a pair of them",
        )
