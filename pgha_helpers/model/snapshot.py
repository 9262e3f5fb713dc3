"""Both sightings, taken together. A snapshot never changes; look again for a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from . import show
from .causes import Cause, merged
from .clients import ClientSeen
from .disk import Disk
from .errors import NotSeen
from .host import Host, Start
from .pair import Pair
from .positions import Position
from .sightings import Running, Sighting, disk_of, system_id_of
from .survey import Refused, Survey
from .unseen import by_shell, by_sql
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
    drilled: float | None = None  # seconds since the last drill that passed; of a close look
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
        if why := self.why_not_one_primary():
            none = "no node is seen to be writable: " if not self.primaries else ""
            raise _unseen(none, why)
        return self.primaries[0]

    def why_not_one_primary(self) -> tuple[Cause, ...]:
        """What keeps us from naming the one writable node; nothing where there is one."""
        if len(self.primaries) == 1:
            return ()
        if self.primaries:
            stop = "stop one at once: rebuild with node= and method=stop"
            if len(set(self.system_ids())) > 1:
                stop = "if they are to be a pair, run setup; else correct host in the pair file"
            return (Cause((), self.two_primaries(), stop),)
        standbys = Cause(self.pair.names, "both are standbys", "run promote: nobody can write")
        return self.unasked() or (standbys,)

    @property
    def standby(self) -> Running:
        """The one node in recovery. Raises NotSeen in the nodes' own words if there is none, or
        two.
        """
        if len(self.standbys) != 1:
            raise _unseen("no standby is seen: ", self.unasked() or self.why_not_one_primary())
        return self.standbys[0]

    def disk(self, name: str) -> Disk:
        """What this node's shell says of its disk. Raises NotSeen where it says nothing, or speaks
        of another server than SQL.
        """
        return dict(self._disks(name))[name]

    def disks(self) -> list[tuple[str, Disk]]:
        """The same of both nodes, in the order of the pair. Raises NotSeen with every cause."""
        return self._disks(*self.pair.names)

    def _disks(self, *names: str) -> list[tuple[str, Disk]]:
        why = merged(cause for name in names for cause in self._by_shell(name))
        found = [(name, disk_of(self[name])) for name in names]
        known = [(name, disk) for name, disk in found if disk]
        if why or len(known) < len(found):
            raise _unseen("", why)
        return known

    def unasked(self) -> tuple[Cause, ...]:
        """Why SQL is not answered, of every node that does not answer it."""
        return merged(cause for name in self.pair.names for cause in self._by_sql(name))

    def _by_sql(self, name: str) -> tuple[Cause, ...]:
        return tuple(by_sql(self.pair, self[name], self.other(name)))

    def _by_shell(self, name: str) -> tuple[Cause, ...]:
        return tuple(by_shell(self.pair, self[name], self.other(name)))

    def not_seen(self, name: str) -> NotSeen:
        """What to raise where more would have to be known of this node than its shell tells."""
        return _unseen("", self._by_sql(name))

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
            mend = f"mend what keeps {name} from being looked at"
            not_looked = (Cause((name,), found.removeprefix(f"{name}: "), mend),)
            raise _unseen("", self._by_sql(name) or not_looked)
        return cast(Survey, Refused(found)) if found.unseen else found

    def host(self, name: str) -> Host:
        """What the shell said in a close look at this node. Raises NotSeen as `closely` does."""
        found = self.closely(name)
        if why := self._by_shell(name):
            raise _unseen("", why)
        if found.host is None:
            told = found.host_unseen.removeprefix(f"{name}: ")
            why = (Cause((name,), told, "mend its shell, and what it may run"),)
            raise _unseen("", why)
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


def _unseen(what: str, why: tuple[Cause, ...]) -> NotSeen:
    """What a judgement says that leans on what was not seen."""
    remedies = dict.fromkeys(cause.remedy for cause in why if cause.remedy)
    return NotSeen(what + "; ".join(map(str, why)), "; ".join(remedies), why)


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
        return f"PostgreSQL {seen.major}; feeds {fed or 'nobody'}"
    fed = "fed by nobody"
    if seen.receiver:
        by = "fed by " if seen.receiver.sender_host else "its walreceiver is "
        fed = by + seen.receiver.source
    return f"PostgreSQL {seen.major}; {fed}"
