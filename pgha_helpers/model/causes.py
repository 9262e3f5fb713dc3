"""Why something could not be asked: each cause once, with the remedy that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cause:
    """What keeps us from knowing, or from going on.

    `what` names none of the `nodes`, so that the same on both is one cause. `more` goes on with it,
    in parts, and makes it no other one.
    """

    nodes: tuple[str, ...]
    what: str
    remedy: str = ""
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The cause without its remedy.

        >>> print(Cause(("db0", "db1"), "stopped", "start it"), Cause((), "no file"), sep="; ")
        db0 and db1: stopped; no file
        """
        who = f"{' and '.join(self.nodes)}: " if self.nodes else ""
        return who + self.what + " and".join(self.more)


def merged(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The same causes, in their order; one of both nodes names both.

    >>> [str(cause) for cause in merged([Cause(("db0",), "x", more=(" since 1",)),
    ... Cause(("db1",), "x", more=(" since 2",)), Cause(("db0",), "x", more=(" since 1",))])]
    ['db0 and db1: x since 1 and since 2']
    """
    found: dict[tuple[str, str], list[Cause]] = {}
    for cause in causes:
        found.setdefault((cause.what, cause.remedy), []).append(cause)
    return tuple(map(_one, found.values()))


def _one(same: list[Cause]) -> Cause:
    nodes = dict.fromkeys(node for cause in same for node in cause.nodes)
    more = dict.fromkeys(part for cause in same for part in cause.more)
    return replace(same[0], nodes=tuple(nodes), more=tuple(more))
