"""Whether a switchover would undo a promotion that is only minutes old.

Whoever lost the page on which a promotion happened runs the notebook again, and is offered the way
back: a second outage that nobody wants. So it takes words of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ...model import Running, Snapshot
from ...model.show import span
from .consent import Extra, ExtraKind
from .plan import Plan

BACK_AGAIN = Extra(ExtraKind.BACK_AGAIN)
#: Seconds for which a promotion is young.
YOUNG = 3600.0
_SAME = 60.0  # seconds by which the date of a file may differ from what a journal tells


@dataclass(frozen=True)
class Promoted:
    """A promotion of `node` at a moment, in seconds since the epoch.

    `run` is empty where only the node itself tells of it: it was promoted from another machine, or
    by hand.
    """

    node: str
    at: float
    run: str = ""


def asking_back(
    plan: Plan, now: Snapshot, known: Callable[[float], Promoted | None], since: float
) -> Plan:
    """The plan, whose consent says so if it would undo a promotion that came after `since`.

    `known` gives the newest promotion after a moment that this machine's records tell of. The
    primary's own history is asked, too: its file was written by the promotion.
    """
    if plan.kind != "switchover":
        return plan
    newest = _newest(now.primary, known(since))
    if newest is None or newest.at <= since:
        return plan
    return replace(plan, extras=(*plan.extras, BACK_AGAIN), told=(_why(newest, now), *plan.told))


def _newest(primary: Running, known: Promoted | None) -> Promoted | None:
    """The promotion of today's primary."""
    disk = primary.disk
    told = known if known and known.node == primary.node else None
    if disk is None or not disk.forked or primary.timeline not in disk.histories:
        return told
    at = disk.forked - (disk.clock_skew or 0.0)
    if told and at < told.at + _SAME:
        return told
    return Promoted(primary.node, at)


def _why(newest: Promoted, now: Snapshot) -> str:
    who = f"Run {newest.run}" if newest.run else "Somebody (no run of this machine)"
    ago = span(max(1.0, datetime.fromisoformat(now.taken).timestamp() - newest.at))
    back = now.pair.other(newest.node).name
    return f"{who} promoted {newest.node} {ago} ago: this would move the primary back to {back}"
