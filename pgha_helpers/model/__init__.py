"""The nouns: a pair, its nodes, what was seen of them, and what is said of that. All is frozen.

Nothing in here can reach a server, and nothing but the standard library is imported. What another
room has to know of is written down here first: a new thing to see is a field of a sighting or of
`Survey`, a new setting of a pair file a field of `pair.py`, a difference between two versions of
PostgreSQL a row of `dialect.py`.
"""

from .causes import Cause
from .chain_notes import Head, Note, ends_of
from .clients import Client, ClientSeen, Command, Libpq, Pgbouncer
from .deeds import Deed, DeedKind, Deeds
from .disk import Control, Disk
from .fence import Fence, Witness
from .host import ForNow
from .outage import Mark, Outage, last_outage
from .pair import Limits, Node, Pair, Timeouts
from .past import Past, Spread
from .phases import Phase, Process, phase_of
from .positions import Lsn, Position
from .replication import Receiver, Sender, Slot
from .set_aside import SetAside
from .sightings import (
    Blank,
    Hung,
    Running,
    Sighting,
    Silent,
    Stopped,
    is_or_was_standby,
    system_id_of,
)
from .snapshot import Snapshot
from .ssh import Ssh
from .survey import Survey
from .vantage import HERE, Heard, Vantage
from .verdicts import Verdict, Verdicts

__all__ = [
    "HERE",
    "Blank",
    "Cause",
    "Client",
    "ClientSeen",
    "Command",
    "Control",
    "Deed",
    "DeedKind",
    "Deeds",
    "Disk",
    "Fence",
    "ForNow",
    "Head",
    "Heard",
    "Hung",
    "Libpq",
    "Limits",
    "Lsn",
    "Mark",
    "Node",
    "Note",
    "Outage",
    "Pair",
    "Past",
    "Pgbouncer",
    "Phase",
    "Position",
    "Process",
    "Receiver",
    "Running",
    "Sender",
    "SetAside",
    "Sighting",
    "Silent",
    "Slot",
    "Snapshot",
    "Spread",
    "Ssh",
    "Stopped",
    "Survey",
    "Timeouts",
    "Vantage",
    "Verdict",
    "Verdicts",
    "Witness",
    "ends_of",
    "is_or_was_standby",
    "last_outage",
    "phase_of",
    "system_id_of",
]
