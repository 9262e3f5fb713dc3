"""A plan: what it aims at, the steps in order, and the words of consent that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from .. import show


@dataclass(frozen=True, repr=False)  # shown by its table
class Plan(show.Shown):
    """What a run would do past its gate. Two plans are equal when consent to one is consent to the other.

    `kind` names the procedure (a key of `checks.BEFORE`); `node` is the node that the consent names and
    `peer` the other one. `told` are facts shown at the gate that may move from second to second. A plan with
    `already` set has nothing to do, and says why.
    """

    verb: str
    node: str
    peer: str
    kind: str
    steps: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    roles: str = ""
    told: tuple[str, ...] = field(default=(), compare=False)
    already: str = ""

    @property
    def consent(self) -> str:
        """The exact words to type: `promote db1`, or `setup db1, restart db0`."""
        return ", ".join((f"{self.verb} {self.node}", *self.extras))

    @property
    def lost(self) -> str:
        """The other node where it is taken for lost, so that it need not be reached nor locked; else empty."""
        return self.peer if self.kind in ("failover", "promoted") else ""

    def table(self) -> show.Table:
        """The steps, numbered."""
        if self.already:
            return show.Table(("plan",), [(self.already,)])
        rows = [(str(n), step) for n, step in enumerate(self.steps, 1)]
        return show.Table(("", f"plan: {self.kind}; consent: {self.consent}"), rows)

    def __str__(self) -> str:
        return "\n".join([str(self.table()), *self.told])

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(line)}</p>" for line in self.told)
        return self.table()._repr_html_() + told


def named(confirm: str, verb: str, names: tuple[str, str]) -> str:
    """The node that a consent names, or an empty string.

    >>> named("promote db1", "promote", ("db0", "db1"))
    'db1'
    >>> named("", "promote", ("db0", "db1"))
    ''
    """
    first = confirm.split(",")[0].strip()
    return next((name for name in names if first == f"{verb} {name}"), "")
