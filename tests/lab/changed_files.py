"""Lines that wait in a file of a node, and what a pair says against a move."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pgha_helpers import (
    AFTER,
    HEALTHY,
    canary_client,
    conclude,
    follow,
    gate,
    hand_over,
    judged,
    look,
    plan_promotion,
    require,
)
from pgha_helpers.judgement.checks import judge

from ..embedded import Lab
from .runs import running, to_promote


def move_with_a_canary(pair: Lab | Path, target: str) -> list[str]:
    """A switchover as the notebook does it; gives what was done."""
    with running(pair, "promote", confirm=to_promote(target), canary=True) as run:
        before = look(run, closely=True)
        plan = plan_promotion(run, before)
        require(run, plan, before)
        client = canary_client(run, plan)
        plan = gate(run, plan)
        client.start(plan)
        hand_over(run, plan)
        follow(run, plan)
        client.end()
        conclude(run, judged(run, (*AFTER, *client.checks), look(run)))
        return [deed.did for deed in run.steps]


def against(pair: Lab) -> dict[str, str]:
    """What verify says against the pair: reasons with their levels."""
    with running(pair, "verify") as run:
        return {
            verdict.reason: verdict.level
            for verdict in judge(HEALTHY, look(run, closely=True)).against
        }


@contextlib.contextmanager
def with_lines(lab: Lab, node: str, lines: str, file: str = "postgresql.conf") -> Iterator[None]:
    """Somebody has written this into a file, and gone home."""
    path = lab.node(node).data_directory / file
    before = path.read_text()
    path.write_text(f"{before}\n{lines}\n")
    try:
        yield
    finally:
        path.write_text(before)
