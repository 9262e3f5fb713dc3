"""A copy of the primary by rsync, compared by content.

Into the data directory itself, or into one beside.
"""

from .copying import copy_beside, copy_in_place

__all__ = ["copy_beside", "copy_in_place"]
