"""Runs in this very process: what a notebook does, without the seconds that a kernel takes to
start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from pgha_helpers import begin, gate, look, require
from pgha_helpers.changes import (
    follow,
    hand_over,
    plan_promotion,
    plan_rebuild,
    plan_setup,
    rebuild,
    set_up,
)
from pgha_helpers.judgement.plans import Plan
from pgha_helpers.judgement.plans.back_again import BACK_AGAIN
from pgha_helpers.judgement.plans.consent import consent_to
from pgha_helpers.model import Deeds
from pgha_helpers.run.run import Run

from ..embedded import Lab

_PLANS = {"promote": plan_promotion, "rebuild": plan_rebuild, "setup": plan_setup}
_DEEDS = {"promote": hand_over, "rebuild": rebuild, "setup": set_up}


@contextlib.contextmanager
def running(pair: Lab | Path, notebook: str, **parameters: Any) -> Iterator[Run]:
    """A run that was begun; everything that it holds is let go at the end."""
    path = pair if isinstance(pair, Path) else pair.pair_file
    run = begin(notebook, pair=str(path), **parameters)
    try:
        yield run
    finally:
        if not run.ended:
            run.end("abandoned")
        run.journal.close()


def carry_out(pair: Lab | Path, notebook: str, consent: str, **parameters: Any) -> Deeds:
    """Step through a changing notebook as papermill would. Raises whatever a cell raises."""
    with running(pair, notebook, confirm=consent, **parameters) as run:
        failover = run.parameters.get("occasion") == "failover"
        closely = notebook == "promote" and not failover
        now = look(run, closely=closely, patiently=not failover, around=failover)
        plan = _PLANS[notebook](run, now)
        require(run, plan, now)
        plan = gate(run, plan)
        _DEEDS[notebook](run, plan)
        if notebook == "promote":
            follow(run, plan)
        run.end("done")
        return Deeds(run.steps)


def planned(pair: Lab | Path, **parameters: Any) -> Plan:
    """What a rebuild would do now."""
    with running(pair, "rebuild", **parameters) as run:
        return plan_rebuild(run, look(run))


def to_promote(node: str) -> str:
    """The words for it, also where a test has moved the primary a moment ago: whoever consents to
    more consents to less.
    """
    return consent_to("promote", node, BACK_AGAIN)


def did(deeds: Sequence[Any]) -> str:
    """What was really changed, on one line."""
    return "; ".join(f"{deed.node}: {deed.did}" for deed in deeds if deed.changed)


def changed_pair(lab: Lab, folder: Path, **changes: Any) -> Path:
    """The lab's pair file with changes: `timeouts={...}`, or a node's keys as `db0={...}`."""
    told = yaml.safe_load(lab.pair_file.read_text())
    for key, value in changes.items():
        place = told["nodes"] if key in told["nodes"] else told
        place[key] = {**place.get(key, {}), **value} if isinstance(value, dict) else value
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def script(folder: Path, name: str, text: str) -> str:
    """A shell script, as a pair file names one."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
