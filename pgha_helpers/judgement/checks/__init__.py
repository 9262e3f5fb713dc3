"""Judgement: pure functions of a Snapshot that say why not, in a sentence with the number in it, or
nothing.

A check is written as if every node had answered. Where one did not, the snapshot raises NotSeen in
that node's own words, `judge` turns it into a no, and so silence fails closed without a single
`if`.
"""

from .check import Check, check, judge
from .checklists import AFTER, BEFORE, DEFINED, HEALTHY, before
from .readiness import readiness
from .reads import read_traffic
from .settings import parity

__all__ = [
    "AFTER",
    "BEFORE",
    "DEFINED",
    "HEALTHY",
    "Check",
    "before",
    "check",
    "judge",
    "parity",
    "read_traffic",
    "readiness",
]
