"""Two clusters, or one and an empty directory, become a pair."""

from __future__ import annotations

from dataclasses import replace

from ..clients.canary.making import ensure_canary_table
from ..clients.canary.table import read_canary_table
from ..facts import look
from ..facts.access import (
    hba_is_missing,
    refuse_unwritable,
    role_is_missing,
    with_login,
)
from ..facts.connection import why_no_passfile
from ..facts.copying import read_copying, why_no_basebackup
from ..facts.rsync import bytes_there, holds_nothing, rsync_road
from ..facts.starting import read_start
from ..facts.throughput_chart import draw_throughput
from ..facts.wal.rebuilding import misdefined, rebuild_evidence
from ..judgement import plans
from ..judgement.plans import Evidence, Plan, Wishes
from ..judgement.plans.copying import copied_by, into_nothing, refuse_copy
from ..judgement.plans.setup import NEED_RESTART, settings_to_change, which_to_keep
from ..model import Blank, DeedKind, Deeds, Running, Snapshot
from ..model.errors import HaError, NotSafe
from ..model.show import span
from ..model.sightings import disk_of, system_id_of, to_be_seen
from ..model.snapshot import streams_to
from ..run.events import OUTAGE_ENDED
from ..run.run import Run
from .deeds import access, servers
from .deeds.for_now import set_back
from .deeds.standby import alter_settings
from .outage import tell_outage
from .rebuild import become_standby
from .still_agreed import as_consented


def plan_setup(run: Run, now: Snapshot) -> Plan:
    """What is missing, and what would be done about it. Raises a Refusal that says why not."""
    primary = str(run.parameters["primary"])

    def planner(seen: Snapshot) -> Plan:
        keep = which_to_keep(seen, primary).node
        method = _wanted(run, run.pair.other(keep).name)
        wishes = _wishes(run, seen, keep)
        plan = plans.setup_plan(seen, primary, method, wishes, _evidence(run, seen, keep))
        if not plan.already:
            _refuse_files(run, seen, wishes)
        return with_login(run.pair, _with_room(run, seen, plan))

    return run.plan(now, planner)


def _refuse_files(run: Run, now: Snapshot, wishes: Wishes) -> None:
    """Refuse a file of either node that would end a setup after its first deeds.

    Raises NotSafe.
    """
    for name in run.pair.names:
        if disk_of(now[name]) is None:
            continue
        if why_not := why_no_passfile(run.doors[name]):
            raise NotSafe(
                f"{name} would not find the password of {run.pair.replication_user}: {why_not}",
                "mend that",
            )
        if wishes.hba.get(name, True):
            refuse_unwritable(run, name, wishes.hba.get(name, False))


def _with_room(run: Run, now: Snapshot, plan: Plan) -> Plan:
    """The plan, with what a copy will take.

    Raises NotSafe where it could not be made or not be moved in.
    """
    source, target, program = now[plan.peer], now[plan.node], copied_by(plan)
    if not program or not isinstance(source, Running):
        return plan
    copying = read_copying(run, plan.node, source)
    if program == "rsync" and isinstance(way := rsync_road(run, plan.node), str):
        raise NotSafe(f"{plan.node} cannot be copied by rsync: {way}", copying.lacking)
    if program == "rsync" and isinstance(target, Blank) and holds_nothing(run, plan.node):
        free = target.disk.free_bytes or 0
        there = bytes_there(run, plan.node)
        copying = into_nothing(copying, free, there)
    refuse_copy(copying)
    rates = run.history.rates()
    seconds = max(1.0, copying.bytes / rates.clone)
    takes = f"that takes about {span(seconds)} ({rates.words})"
    return replace(plan, told=(*plan.told, *copying.told(), takes))


