"""Reading: what the servers and the disks say. Nothing in here changes anything."""

from .look import look, until
from .rebuilding import evidence

__all__ = ["evidence", "look", "until"]
