"""Both sightings, taken together. A snapshot never changes; look again for a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from . import show
from .clients import ClientSeen
from .errors import NotSeen
from .host import Host, Start
from .pair import Pair
from .positions import Position
from .sightings import Running, Sighting, system_id_of, to_be_seen
from .survey import Refused, Survey
from .vantage import Vantage


@dataclass(frozen=True, repr=False)  # shown by its table
class Snapshot(show.Shown):
    """What was seen of a pair at `taken` (UTC, ISO 8601 with Z), `seconds` after the question was
    put.

    `survey` holds by node what a close look adds, or a sentence that says why it could not; empty
    without one. `vantages` is how the nodes are seen from everywhere else; empty where nobody
    asked.
    """

    pair: Pair
    sightings: tuple[Sighting, Sighting]
    taken: str = ""
    seconds: float = 0.0
    survey: Mapping[str, Survey | str] = field(default_factory=dict)
    clients: tuple[ClientSeen, ...] = ()  # only a close look has them
    vantages: tuple[Vantage, ...] = ()
    given_up: str = ""  # the writable node that somebody has named as the one to lose

    def __getitem__(self, name: str) -> Sighting:
        return self.sightings[self.pair.names.index(name)]

    @property
    def running(self) -> tuple[Running, ...]:
        """The nodes that answered SQL."""
        return tuple(s for s in self.sightings if isinstance(s, Running))

    @property
    def primaries(self) -> tuple[Running, ...]:
        """Every writable node but one that is given up. More than one is a split brain."""
        return tuple(s for s in self.running if s.writable and s.node != self.given_up)

    @property
    def standbys(self) -> tuple[Running, ...]:
        """Every node that answered SQL and is in recovery."""
        return tuple(s for s in self.running if not s.writable)

    @property
    def primary(self) -> Running:
        """The one writable node. Raises NotSeen, in the silent node's own words, if none answers or
        if two do.
        """
        if len(self.primaries) == 2:
            raise NotSeen(
                self.two_primaries(), "fence one of them now; clients may be writing to both"
            )
        if not self.primaries:
            raise NotSeen(f"no node is writable: {self._words()}", self._none_writable())
        return self.primaries[0]

    @property
    def standby(self) -> Running:
        """The one node in recovery. Raises NotSeen in the nodes' own words if there is none, or
        two.
        """
        if len(self.standbys) != 1:
            raise NotSeen(
                f"there is not one standby: {self._words()}",
                self._remedy("see who is writable, before this"),
            )
        return self.standbys[0]

    def giving_up(self, name: str) -> Snapshot:
        """The same, with one of two writable nodes named as the one to lose: then the other is the
        primary.
        """
        return replace(self, given_up=name)

    def closely(self, name: str) -> Survey:
        """What a close look at this node found. Raises NotSeen where there was none, or it was not
        answered.
        """
        found = self.survey.get(name, "it was not looked at closely")
        if isinstance(found, str):
            raise NotSeen(
                f"{name}: {found}",
                to_be_seen(self[name]) or f"mend what keeps {name} from being looked at",
            )
        return cast(Survey, Refused(found)) if found.unseen else found

    def host(self, name: str) -> Host:
        """What the shell said in a close look at this node. Raises NotSeen as `closely` does."""
        found = self.closely(name)
        if found.host is None:
            raise NotSeen(f"{name}: {found.host_unseen}", f"mend the shell of {name}")
        return found.host

    def start(self, name: str) -> Start | None:
        """What this node's server would start with, as a close look has told; None without one."""
        found = self.survey.get(name, "")
        if isinstance(found, str) or found.host is None:
            return None
        return found.host.start

    def two_primaries(self) -> str:
        """What to say of two writable nodes: a split brain, or two clusters that were never a
        pair.
        """
        ours, theirs = self.system_ids()
        words = "two clusters, which only setup makes a pair (two primaries)"
        if ours == theirs:
            words = "two primaries"
        return f"both {' and '.join(self.pair.names)} are writable: {words}"

    def other(self, name: str) -> Sighting:
        """The sighting of the node that is not `name`."""
        return self[self.pair.other(name).name]

    def looked_at(self, name: str) -> tuple[Vantage, ...]:
        """This node as it is seen from each place that looked at it."""
        return tuple(v for v in self.vantages if v.node == name)

    def lag(self) -> int:
        """Bytes that the standby has not replayed yet. Raises NotSeen, or ValueError across
        timelines.
        """
        standby = self.standby
        return max(0, self.primary.position - Position(standby.timeline, standby.replayed))

    def system_ids(self) -> tuple[str, str]:
        """Both system identifiers; empty where one cannot be read."""
        return system_id_of(self.sightings[0]), system_id_of(self.sightings[1])

    def beside(self, after: Snapshot) -> show.Table:
        """Before and after, one above the other."""
        names = self.pair.names
        rows = [(name, str(self[name]), str(after[name])) for name in names]
        return show.Table(("node", f"before, {self.taken}", f"after, {after.taken}"), rows)

    def table(self) -> show.Table:
        """One row per node: what it is, what its shell says, and who is attached. Below, each other
        view of it.
        """
        rows = [self._row(s) for s in self.sightings]
        rows += [(v.node, f"from {v.place}", str(v), show.span(v.seconds)) for v in self.vantages]
        return show.Table(("node", "address", "seen as", "details"), rows)

    def _row(self, seen: Sighting) -> tuple[str, str, str, str]:
        node = self.pair[seen.node]
        return node.name, f"{node.host}:{node.port}", str(seen), _details(seen)

    def _none_writable(self) -> str:
        lost = ""
        if len(self.running) < 2:
            lost = "; if that is lost, run promote with occasion=failover"
        return self._remedy("run promote") + lost

    def _remedy(self, else_: str) -> str:
        """What to do about every node that does not answer SQL, or something else where both do."""
        return "; ".join(filter(None, map(to_be_seen, self.sightings))) or else_

    def _words(self) -> str:
        return "; ".join(f"{s.node} {s}" for s in self.sightings)


def streams_to(primary: Running, standby: str) -> bool:
    """Whether a walsender of this primary streams to the standby, which calls itself by its node's
    name.
    """
    return any(
        sender.application == standby and sender.state == "streaming" for sender in primary.senders
    )


def _details(seen: Sighting) -> str:
    if not isinstance(seen, Running):
        return ""
    if seen.writable:
        fed = ", ".join(f"{s.application} {s.state}" for s in seen.senders)
        return f"PostgreSQL {seen.version // 10000}; feeds {fed or 'nobody'}"
    fed = "fed by nobody"
    if seen.receiver:
        fed = f"fed by {seen.receiver.sender_host}:{seen.receiver.sender_port}"
    return f"PostgreSQL {seen.version // 10000}; {fed}"
