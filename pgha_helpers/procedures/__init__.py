"""The procedures: setup, the hand-over of a promotion, and the rebuild. Each is made of deeds, in order."""

from .hand_over import follow, hand_over, plan_promotion
from .rebuild import plan_rebuild, rebuild
from .setup import plan_setup, set_up

__all__ = ["follow", "hand_over", "plan_promotion", "plan_rebuild", "plan_setup", "rebuild", "set_up"]
