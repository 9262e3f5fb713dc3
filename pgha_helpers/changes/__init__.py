"""Changing a pair: setup, switchover, failover and rebuild, each to be read from the top down.

Nothing changes before `gate.py` has heard the consent; `chain.py` notes each change on both nodes.
`deeds/` are the single acts: each looks, acts where that is needed, and looks again before it
claims success. May import every room below it. A new deed is a file or a function in `deeds/`, and
its place in a procedure.
"""

from .hand_over import follow, hand_over, plan_promotion
from .rebuild import plan_rebuild, rebuild
from .setup import plan_setup, set_up

__all__ = [
    "follow",
    "hand_over",
    "plan_promotion",
    "plan_rebuild",
    "plan_setup",
    "rebuild",
    "set_up",
]
