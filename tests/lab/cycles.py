"""What a pair goes through in its life, on whichever version of PostgreSQL: what tests do once and
trials on each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pgha_helpers import HEALTHY, judged, look

from ..embedded import Lab, Load
from .dying import Words
from .runs import carry_out, running, to_promote
from .servers import Watch, writable

_SETTLED = 50  # acknowledged rows before and after a switchover


@dataclass(frozen=True)
class Switched:
    """One switchover under load: rows acknowledged and lost, seconds without a commit, and moments
    at which both nodes took writes.
    """

    acknowledged: int
    lost: int
    outage: float
    overlaps: int


def alive(pair: Lab, words: Words) -> str:
    """For `converging`: a run that nobody kills."""
    carry_out(pair, words.notebook, words.consent, **words.parameters)
    return ""


def against(pair: Lab) -> Sequence[str]:
    """What verify says against the pair, beyond warnings, each with its check."""
    with running(pair, "verify", light=True) as run:
        verdicts = judged(run, HEALTHY, look(run, closely=True))
    bad = [one for one in verdicts if one.level in ("critical", "unknown")]
    return [f"{one.title} {one.reason}" for one in bad]


def switched(pair: Lab) -> Switched:
    """The primary moves to the other node while clients write, and still do afterwards."""
    (old,) = writable(pair)
    new = "db1" if old == "db0" else "db0"
    with Watch(pair) as watch, Load(pair.dsn, clients=2, think=0.01) as load:
        load.more(_SETTLED)
        carry_out(pair, "promote", to_promote(new))
        load.more(_SETTLED)
    assert writable(pair) == [new]
    lost = len(load.missing(pair.dsn))
    return Switched(load.acknowledged, lost, load.longest_gap(), watch.overlaps)
