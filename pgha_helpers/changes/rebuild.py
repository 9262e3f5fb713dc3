"""A node that is not the primary becomes its standby again.

What may be the only copy of a commit is never deleted.
"""

from __future__ import annotations

from ..facts import look, until
from ..facts.access import with_login
from ..facts.copying import read_copying
from ..facts.starting import too_low
from ..facts.throughput_chart import draw_throughput
from ..facts.wal.rebuilding import rebuild_evidence
from ..judgement import plans
from ..judgement.checks import AFTER
from ..judgement.plans import Plan
from ..judgement.plans.copying import refuse_copy
from ..judgement.plans.rebuild import KEEP_THE_OLD, which_node
from ..model import Blank, Deeds, Running, Sighting, Snapshot, Stopped, dialect
from ..model.errors import HaError, NotAchieved
from ..model.sightings import disk_of
from ..model.snapshot import streams_to
from ..run.events import PLANNED
from ..run.run import Run
from .deeds import access, clone, rewind, rsync, servers, slots, standby
from .deeds.histories import bring_histories
from .deeds.swapping import swap
from .deeds.unarchived import keep_unarchived
from .gate import require
from .keep_diverged import keep_what_it_had, keeping_beside, refuse_without_room
from .leftovers import tidied, tidy
from .rewinding import rewind_from
from .still_agreed import as_consented


def plan_rebuild(run: Run, now: Snapshot) -> Plan:
    """Which node, which method, and why. Raises a Refusal that says why not."""
    node, method = str(run.parameters["node"]), str(run.parameters["method"])

    def planner(seen: Snapshot) -> Plan:
        loser = which_node(seen, node)
        seen = seen.giving_up(loser)
        if method == "stop":  # while two take writes nobody waits until their WAL is read
            return plans.rebuild_plan(seen, loser, method)
        found = rebuild_evidence(run, seen, loser)
        run.seen.evidence = seen, found
        plan = plans.rebuild_plan(seen, loser, method, found)
        refuse_without_room(run, plan)
        return with_login(run.pair, tidied(run, seen, plan))

    return run.plan(now, planner)


def rebuild(run: Run, plan: Plan) -> Deeds:
    """Do it. May be run again after any interruption: a copy that was not finished is made anew."""
    already = len(run.steps)
    again, now = as_consented(run, plan)
    if again.already:
        print(again.already)
        return Deeds()
    if again.kind in ("give up", "put back"):
        _prepare(run, again, now)
        if run.parameters["method"] == "stop":
            print(
                f"{again.node} is stopped, and comes back as a standby only. Next: rebuild "
                "without a method."
            )
            return run.steps_since(already)
        again, now = _planned_anew(run, again)
    if again.kind != "tidy":
        become_standby(run, again.node, again.peer, again.kind, now)
        draw_throughput(run)
    tidy(run)
    return run.steps_since(already)


def _prepare(run: Run, plan: Plan, now: Snapshot) -> None:
    """Stop a node that writes beside the primary, or move back what was set aside earlier."""
    now = now.giving_up(plan.node)
    major, disk = now.primary.major, disk_of(now[plan.node])
    if plan.kind == "put back" and disk:
        rewind.put_back(run, plan.node, disk.unfinished, major)
        return
    try:
        standby.define(run, plan.node, major)
    except HaError as undefined:
        # the signal file alone keeps it from taking writes; the rest is written once it rests
        if not dialect.has("standby_signal", major):
            raise
        print(
            f"  {plan.node}: its standby definition is not written yet: {undefined.what}",
            flush=True,
        )
    standby.arm(run, plan.node, major)
    # whatever becomes of it
    servers.stop(run, plan.node, "it takes writes beside the primary", proved=True)


def _planned_anew(run: Run, plan: Plan) -> tuple[Plan, Snapshot]:
    """What is to be done now that the node can be read, and what was seen.

    Raises NotAchieved where it was not consented to.
    """
    now = look(run)
    again = run.gate.replan(now)
    run.journal.write(PLANNED, plan=again)
    more: list[str] = [*again.beyond(plan)]
    if plan.options and again.kind not in ("follow", plan.chosen, *KEEP_THE_OLD):
        more = [f"{again.kind} in place of {plan.chosen}"]  # it overwrites what was to be kept
    elif again.covered_by(run.gate.given):
        more = []
    if (again.node, again.peer) != (plan.node, plan.peer) or more:
        raise NotAchieved(
            f"{plan.node} is stopped and defined as a standby, and nothing of it was overwritten; "
            f"what it has is more than was consented to: {', '.join(more) or again.consent}",
            f"read what it has, then -p confirm={again.consent!r}",
        )
    require(run, again, now)
    print(again, flush=True)
    return again, now


def become_standby(run: Run, node: str, primary: str, method: str, now: Snapshot) -> None:
    """Make `node` a standby of `primary` and see it stream. `now` is what was just seen.

    `method` is `follow`, `rewind`, `clone`, `rsync` (into the data directory itself) or `rsync
    beside`.
    """
    source = now[primary]  # beside it a cluster of its own may take writes, which a setup replaces
    assert isinstance(source, Running), "a node is made a standby only of a primary that answers"
    if (disk := disk_of(now[node])) and disk.triggers:
        standby.remove_triggers(run, node)
    slots.ensure_slot(run, primary, node, reserve=True)
    if isinstance(now[node], Blank):
        rewind.put_away(run, node)
    if run.seen.evidence is None:  # what was tried at the gate stands
        standby.prove_connection(run, node)
    if method in ("follow", "rewind", "rsync"):  # else the directory is kept whole
        keep_unarchived(run, node, now)
    if method == "follow":
        _follow(run, node, now)
    elif method == "rewind":
        rewind_from(run, node, source)
    elif method == "rsync":
        _copy_in_place(run, node, source)
    else:
        _copy_beside(run, now[node], source, method)
    access.ensure_login(run, node, primary)
    bring_histories(run, node, primary)
    log = servers.start(run, node)
    until(run, *AFTER, within=run.timeouts.attach, log=log)
    slots.drop_own_slot(run, node, primary)


def _copy_beside(run: Run, loser: Sighting, source: Running, method: str) -> None:
    node, disk = loser.node, disk_of(loser)
    seen = read_copying(run, node, source, disk)
    refuse_copy(seen)
    if not seen.begun:
        if clone.remove_halves(run, node, seen.halves):
            seen = read_copying(run, node, source, disk)
        if streams_to(source, node) or method != "clone":
            # at the gate, as far as it stays
            servers.stop(run, node, "its slot is needed for the copy", proved=True)
        slots.wait_until_free(run, source.node, node)
    make = clone.clone_beside if method == "clone" else rsync.copy_beside
    copy = seen.begun[0] if seen.begun else make(run, node, source, seen)
    if not seen.begun:
        servers.prove_start(run, node, copy)
    servers.stop(run, node, "its data directory is replaced", proved=True)
    keep_what_it_had(run, node, overwritten=False)
    swap(run, node, copy)


def _copy_in_place(run: Run, node: str, source: Running) -> None:
    # at the gate, as far as it stays
    servers.stop(run, node, "its files are compared with the primary's", proved=True)
    with keeping_beside(run, node, overwritten=True) as kept:
        slots.wait_until_free(run, source.node, node)
        rsync.copy_in_place(run, node, source, before=kept)


def _follow(run: Run, node: str, now: Snapshot) -> None:
    major = now.primary.major
    standby.define(run, node, major, too_low(run, node, now.primary))
    if isinstance(now[node], Running):
        servers.stop(run, node, "it follows after a restart")
    if isinstance(now[node], Running | Stopped):
        standby.arm(run, node, major)
