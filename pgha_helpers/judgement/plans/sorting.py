"""A switchover to a node that sorts text otherwise asks for words of its own.

Whoever moves to newer machines has no other way, and indexes to make anew.
"""

from __future__ import annotations

from dataclasses import replace

from .consent import Extra, ExtraKind
from .plan import Plan

SORTED_OTHERWISE = Extra(ExtraKind.SORTED_OTHERWISE)


def asking_sorted(plan: Plan, differing: str | None) -> Plan:
    """The plan, whose consent says so where the versions of collations are `differing`."""
    if plan.kind != "switchover" or not differing:
        return plan
    told = (
        f"{plan.node} SORTS TEXT OTHERWISE ({differing}): until its indexes on text are made anew "
        "(reindex database NAME), rows are not found by them, and unique keys let duplicates in"
    )
    return replace(plan, extras=(*plan.extras, SORTED_OTHERWISE), told=(told, *plan.told))
