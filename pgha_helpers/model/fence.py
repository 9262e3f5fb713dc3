"""How a node is made unable to write when its own shell does not answer, and who else looks at
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ssh import Ssh
from .units import CLOSED, Seconds


@dataclass(frozen=True)
class Fence:
    """A program that takes a node away from its clients for good, and one that says whether it is
    away.

    Each is a list of arguments, never a line for a shell. They run on this machine, on the witness
    that is named, or on the host that `ssh` names. Status 0 of `check` means that the node is off,
    anything else that it is not; `within` is how long, in seconds, it may take until then.
    """

    __pydantic_config__ = CLOSED
    command: tuple[str, ...]
    check: tuple[str, ...]
    witness: str = ""
    ssh: Ssh | None = None
    within: Seconds = Seconds(30)


@dataclass(frozen=True)
class Witness:
    """A host that looks at the nodes from where it stands, over the network that clients use.

    `bin_directory` is where its pg_isready is, if that is not on the PATH.
    """

    __pydantic_config__ = CLOSED
    name: str
    ssh: Ssh
    bin_directory: str = ""
