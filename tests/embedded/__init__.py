"""The embedded pair: two real PostgreSQL servers, each behind a real ssh server, for demos, tests
and practice.

The topmost floor: nothing else imports it, and its libraries (extra `lab`) never reach a production
host.
"""

from .errors import LabError
from .lab import Lab, LabNode
from .load import Load, LoadReport, run_load
from .node_status import NodeStatus
from .pair import down, find, status, up

__all__ = [
    "Lab",
    "LabError",
    "LabNode",
    "Load",
    "LoadReport",
    "NodeStatus",
    "down",
    "find",
    "run_load",
    "status",
    "up",
]
