"""A node that is not the primary becomes its standby again. Its old data directory is never deleted."""

from __future__ import annotations

from .. import plans
from ..actions import clone, rsync, servers, slots, standby
from ..checks import AFTER
from ..facts import evidence, look, until
from ..model import Deeds, Running, Snapshot, Stopped
from ..model.snapshot import streams_to
from ..plans import Plan
from ..plans.rebuild import which_node
from ..run import Run
from .consented import as_consented


def plan_rebuild(run: Run, now: Snapshot) -> Plan:
    """Which node, which method, and why. Raises a Refusal that says why not."""
    node, method = str(run.parameters["node"]), str(run.parameters["method"])

    def planner(seen: Snapshot) -> Plan:
        loser = which_node(seen, node)
        return plans.plan_rebuild(seen, loser, method, evidence(run, seen, loser))

    return run.plan(now, planner)


def rebuild(run: Run, plan: Plan) -> Deeds:
    """Do it. May be run again after any interruption: a copy that was not finished is made anew."""
    already = len(run.deeds)
    again, _ = as_consented(run, plan)
    if again.already:
        print(again.already)
    else:
        become_standby(run, again.node, again.peer, again.kind)
    return run.deeds_since(already)


def become_standby(run: Run, node: str, primary: str, method: str) -> None:
    """Make `node` a standby of `primary` and see it stream.

    `method` is `follow`, `clone`, `rsync` (into the data directory itself) or `rsync beside`.
    """
    now = look(run)
    slots.ensure_slot(run, primary, node, reserve=True)
    standby.prove_connection(run, node)
    if method == "follow":
        _follow(run, node, now)
    else:
        source = now[primary]
        assert isinstance(source, Running), "a plan to copy is made only from a primary that answers"
        _copy(run, node, source, method)
    servers.start(run, node)
    until(run, *AFTER, within=run.timeouts.attach)
    slots.drop_own_slot(run, node, primary)


def _copy(run: Run, node: str, source: Running, method: str) -> None:
    if method != "clone":
        servers.stop(run, node, "its files are compared with the primary's")
    elif streams_to(source, node):
        servers.stop(run, node, "its slot is needed for the copy")
    slots.wait_until_free(run, source.node, node)
    if method == "rsync":
        rsync.copy_in_place(run, node, source)
        return
    copy_beside = clone.copy_beside if method == "clone" else rsync.copy_beside
    copy = copy_beside(run, node, source)
    servers.stop(run, node, "its data directory is replaced")
    clone.swap(run, node, copy)


def _follow(run: Run, node: str, now: Snapshot) -> None:
    major = now.primary.version // 10000
    standby.define(run, node, major)
    if isinstance(now[node], Running):
        servers.stop(run, node, "it follows after a restart")
    if isinstance(now[node], Running | Stopped):
        standby.arm(run, node, major)
