"""Which node is to be what, and how a client that knows one node by an address knows the other."""

from __future__ import annotations

from dataclasses import dataclass

from ..judgement.plans import Plan
from ..model import Node, Pair
from .ini import Target


@dataclass(frozen=True)
class Move:
    """The roles as they are to be, by the nodes' names."""

    pair: Pair
    primary: str
    standby: str

    @classmethod
    def of(cls, pair: Pair, plan: Plan) -> Move:
        """As the plan wants them."""
        return cls(pair, plan.node, plan.peer)

    @property
    def back(self) -> Move:
        """The roles exchanged."""
        return Move(self.pair, self.standby, self.primary)

    def filled(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """A command's words with the nodes' names and addresses in them."""
        values = self._values()
        return tuple(_fill(word, values) for word in words)

    def _values(self) -> dict[str, str]:
        found = {"primary": self.primary, "standby": self.standby}
        for role, name in tuple(found.items()):
            node = self.pair[name]
            found |= {f"{role}_host": node.host, f"{role}_port": str(node.port)}
        return found


def _fill(word: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        word = word.replace("{" + key + "}", value)
    return word


def node_at(pair: Pair, target: Target) -> Node | None:
    """The node of the pair that has this address, as we or as the other node reach it."""
    for node in pair:
        if (target.host, target.port) in _addresses(node):
            return node
    return None


def address_like(pair: Pair, target: Target, name: str) -> Target:
    """The address of a node in the way in which `target` names one.

    Raises LookupError where it names none.
    """
    node = node_at(pair, target)
    if node is None:
        raise LookupError(f"{target.host or 'a Unix socket'}:{target.port}")
    way = _addresses(node).index((target.host, target.port))
    return Target(*_addresses(pair[name])[way])


def _addresses(node: Node) -> tuple[tuple[str, int], tuple[str, int]]:
    return (node.host, node.port), node.seen_by_peer