def _wishes(run: Run, now: Snapshot, keep: str) -> Wishes:
    """What is missing beside the settings; nothing is known of a cluster that does not run yet."""
    if not isinstance(now[keep], Running):
        return Wishes()
    system = system_id_of(now[keep])
    ours = [node.node for node in now.running if system_id_of(node) == system]
    hba = {name: hba_is_missing(run, name) for name in sorted(ours)}
    role = role_is_missing(run, keep)
    canary = _canary_is_missing(run, keep)
    start = read_start(run.doors[keep], runs=True)
    return Wishes(role, canary, hba, start)


def _canary_is_missing(run: Run, keep: str) -> bool:
    """Whether the canary's table is to be made.

    A role that may not make it is no reason to refuse a setup.
    """
    table = read_canary_table(run.doors[keep].sql, run.pair.user)
    if table.ready or table.strangers:
        return False
    return table.may_make


def _evidence(run: Run, now: Snapshot, keep: str) -> Evidence | None:
    other = run.pair.other(keep).name
    if system_id_of(now[other]) != system_id_of(now[keep]):
        return None
    if len(now.primaries) != 1:
        return None
    return rebuild_evidence(run, now, other)


def set_up(run: Run, plan: Plan) -> Deeds:
    """Do it. May be run again after any interruption."""
    already = len(run.steps)
    again, now = as_consented(run, plan)
    if again.already:
        print(again.already)
        return Deeds()
    keep, node = plan.peer, plan.node
    servers.start(run, keep)
    if not isinstance(now[keep], Running):
        _has_ended(run, keep)
    access.ensure_role(run, keep)
    _settings(run, keep)
    access.ensure_hba(run, keep)
    if _canary_is_missing(run, keep):
        ensure_canary_table(run, keep)
    now = look(run)
    if not streams_to(_seen(now, keep), node) or misdefined(now, node):
        become_standby(run, node, keep, _method(run, now, keep, node), now)
    access.ensure_hba(run, node)
    set_back(run)
    draw_throughput(run)
    return run.steps_since(already)


def _wanted(run: Run, node: str) -> str:
    """How a copy is made: as was asked for; by rsync where there is no pg_basebackup. Raises
    NotSafe where what is asked for is not there.
    """
    asked = str(run.parameters["method"])
    source = run.doors[run.pair.other(node).name]
    if asked == "rsync" or not (why_not := why_no_basebackup(run.doors[node], source)):
        return asked
    if asked:
        raise NotSafe(why_not, "-p method=rsync copies without it; or install it")
    return "rsync"


def _method(run: Run, now: Snapshot, keep: str, node: str) -> str:
    """A copy as it was asked for, unless the node's own copy of this cluster can follow.

    An rsync goes beside, unless there is nothing that would have to be kept: another cluster is
    renamed aside whole.
    """
    if system_id_of(now[node]) == system_id_of(now[keep]):
        evidence = rebuild_evidence(run, now, node)
        if plans.rebuild_plan(now, node, "", evidence).kind == "follow":
            return "follow"
    if _wanted(run, node) != "rsync":
        return "clone"
    return "rsync" if holds_nothing(run, node) else "rsync beside"


def _settings(run: Run, keep: str) -> None:
    door = run.doors[keep]
    change = settings_to_change(_seen(look(run), keep), run.pair)
    with run.deed(keep, "change settings", DeedKind.SET) as deed:
        if not change:
            deed.already("every setting was right")
            return
        alter_settings(door, {**change})
        said = [f"{name} = {value}" for name, value in sorted(change.items())]
        deed.say(f"set {', '.join(said)}")
    if NEED_RESTART & change.keys():
        servers.stop(run, keep, "a changed setting needs a restart", kind=DeedKind.STOP_TO_RESTART)
        servers.start(run, keep)
        _has_ended(run, keep)


def _has_ended(run: Run, keep: str) -> None:
    """The outage of a restart, which an earlier run may have begun."""
    run.journal.write(OUTAGE_ENDED, new=keep)
    tell_outage(run)


def _seen(now: Snapshot, name: str) -> Running:
    seen = now[name]
    if not isinstance(seen, Running):
        raise HaError(f"{name} {seen}", f"{to_be_seen(seen)}; then run this notebook again")
    return seen
