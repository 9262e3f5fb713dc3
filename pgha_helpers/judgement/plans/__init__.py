"""What would be done, and why: pure functions from a Snapshot to a Plan, or to a Refusal that says
why not.
"""

from .plan import Plan
from .promote import plan_promotion, took_over
from .rebuild import Evidence, plan_rebuild
from .setup import Wishes, plan_setup

__all__ = [
    "Evidence",
    "Plan",
    "Wishes",
    "plan_promotion",
    "plan_rebuild",
    "plan_setup",
    "took_over",
]
