"""What would be done, and why: pure functions from a Snapshot to a Plan, or to a Refusal that says
why not.
"""

from .plan import Plan
from .promote import promotion_plan
from .rebuild import Evidence, rebuild_plan
from .setup import Wishes, setup_plan
from .unfinished import took_over

__all__ = [
    "Evidence",
    "Plan",
    "Wishes",
    "promotion_plan",
    "rebuild_plan",
    "setup_plan",
    "took_over",
]
