"""The gate of one run: what was planned and judged before it, what was typed, what it permits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from ..judgement.plans import Plan
from ..model import Snapshot, Verdicts


class Planner(Protocol):
    """Makes a plan of what is seen. Raises Refusal where there is nothing that may be done."""

    def __call__(self, now: Snapshot, /) -> Plan:
        """The plan."""


def _nothing(_: Snapshot, /) -> Plan:
    return Plan("", "", "", "")


@dataclass(frozen=True)
class Required:
    """A plan whose every check was found well on a snapshot."""

    plan: Plan
    now: Snapshot
    verdicts: Verdicts


@dataclass(frozen=True)
class LookUnderLock:
    """What the gate saw under its lock, and when: by the monotonic clock."""

    at: float
    now: Snapshot


@dataclass
class Gate:
    """The gate: `permit` is the plan that has passed it in this process, and None before that.

    `replan` is how the last plan was made: it is made again from what is seen under the lock, and
    once more before the first deed. `given` are the words by which the gate was passed last.
    """

    replan: Planner = _nothing
    required: Required | None = None
    given: str = ""
    permit: Plan | None = None
    _look: LookUnderLock | None = None

    def judged_before(self, plan: Plan, now: Snapshot) -> Verdicts | None:
        """What was judged last, if it was this very plan by this very look."""
        last = self.required
        if last is None or last.plan != plan or last.now is not now:
            return None
        return last.verdicts

    def saw(self, now: Snapshot) -> None:
        """Keep what was just seen under the lock, for whoever does the first deed."""
        self._look = LookUnderLock(time.monotonic(), now)

    def take_look(self, younger_than: float) -> Snapshot | None:
        """What was seen under the lock, if that is so few seconds ago. It is given only once."""
        look, self._look = self._look, None
        if look is None or time.monotonic() - look.at >= younger_than:
            return None
        return look.now
