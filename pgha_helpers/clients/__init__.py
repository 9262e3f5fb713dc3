"""Clients: hold them, lead them to the new primary, let them go on, and prove that they can write.

Each kind of `clients:` is a file that says the verbs of `kind.py`; `canary/` is a client of our
own. May import all below it: `model`, `wire`, `judgement`, `run` and `facts`. A new kind is a
dataclass in `model/clients.py` and a file in here.
"""

from .held import HeldClients, look_at_clients
from .verbs import (
    lead_readers,
    left_behind,
    pause,
    point,
    prepare,
    redirect,
    take_clients_back,
)

__all__ = [
    "HeldClients",
    "lead_readers",
    "left_behind",
    "look_at_clients",
    "pause",
    "point",
    "prepare",
    "redirect",
    "take_clients_back",
]
