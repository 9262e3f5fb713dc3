"""Moving clients by hand, step by step, and what keeps them from being moved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pgha_helpers import follow, gate, hand_over, look, plan_promotion
from pgha_helpers.clients import look_at_clients
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.run.run import Run

from ..embedded import Lab
from .runs import changed_pair, running, to_promote
from .servers import standby_of


@contextlib.contextmanager
def consented(
    pair: Lab, folder: Path, *told: dict[str, Any], target: str = ""
) -> Iterator[tuple[Run, Plan]]:
    """A switchover whose gate was passed, on a pair with these clients."""
    path = changed_pair(pair, folder, clients=list(told))
    with running(path, "promote", confirm=to_promote(target or standby_of(pair))) as run:
        yield run, gate(run, plan_promotion(run, look(run)))


def move(run: Run, plan: Plan) -> None:
    """What the notebook does past its gate."""
    hand_over(run, plan)
    follow(run, plan)


def reasons(run: Run) -> str:
    return "; ".join(why for seen in look_at_clients(run, look(run)) for why in seen.against)
