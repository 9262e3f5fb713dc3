"""The nouns. Nothing in here can reach a server, and everything is frozen."""

from .clients import Client, ClientSeen, Command, Libpq, Pgbouncer
from .deeds import Deed, Deeds, Verdict, Verdicts
from .fence import Fence, Witness
from .kept import Kept
from .notes import Note, ends_of
from .outage import Mark, Outage, last_outage
from .pair import Limits, Node, Pair, Timeouts
from .phases import Phase, Process, phase_of
from .positions import Lsn, Position
from .sightings import (
    Blank,
    Control,
    Disk,
    Hung,
    Receiver,
    Running,
    Sender,
    Sighting,
    Silent,
    Slot,
    Stopped,
    is_or_was_standby,
    system_id_of,
)
from .snapshot import Snapshot
from .ssh import Ssh
from .survey import ForNow, Survey
from .vantage import HERE, Heard, Vantage

__all__ = [
    "HERE",
    "Blank",
    "Client",
    "ClientSeen",
    "Command",
    "Control",
    "Deed",
    "Deeds",
    "Disk",
    "Fence",
    "ForNow",
    "Heard",
    "Hung",
    "Kept",
    "Libpq",
    "Limits",
    "Lsn",
    "Mark",
    "Node",
    "Note",
    "Outage",
    "Pair",
    "Pgbouncer",
    "Phase",
    "Position",
    "Process",
    "Receiver",
    "Running",
    "Sender",
    "Sighting",
    "Silent",
    "Slot",
    "Snapshot",
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
