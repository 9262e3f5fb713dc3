"""Which node to rebuild, and by which method: with the evidence that decides it, and what each
method would cost.

Two histories are told apart by their WAL, not by timeline numbers: a standby that lost its signal
file opens on the same timeline, without any history file.
"""

from .evidence import Evidence, Measured, Rates, Rewinding, Weights
from .history import fork_of, history_of, one_switch, own_timeline, why_not_follow
from .options import KEEP_THE_OLD
from .planner import rebuild_plan, which_node
from .steps import stop_only

__all__ = [
    "KEEP_THE_OLD",
    "Evidence",
    "Measured",
    "Rates",
    "Rewinding",
    "Weights",
    "fork_of",
    "history_of",
    "one_switch",
    "own_timeline",
    "rebuild_plan",
    "stop_only",
    "which_node",
    "why_not_follow",
]
