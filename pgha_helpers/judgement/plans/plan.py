"""A plan: what it aims at, the steps in order, and the words of consent that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from html import escape

from ...model import show
from .consent import Extra, ExtraKind, consent_to, typed


class StepKind(StrEnum):
    """What a step does, where something decides by it: a copy is made, by this program."""

    BASEBACKUP = "pg_basebackup"
    RSYNC = "rsync"


class Step(str):
    """A step that something decides by: its words, and its kind. All others are words alone."""

    kind: StepKind

    def __new__(cls, kind: StepKind, words: str) -> Step:
        """The step of this kind, in these words."""
        made = super().__new__(cls, words)
        made.kind = kind
        return made

    def __getnewargs__(self) -> tuple[StepKind, str]:  # type: ignore[override]
        """For copies, of which the journal makes one."""
        return self.kind, str(self)


@dataclass(frozen=True)
class Option:
    """One way to reach the aim. `why_not` is empty where it is possible.

    `bytes` is what would be moved and `seconds` what that would take, None where unknown. `beside`
    tells that a method which can work in the old directory does so in a fresh one beside, from
    which the old one is only read.
    """

    method: str
    why_not: str = ""
    bytes: int | None = None
    seconds: float | None = None
    needs: tuple[str, ...] = ()
    chosen: bool = False
    beside: bool = False

    @property
    def kind(self) -> str:
        """What a plan that takes it is called."""
        return f"{self.method} beside" if self.beside else self.method

    @property
    def cost(self) -> str:
        """Bytes and seconds as a person reads them."""
        moved = "" if self.bytes is None else f"moves {show.size(self.bytes)}"
        took = "" if self.seconds is None else f"about {show.span(max(1, self.seconds))}"
        return ", ".join(filter(None, (moved, took))) or "unknown"

    def row(self) -> tuple[str, str, str, str, str]:
        """Its line in the table of options."""
        possible = f"no: {self.why_not}" if self.why_not else "yes"
        return (
            self.method,
            possible,
            self.cost,
            "; ".join(self.needs),
            "chosen" if self.chosen else "",
        )


@dataclass(frozen=True, repr=False)  # shown by its table
class Plan(show.Shown):
    """What a run would do past its gate. Two plans are equal when consent to one is consent to the
    other.

    `kind` names the procedure (a key of `checks.BEFORE`); `node` is the node that the consent names
    and `peer` the other one. `told` are facts shown at the gate that may move from second to
    second; `options` is every way that was thought of, the chosen one among them; `behind` what
    only `node` has committed. A plan with `already` set has nothing to do, and says why.
    """

    verb: str
    node: str
    peer: str
    kind: str
    steps: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    roles: str = ""
    told: tuple[str, ...] = field(default=(), compare=False)
    already: str = ""
    options: tuple[Option, ...] = field(default=(), compare=False)
    behind: show.Table | None = field(default=None, compare=False)

    @property
    def consent(self) -> str:
        """The exact words to type: `promote db1`, or `setup db1, restart db0`."""
        return consent_to(self.verb, self.node, *self.extras)

    @property
    def lost(self) -> str:
        """The other node where it is taken for lost, so that it need not be reached nor locked;
        else empty.
        """
        return self.peer if self.kind in ("failover", "promoted") else ""

    def covered_by(self, given: str) -> bool:
        """Whether these words consent to this plan.

        They may name more than it needs by now, where an earlier run that died has done that
        meanwhile.

        >>> plan = Plan("rebuild", "db0", "db1", "follow")
        >>> [plan.covered_by(f"rebuild db0{more}")
        ... for more in ("", ", leave 12 transactions", ", restart db1")]
        [True, True, False]
        """
        if given == self.consent:
            return True
        first, *more = given.split(",")
        if first.split() != [self.verb, self.node]:
            return False
        covered = []
        for words in more:
            part = typed(words)
            if part is None:
                return False
            meant = next((extra for extra in self.extras if part.covers(extra)), None)
            if meant is not None:
                covered.append(meant)
            elif not part.done_before:
                return False
        return tuple(covered) == self.extras

    def beyond(self, consented: Plan) -> list[Extra]:
        """The extras that a consent to the other plan does not cover."""
        return [
            extra
            for extra in self.extras
            if not any(part.covers(extra) for part in consented.extras)
        ]

    def stands(self, shown: Plan) -> bool:
        """Whether a consent to what was shown is one to this, too.

        A node that takes writes may have committed more meanwhile: that is judged once it has
        stopped.
        """
        if not self.kind == shown.kind == "give up":
            return self == shown
        more = [extra for extra in self.beyond(shown) if extra.kind != ExtraKind.LEAVE]
        return (self.verb, self.node, self.peer) == (
            shown.verb,
            shown.node,
            shown.peer,
        ) and not more

    @property
    def chosen(self) -> str:
        """The kind of the option that was chosen; empty where there was nothing to choose."""
        return next((option.kind for option in self.options if option.chosen), "")

    def table(self) -> show.Table:
        """The steps, numbered."""
        if self.already:
            return show.Table(("plan",), [(self.already,)])
        rows = [(str(n), step) for n, step in enumerate(self.steps, 1)]
        return show.Table(("", f"plan: {self.kind}; consent: {self.consent}"), rows)

    def choices(self) -> show.Table | None:
        """Every option with its reason, cost and needs; None where there was nothing to choose."""
        head = ("method", "possible", "cost", "needs", "")
        return show.Table(head, [option.row() for option in self.options]) if self.options else None

    def __str__(self) -> str:
        choices = [f"{option.method}: {_line(option)}" for option in self.options]
        behind = [str(self.behind)] if self.behind else []
        return "\n".join([str(self.table()), *choices, *self.told, *behind])

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(line)}</p>" for line in self.told)
        tables = [self.table(), self.choices(), self.behind]
        first, second, third = (table._repr_html_() if table else "" for table in tables)
        return first + second + told + third


def _line(option: Option) -> str:
    """An option in a sentence: a terminal is too narrow for the table."""
    _, possible, cost, needs, chosen = option.row()
    told = f"{cost}; needs {needs}" if needs else cost
    if option.why_not:
        told = possible
    return f"{told}  [chosen]" if chosen else told


def confirmed_node(confirm: str, verb: str, names: tuple[str, str]) -> str:
    """The node that a consent names, or an empty string.

    >>> confirmed_node("promote db1", "promote", ("db0", "db1"))
    'db1'
    >>> confirmed_node("", "promote", ("db0", "db1"))
    ''
    """
    first = confirm.split(",")[0].strip()
    return next((name for name in names if first == f"{verb} {name}"), "")
