"""A node that is not the primary becomes its standby again. Its old data directory is never deleted."""

from __future__ import annotations

from dataclasses import replace

from .. import plans
from ..actions import clone, servers, slots, standby
from ..actions.progress import draw_throughput
from ..actions.swapping import swap
from ..actions.unarchived import keep_unarchived
from ..checks import AFTER
from ..facts import evidence, look, until
from ..facts.copying import read_copying
from ..model import Deeds, Running, Snapshot, Stopped
from ..model.snapshot import streams_to
from ..plans import Plan
from ..plans.copying import makes_copy, refuse_copy
from ..plans.rebuild import which_node
from ..run import Run
from .consented import as_consented
from .tidying import tidied, tidy


def plan_rebuild(run: Run, now: Snapshot) -> Plan:
    """Which node, which method, and why. Raises a Refusal that says why not."""
    node, method = str(run.parameters["node"]), str(run.parameters["method"])

    def planner(seen: Snapshot) -> Plan:
        loser = which_node(seen, node)
        plan = plans.plan_rebuild(seen, loser, method, evidence(run, seen, loser))
        return tidied(run, seen, with_room(run, seen, plan))

    return run.plan(now, planner)


def with_room(run: Run, now: Snapshot, plan: Plan) -> Plan:
    """The plan, with what a copy will take. Raises NotSafe where it could not be made or not be moved in."""
    source = now[plan.peer]
    if not makes_copy(plan) or not isinstance(source, Running):
        return plan
    copying = read_copying(run, plan.node, source)
    refuse_copy(copying)
    return replace(plan, told=(*plan.told, *copying.told()))


def rebuild(run: Run, plan: Plan) -> Deeds:
    """Do it. May be run again after any interruption: a copy that was not finished is made anew."""
    already = len(run.deeds)
    again, _ = as_consented(run, plan)
    if again.already:
        print(again.already)
    else:
        if again.kind != "tidy":
            become_standby(run, again.node, again.peer, again.kind)
            draw_throughput(run)
        tidy(run, again)
    return run.deeds_since(already)


def become_standby(run: Run, node: str, primary: str, method: str) -> None:
    """Make `node` a standby of `primary` by `follow` or `clone`, and see it stream."""
    now = look(run)
    slots.ensure_slot(run, primary, node, reserve=True)
    standby.prove_connection(run, node)
    if method != "clone":
        keep_unarchived(run, node, now)
    if method == "clone":
        source = now[primary]
        assert isinstance(source, Running), "a plan to clone is made only from a primary that answers"
        _clone(run, node, source)
    else:
        _follow(run, node, now)
    log = servers.start(run, node)
    until(run, *AFTER, within=run.timeouts.attach, log=log)
    slots.drop_own_slot(run, node, primary)


def _clone(run: Run, node: str, source: Running) -> None:
    seen = read_copying(run, node, source)
    refuse_copy(seen)
    if not seen.begun:
        clone.remove_halves(run, node, seen.halves)
        if streams_to(source, node):
            servers.stop(run, node, "its slot is needed for the copy")
        slots.wait_until_free(run, source.node, node)
    copy = seen.begun[0] if seen.begun else clone.copy_beside(run, node, source)
    servers.stop(run, node, "its data directory is replaced")
    swap(run, node, copy)


def _follow(run: Run, node: str, now: Snapshot) -> None:
    major = now.primary.version // 10000
    standby.define(run, node, major)
    if isinstance(now[node], Running):
        servers.stop(run, node, "it follows after a restart")
    if isinstance(now[node], Running | Stopped):
        standby.arm(run, node, major)
