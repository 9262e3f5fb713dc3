"""What can be told of a node from one place: whether it answers there, and by which means that was
found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: This machine, as a place from which a node is looked at.
HERE = "this machine"


def own_place(node: str) -> str:
    """A node's own machine, as a place from which it is looked at."""
    return f"{node} itself"


@dataclass(frozen=True)
class Heard:
    """An answer to one question: yes, no, or nobody can tell; and the words that go with it."""

    says: Literal["yes", "no", "unknown"]
    words: str = ""

    def __str__(self) -> str:
        return f"{self.says}: {self.words}" if self.words else self.says


UNTRIED = Heard("unknown", "not tried")


@dataclass(frozen=True)
class Vantage:
    """One node as it is seen from one place.

    `sql` is yes where a server takes sessions, or answers that it has none left; `tcp` where its
    port takes connections: the kernel does that for a server that was stopped with SIGSTOP, too.
    `ssh` is tried from this machine only. `receiver` is what a standby's own walreceiver says;
    `seconds` is how long the look took.
    """

    place: str
    node: str
    sql: Heard = UNTRIED
    tcp: Heard = UNTRIED
    ssh: Heard = UNTRIED
    receiver: str = ""
    seconds: float = 0.0

    @property
    def own(self) -> bool:
        """Whether the node was asked on its own machine."""
        return self.place == own_place(self.node)

    @property
    def alive(self) -> bool:
        """Something that takes connections answers there at PostgreSQL's address."""
        return "yes" in (self.sql.says, self.tcp.says)

    def __str__(self) -> str:
        parts = {"SQL": self.sql, "TCP": self.tcp, "ssh": self.ssh}
        told = [f"{name} {heard}" for name, heard in parts.items() if heard != UNTRIED]
        if self.receiver:
            told.append(self.receiver)
        return "; ".join(told)
